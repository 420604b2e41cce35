import { describe, expect, it } from 'vitest';
import { type CatalogueRow, catalogueRows } from '../../src/manifest/catalogue.ts';
import { selectArchived } from '../../src/restore/select.ts';
import { batchId, manifestOf } from '../support/manifests.ts';

const THREAD = 'agent:main:slack:channel:c0123abcd:thread:1712345600.000100';
let made = 0;

function row(changes: Partial<CatalogueRow>): CatalogueRow {
  made += 1;
  const [base] = catalogueRows(manifestOf(made));
  return { ...(base as CatalogueRow), ...changes };
}

const rows = [
  row({ session_key: THREAD, session_id: 'first' }),
  row({ session_key: 'agent:main:slack:channel:c0123abcd', session_id: 'channel-id' }),
  row({
    session_key: 'agent:research:slack:channel:c0123abcd',
    session_id: 'research-id',
    agent_id: 'research',
  }),
  row({ session_key: THREAD, session_id: 'second' }),
  row({ session_key: THREAD, session_id: 'first', action: 'files', kind: 'orphan' }),
  row({ session_key: null, session_id: 'lonely', action: 'files', kind: 'orphan' }),
  row({ session_key: 'agent:main:signal:group:AbC=', session_id: 'signal-id' }),
];
const idOf = (index: number) => rows[index]?.archive_id ?? '';
const select = (selector: string, agents?: readonly string[]) =>
  selectArchived(rows, selector, agents).archive_id;

describe('a selector', () => {
  it.each<[string, string, number]>([
    ['a session key means its newest generation', THREAD, 3],
    ['spaces and capitals around it do not matter', ` ${THREAD.toUpperCase()}\n`, 3],
    ['a key with capitals is found as written', 'agent:main:signal:group:AbC=', 6],
    ['the part of a key behind the agent will do', 'slack:channel:c0123abcd:thread:1712345600.000100', 3],
    ['a session id means that generation, not its loose files', 'first', 0],
    ['a session id finds loose files where there is nothing else', 'lonely', 5],
    [
      'a permalink to a reply means the thread',
      'https://t.slack.com/archives/C0123ABCD/p1712345678901234?thread_ts=1712345600.000100&cid=C0123ABCD',
      3,
    ],
    [
      'a permalink to the first message of a thread means the thread',
      'https://t.slack.com/archives/C0123ABCD/p1712345600000100',
      3,
    ],
  ])('%s', (_what, selector, index) => {
    expect(select(selector)).toBe(idOf(index));
  });

  it('that is an archive id means exactly that generation, loose files too', () => {
    for (const index of rows.keys()) expect(select(idOf(index).toUpperCase())).toBe(idOf(index));
  });

  it.each([
    '',
    'nothing',
    'agent:main',
    'slack:channel:c012',
    `${batchId(1)}.99`,
    '*',
    '%',
    'https://t.slack.com/archives/CXXXXXXXX/p1712345678901234',
  ])('that fits nothing is unknown: %j', (selector) => {
    expect(() => select(selector)).toThrowError(expect.objectContaining({ code: 'selector-unknown' }));
  });

  it('that fits conversations of two agents is ambiguous, and the hint names both', () => {
    expect(() => select('slack:channel:c0123abcd')).toThrowError(
      expect.objectContaining({
        code: 'selector-ambiguous',
        hint: expect.stringContaining(`${idOf(1)}, ${idOf(2)}`),
      }),
    );
    expect(select('slack:channel:c0123abcd', ['research'])).toBe(idOf(2));
  });

  it('never looks at agents that were not asked for', () => {
    expect(() => select(THREAD, ['research'])).toThrowError(
      expect.objectContaining({ code: 'selector-unknown' }),
    );
  });

  it('is shown short and safe for a terminal in the message', () => {
    try {
      select(`\u001b[31m${'x'.repeat(5000)}`);
    } catch (error) {
      const { message } = error as Error;
      expect(message.length).toBeLessThan(250);
      expect(message).not.toContain('\u001b');
      return;
    }
    throw new Error('found');
  });
});
