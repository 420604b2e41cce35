import { describe, expect, it } from 'vitest';
import {
  formatSeconds,
  type ProgressState,
  progressBar,
  progressLine,
} from '../../../src/cli/progress/progress-text.ts';

const MB = 1024 * 1024;

const HALFWAY: ProgressState = {
  command: 'archive',
  unit: 'sessions',
  done: 120,
  total: 1290,
  bytesDone: 300 * MB,
  bytesTotal: 600 * MB,
  bytesPerSecond: 4 * MB,
};

const state = (changes: Partial<ProgressState> = {}): ProgressState => ({ ...HALFWAY, ...changes });

describe('a line of progress', () => {
  it.each<[string, Partial<ProgressState>, string]>([
    ['halfway', {}, '50%, 300 MB of 600 MB, 120 of 1,290 sessions, 4.0 MB/s, 1 min 15 s left'],
    ['before there is a rate', { bytesPerSecond: undefined }, '50%, 300 MB of 600 MB, 120 of 1,290 sessions'],
    ['stuck', { bytesPerSecond: 0 }, '50%, 300 MB of 600 MB, 120 of 1,290 sessions, 0 B/s'],
    [
      'almost done, which is not done',
      { bytesDone: 600 * MB - 1 },
      '99%, 600 MB of 600 MB, 120 of 1,290 sessions, 4.0 MB/s, 1 s left',
    ],
    [
      'with all bytes there, while rows are changed',
      { bytesDone: 600 * MB },
      '100%, 600 MB of 600 MB, 120 of 1,290 sessions, finishing',
    ],
    [
      'of sessions that have no files',
      { bytesDone: 0, bytesTotal: 0, bytesPerSecond: 0, done: 1, total: 3 },
      '33%, 0 B of 0 B, 1 of 3 sessions, 0 B/s',
    ],
    [
      'of nothing',
      { bytesDone: 0, bytesTotal: 0, bytesPerSecond: undefined, done: 0, total: 0 },
      '0 B of 0 B, 0 of 0 sessions',
    ],
    [
      'of an unknown total',
      { unit: 'packs', done: 2, total: undefined, bytesTotal: undefined },
      '300 MB, 2 packs, 4.0 MB/s',
    ],
    [
      'so slow that nobody can tell when it ends',
      { bytesPerSecond: 100 },
      '50%, 300 MB of 600 MB, 120 of 1,290 sessions, 100 B/s',
    ],
  ])('%s', (_what, changes, text) => {
    expect(progressLine(state(changes))).toBe(`archive: ${text}`);
  });
});

describe('a phase', () => {
  const settling = state({ phase: { name: 'settling', leftMs: 43_200 } });
  const long = 'waiting until the gateway cannot overwrite the rows any more (44 s)';

  it.each([
    [80, `archive: ${long}`],
    [70, long],
    [40, 'waiting (44 s)'],
    [8, 'waiting'],
  ])('says on %i columns what fits', (columns, line) => {
    expect(progressBar(settling, columns)).toBe(line);
  });

  it('takes the whole line elsewhere', () => {
    expect(progressLine(settling)).toBe(`archive: ${long}`);
    expect(progressLine(state({ phase: { name: 'planning' } }))).toBe('archive: planning');
  });
});

describe('a bar', () => {
  it.each([
    [
      140,
      'archive [===========>            ]  50%  300 MB of 600 MB, 120 of 1,290 sessions, 4.0 MB/s, 1 min 15 s left',
    ],
    [100, 'archive [====>     ]  50%  300 MB of 600 MB, 120 of 1,290 sessions, 4.0 MB/s, 1 min 15 s left'],
    [80, 'archive [====>     ]  50%  300 MB of 600 MB, 4.0 MB/s, 1 min 15 s left'],
    [62, 'archive [====>     ]  50%  300 MB of 600 MB, 1 min 15 s left'],
    [50, 'archive [====>     ]  50%  1 min 15 s left'],
    [20, '50%'],
    [3, '50'],
    [0, ''],
  ])('in %d columns', (columns, text) => {
    expect(progressBar(state(), columns)).toBe(text);
  });

  it('never fills the line, whatever the width, and only the bar is painted', () => {
    for (const changes of [{}, { bytesTotal: undefined, total: undefined }, { bytesDone: 600 * MB }]) {
      for (let columns = 1; columns < 200; columns += 1) {
        const plain = progressBar(state(changes), columns);
        expect(plain.length).toBeLessThan(columns);
        const painted = progressBar(state(changes), columns, (bar) => `<${bar}>`);
        expect(painted.replace(/[<](?=[= ])|[>](?=\])/g, '')).toBe(plain);
      }
    }
  });

  it('is empty at first and full only at the end', () => {
    const bar = (bytesDone: number) => /\[(.*)\]/.exec(progressBar(state({ bytesDone }), 200))?.[1];
    expect(bar(0)).toBe(' '.repeat(24));
    expect(bar(600 * MB - 1)).toBe(`${'='.repeat(22)}> `);
    expect(bar(600 * MB)).toBe('='.repeat(24));
  });

  it('is none where the total is not known', () => {
    expect(progressBar(state({ bytesTotal: undefined, total: undefined }), 80)).toBe(
      'archive: 300 MB, 120 sessions, 4.0 MB/s',
    );
  });
});

it.each([
  [0, '0 s'],
  [59, '59 s'],
  [60, '1 min 0 s'],
  [754, '12 min'],
  [3600, '1 h 0 min'],
  [90_061, '25 h 1 min'],
])('%d seconds are %s', (seconds, text) => {
  expect(formatSeconds(seconds)).toBe(text);
});
