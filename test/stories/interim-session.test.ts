import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ArchiveJson, ListJson, RestoreJson } from './support/answers.ts';
import { DAY_MS, HOUR_MS } from './support/home.ts';
import { NEXT_ID, revive } from './support/revived.ts';
import { type Thread, transcriptName, transcriptText, writeAged } from './support/rooms.ts';
import { readTree, type Tree } from './support/tree.ts';
import { OLD_ID, TRIM, type TrimmedHome, trimmedHome } from './support/trimmed.ts';

interface Resumed extends TrimmedHome {
  readonly next: Thread;
  /** The transcript of the session in between, with what hangs on it. */
  readonly interim: readonly string[];
  readonly before: Tree;
}

/** A message revives an archived thread; then somebody resumes the old transcript, and it goes on. */
async function resumed(): Promise<Resumed> {
  const trimmed = await trimmedHome();
  const { home, key, transcript } = trimmed;
  const next = await revive(trimmed, { text: 'the yearly numbers' });
  const name = transcriptName(next);
  const trajectory = name.replace(/\.jsonl$/, '.trajectory.jsonl');
  await writeAged(join(home.sessionsDir(), trajectory), '{"type":"session.started"}\n', home.nowMs);
  home.nowMs += HOUR_MS;
  await home.json('restore', key, '--resume');
  const more = transcriptText({ ...trimmed.thread, updatedAtMs: home.nowMs, text: 'the very old numbers' });
  const [, ...lines] = more.split('\n');
  await writeFile(transcript, `${await readFile(transcript, 'utf8')}${lines.join('\n')}`);
  await writeAged(transcript, await readFile(transcript), home.nowMs);
  return { ...trimmed, next, interim: [name, trajectory], before: await readTree(home.sessionsDir()) };
}

describe('the interim transcript of a conversation whose older session was resumed', () => {
  test('stays as long as its row stays, and is no unreferenced file', async () => {
    const { home, interim } = await resumed();
    await home.configure({ retention: { protectedPruneAfter: '30d' } });
    home.nowMs += 20 * DAY_MS;
    const { plan, done } = await home.json<ArchiveJson>('archive', '--verbose');
    expect(done.filesArchived).toBe(0);
    expect(plan[0]?.keptFiles).toEqual([]);
    expect(Object.keys(await readTree(home.sessionsDir()))).toEqual(expect.arrayContaining([...interim]));
  });

  test('is archived with the next generation, and comes back with it', async () => {
    const { home, key, interim, before, transcript } = await resumed();
    home.nowMs += 8 * DAY_MS;
    await home.json('archive');
    expect(Object.keys(await readTree(home.sessionsDir())).filter((name) => interim.includes(name))).toEqual(
      [],
    );
    const { sessions } = await home.json<ListJson>('list', '--key', key);
    expect(sessions.map((one) => [one.sessionId, one.files, one.generation])).toEqual([
      [OLD_ID, 1, 1],
      [OLD_ID, 3, 2],
    ]);
    const restored = await home.json<RestoreJson>('restore', key);
    const names = [transcript.split('/').at(-1), ...interim];
    expect(restored.files.map(({ name }) => name).sort()).toEqual([...names].sort());
    const after = await readTree(home.sessionsDir());
    for (const name of interim) expect(after[name]).toEqual(before[name]);
    expect((await home.rows())[key]).toMatchObject({ sessionId: OLD_ID, usageFamilySessionIds: [NEXT_ID] });
  });

  test('is shown by cat where it began, between lines that name the files', async () => {
    const { home, key, next, transcript } = await resumed();
    home.nowMs += 8 * DAY_MS;
    await home.json('archive');
    const { text } = (await home.clawback('cat', key, '--generation', '-1')).expect(0);
    const lines = text.split('\n').filter((line) => /^---| user: /.test(line));
    expect(lines).toEqual([
      `--- ${transcript.split('/').at(-1)} ---`,
      '[2026-11-12 09:30] user: the quarterly numbers',
      '[2026-11-21 10:30] user: the very old numbers',
      `--- ${transcriptName(next)} ---`,
      '[2026-11-21 09:30] user: the yearly numbers',
    ]);
    const { files } = await home.json<{ files: { name: string }[] }>('cat', key, '--generation', '-1');
    expect(files.map(({ name }) => name)).toEqual([transcript.split('/').at(-1), transcriptName(next)]);
  });

  test('is no part of a row that only claims the session of another', async () => {
    const { home, key, interim } = await resumed();
    const other = 'agent:main:slack:channel:c0forged';
    await home.changeRows((rows) => ({
      ...rows,
      [other]: {
        ...rows[key],
        sessionId: 'forged',
        sessionFile: 'forged.jsonl',
        usageFamilySessionIds: [OLD_ID, NEXT_ID],
      },
    }));
    home.nowMs += 8 * DAY_MS;
    const { plan } = await home.json<ArchiveJson>('archive', '--verbose');
    const filesOf = (wanted: string, action: string) =>
      plan[0]?.selected
        .filter(({ sessionKey, action: found }) => sessionKey === wanted && found === action)
        .flatMap(({ files }) => files.map(({ name }) => name));
    expect(filesOf(other, 'trim')).toEqual([]);
    expect(filesOf(key, 'trim')).toHaveLength(1);
    // Nobody knows whose it is: it is archived by itself, as loose files are.
    const loose = plan[0]?.selected.filter(({ action }) => action === 'files') ?? [];
    expect(loose.flatMap(({ files }) => files.map(({ name }) => name)).sort()).toEqual([...interim].sort());
  });

  test('of a kind that no setting selects is archived by itself, as before', async () => {
    const { home, interim } = await resumed();
    await home.configure({});
    home.nowMs += 8 * DAY_MS;
    const { plan } = await home.json<ArchiveJson>('archive', '--verbose');
    const taken = plan[0]?.selected.flatMap(({ files }) => files.map(({ name }) => name)) ?? [];
    expect(taken.sort()).toEqual([...interim].sort());
    await home.configure(TRIM);
    expect((await home.json<ArchiveJson>('archive')).done.protectedRowsTrimmed).toBe(2);
  });
});
