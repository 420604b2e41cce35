import { describe, expect, it } from 'vitest';
import { type CatalogueRow, catalogueRows } from '../../src/manifest/catalogue.ts';
import { numberGenerations } from '../../src/restore/generations.ts';
import { selectArchived, selectGenerations } from '../../src/restore/select.ts';
import { manifestOf } from '../support/manifests.ts';

const KEY = 'agent:main:slack:channel:c1';
let made = 0;

function row(changes: Partial<CatalogueRow>): CatalogueRow {
  made += 1;
  const [base] = catalogueRows(manifestOf(made));
  return { ...(base as CatalogueRow), session_key: KEY, ...changes };
}

const LOOSE = { action: 'files', kind: 'orphan' } as const;
const numbers = (rows: readonly CatalogueRow[]) =>
  numberGenerations(rows).map(({ number, of }) => [number, of]);

describe('generations', () => {
  it('are counted per conversation, the oldest first', () => {
    const other = row({ session_key: 'agent:main:other' });
    expect(numbers([row({ session_id: 'a' }), other, row({ session_id: 'b' })])).toEqual([
      [1, 2],
      [1, 1],
      [2, 2],
    ]);
  });

  it('of the same key in two agents are not one conversation', () => {
    const global = { session_key: 'global' };
    expect(numbers([row(global), row({ ...global, agent_id: 'ops' })])).toEqual([
      [1, 1],
      [1, 1],
    ]);
  });

  it('are not loose files of an older session, unless there is nothing else', () => {
    expect(numbers([row({ session_id: 'a' }), row({ session_id: 'x', ...LOOSE })])).toEqual([
      [1, 1],
      [null, 1],
    ]);
    expect(numbers([row({ session_id: 'x', ...LOOSE }), row({ session_id: 'y', ...LOOSE })])).toEqual([
      [1, 2],
      [2, 2],
    ]);
  });

  it('are not a row that a gateway wrote back after its files had gone', () => {
    expect(numbers([row({ session_id: 'a', files: 3 }), row({ session_id: 'a', files: 0 })])).toEqual([
      [1, 1],
      [null, 1],
    ]);
    // The same session with fewer files has been written to since: its newest words are in there.
    expect(numbers([row({ session_id: 'a', files: 3 }), row({ session_id: 'a', files: 1 })])).toEqual([
      [1, 2],
      [2, 2],
    ]);
  });
});

describe('flight recorders that were archived by themselves', () => {
  const recorder = (session_id: string) => row({ session_id, action: 'files', kind: 'channel' });
  const owned = (rows: readonly CatalogueRow[]) =>
    numberGenerations(rows).map(({ recorders }) => recorders.map((one) => rows.indexOf(one)));

  it('are no generations, not even where there is nothing else', () => {
    expect(numbers([recorder('a'), recorder('a')])).toEqual([
      [null, 0],
      [null, 0],
    ]);
    expect(numbers([recorder('a'), row({ session_id: 'x', ...LOOSE })])).toEqual([
      [null, 1],
      [1, 1],
    ]);
  });

  it('belong to the state of their session that was archived next, and to no other', () => {
    const rows = [
      recorder('a'),
      recorder('b'),
      row({ session_id: 'a' }),
      recorder('a'),
      row({ session_id: 'a' }),
    ];
    expect(owned(rows)).toEqual([[], [], [0], [], [3]]);
    expect(owned([recorder('a'), row({ session_id: 'a', store_id: 'other' })])).toEqual([[], []]);
  });

  it('stay with the conversation where loose files, or a row without its files, come in between', () => {
    const loose = row({ session_id: 'a', ...LOOSE });
    const remnant = row({ session_id: 'a', files: 0 });
    expect(owned([recorder('a'), loose, remnant, row({ session_id: 'a' })])).toEqual([[], [0], [0], [0]]);
  });

  it('are found by what names the conversation: the newest with those before it, by an archive id that one', () => {
    const rows = [recorder('a'), recorder('a')];
    const found = (selector: string) =>
      selectGenerations(rows, selector).map((one) => [rows.indexOf(one.row), one.recorders.length]);
    expect(found(KEY)).toEqual([[1, 1]]);
    expect(found('a')).toEqual([[1, 1]]);
    expect(found(rows[1]?.archive_id ?? '')).toEqual([[1, 0]]);
    const whole = row({ session_id: 'a' });
    expect(selectGenerations([...rows, whole], whole.archive_id)).toMatchObject([{ recorders: rows }]);
  });
});

describe('one of them', () => {
  const rows = [
    row({ session_id: 'a' }),
    row({ session_id: 'x', ...LOOSE }),
    row({ session_id: 'b' }),
    row({ session_id: 'c' }),
  ];
  const selected = (generation: number, selector = KEY) =>
    selectArchived(rows, selector, undefined, generation).session_id;

  it.each([
    [1, 'a'],
    [2, 'b'],
    [3, 'c'],
    [-1, 'c'],
    [-3, 'a'],
  ])('is number %i', (generation, sessionId) => {
    expect(selected(generation)).toBe(sessionId);
    // A number is one of the conversation, however that is named.
    expect(selected(generation, 'b')).toBe(sessionId);
  });

  it.each([4, -4, 0])('is not number %i, and the hint says what there is', (generation) => {
    expect(() => selected(generation)).toThrowError(
      expect.objectContaining({ code: 'selector-unknown', hint: expect.stringContaining('1 to 3') }),
    );
  });

  it('needs no number beside an archive id', () => {
    expect(() => selected(1, rows[0]?.archive_id)).toThrowError(expect.objectContaining({ code: 'usage' }));
  });

  it('is the newest without a number, and all are found oldest first', () => {
    expect(selectArchived(rows, KEY).session_id).toBe('c');
    expect(selectGenerations(rows, KEY).map((one) => one.row.session_id)).toEqual(['a', 'b', 'c']);
    expect(selectGenerations(rows, 'b').map((one) => [one.row.session_id, one.number])).toEqual([['b', 2]]);
    expect(selectGenerations(rows, 'x').map((one) => [one.row.session_id, one.number])).toEqual([
      ['x', null],
    ]);
  });
});
