import { describe, expect, test } from 'vitest';
import type { ErrorJson, ListJson, RestoreJson } from './support/answers.ts';
import { DAY_MS } from './support/home.ts';
import { NEXT_ID, revive } from './support/revived.ts';
import { type Thread, transcriptText } from './support/rooms.ts';
import { OLD_ID, type TrimmedHome, trimmedHome } from './support/trimmed.ts';

/** Archived, revived by a message, archived again. */
async function archivedTwice(): Promise<
  TrimmedHome & { readonly next: Thread; readonly ids: readonly string[] }
> {
  const trimmed = await trimmedHome();
  const { home, key } = trimmed;
  const next = await revive(trimmed, { text: 'the yearly numbers' });
  home.nowMs += 8 * DAY_MS;
  await home.json('archive');
  const { sessions } = await home.json<ListJson>('list', '--key', key);
  return { ...trimmed, next, ids: sessions.map(({ archiveId }) => archiveId) };
}

describe('a conversation that was archived, revived and archived again', () => {
  test('is listed with its generations counted, also where the list is narrowed', async () => {
    const { home, key } = await archivedTwice();
    const { sessions } = await home.json<ListJson>('list', '--key', key);
    expect(sessions.map((one) => [one.sessionId, one.generation, one.generations])).toEqual([
      [OLD_ID, 1, 2],
      [NEXT_ID, 2, 2],
    ]);
    const older = await home.json<ListJson>('list', '--key', key, '--older-than', '10d');
    expect(older.sessions.map((one) => [one.sessionId, one.generation, one.generations])).toEqual([
      [OLD_ID, 1, 2],
    ]);
    const { text } = (await home.clawback('list', '--key', key)).expect(0);
    expect(text).toMatch(/thread +1 of 2 .*\n.*thread +2 of 2 /);
  });

  test('is printed whole, the oldest first, with a line before each that says which it is', async () => {
    const { home, key, ids } = await archivedTwice();
    const { text } = (await home.clawback('cat', key)).expect(0);
    const lines = text.split('\n').filter((line) => line.startsWith('===') || line.includes(' user: '));
    // Workers have the system's clock.
    const withoutClock = lines.map((line) =>
      line.replace(/archived \d{4}-\d\d-\d\d \d\d:\d\d/, 'archived then'),
    );
    expect(withoutClock).toEqual([
      `=== generation 1 of 2: ${ids[0]}, archived then, last active 2026-11-12 09:30 (UTC) ===`,
      '[2026-11-12 09:30] user: the quarterly numbers',
      `=== generation 2 of 2: ${ids[1]}, archived then, last active 2026-11-21 09:30 (UTC) ===`,
      '[2026-11-21 09:30] user: the yearly numbers',
    ]);
  });

  test.each([
    ['1', 'quarterly'],
    ['2', 'yearly'],
    ['-1', 'yearly'],
    ['-2', 'quarterly'],
  ])('gives generation %s alone when asked', async (generation, word) => {
    const { home, key } = await archivedTwice();
    const { text } = (await home.clawback('cat', key, '--generation', generation)).expect(0);
    expect(text).toContain(word);
    expect(text).not.toContain(word === 'yearly' ? 'quarterly' : 'yearly');
    expect(text).not.toContain('===');
  });

  test('is not thrown together with --raw: the error says what to type', async () => {
    const { home, key, thread, next, ids } = await archivedTwice();
    const result = (await home.clawback('cat', key, '--raw')).expect(2);
    expect(result.text).toBe('');
    expect(result.stderr).toContain('--generation -1');
    for (const id of ids) expect(result.stderr).toContain(id);
    const raw = async (...argv: string[]) => (await home.clawback('cat', '--raw', ...argv)).expect(0).text;
    expect(await raw(key, '--generation', '1')).toBe(transcriptText(thread));
    expect(await raw(key, '--generation', '2')).toBe(transcriptText(next));
    expect(await raw(ids[0] ?? '')).toBe(transcriptText(thread));
    expect(await raw(NEXT_ID)).toBe(transcriptText(next));
  });

  test('has all of them in --json, the newest on top as before', async () => {
    const { home, key, ids } = await archivedTwice();
    const json = await home.json<Record<string, unknown>>('cat', key);
    expect(json).toMatchObject({
      archiveId: ids[1],
      sessionId: NEXT_ID,
      generations: [
        { generation: 1, generations: 2, archiveId: ids[0], sessionId: OLD_ID, files: [{}] },
        { generation: 2, generations: 2, archiveId: ids[1], sessionId: NEXT_ID, files: [{}] },
      ],
    });
  });

  test('comes back as its newest generation unless another is named', async () => {
    const { home, key, ids } = await archivedTwice();
    const restored = async (...argv: string[]) =>
      (await home.json<RestoreJson>('restore', ...argv, '--dry-run')).archiveId;
    expect(await restored(key)).toBe(ids[1]);
    expect(await restored(key, '--generation', '1')).toBe(ids[0]);
    expect(await restored(key, '--generation', '-2')).toBe(ids[0]);
    expect(await restored(ids[0] ?? '')).toBe(ids[0]);
  });

  test.each([
    ['3', 1, 'selector-unknown'],
    ['-3', 1, 'selector-unknown'],
  ])('has no generation %s, and the hint says how many there are', async (generation, code, error) => {
    const { home, key } = await archivedTwice();
    const result = await home.clawback('cat', key, '--generation', generation, '--json');
    expect(result.expect(code).json<ErrorJson>()).toMatchObject({
      code: error,
      hint: expect.stringContaining('1 to 2'),
    });
  });

  test.each(['0', 'x', '1.5'])('takes no generation %s', async (generation) => {
    const { home, key } = await trimmedHome();
    (await home.clawback('cat', key, '--generation', generation)).expect(2);
    (await home.clawback('restore', key, '--generation', generation)).expect(2);
  });
});
