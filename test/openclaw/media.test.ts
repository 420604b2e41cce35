import { cp, lstat, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ArchiveJson, RestoreJson } from '../stories/support/answers.ts';
import { threadOf, transcriptName, writeThreadStore } from '../stories/support/rooms.ts';
import { readTree, type Tree } from '../stories/support/tree.ts';
import { clawbackJson, configureClawback } from './support/clawback.ts';
import { createOpenClawHome, type OpenClawHome } from './support/home.ts';
import { installOpenClaw, OPENCLAW_RELEASES, type OpenClawRelease } from './support/release.ts';
import { runScript } from './support/slack.ts';

const DAY_MS = 86_400_000;

interface Cleaned {
  readonly deletedRecordCount: number;
  readonly deletedFileCount: number;
  readonly retainedCount: number;
}

/** What happens to an image that the gateway sent in a thread, told by the release's own code. */
describe.each(OPENCLAW_RELEASES)('an image that openclaw@%s sent', (version) => {
  let release: OpenClawRelease;
  let home: OpenClawHome;
  let before: Tree;
  const thread = threadOf('C0OLD', '1762500000.000100', {
    sessionId: '11111111-aaaa-4bbb-8ccc-000000000001',
    updatedAtMs: Date.now() - 9 * DAY_MS,
    text: 'a picture, please',
  });
  const key = `agent:main:${thread.rest}`;
  const messageId = '00000003';

  const images = async <T>(verb: string, ...args: string[]) =>
    JSON.parse(await runScript('managed-images.mjs', home, [release.packageDir, verb, key, ...args])) as T;
  const outgoing = () => join(home.stateDir, 'media', 'outgoing');

  beforeAll(async () => {
    release = await installOpenClaw(version);
    home = await createOpenClawHome({ gateway: 1, model: 1 });
    await configureClawback(home, { protectedPruneAfter: '7d' });
    await writeThreadStore(join(home.sessionsDir, 'sessions.json'), { main: [thread] });
    const content = await images<object[]>('create', messageId);
    const transcript = join(home.sessionsDir, transcriptName(thread));
    const timestamp = new Date(thread.updatedAtMs).toISOString();
    const message = { role: 'assistant', content, timestamp: thread.updatedAtMs };
    const entry = { type: 'message', id: messageId, parentId: '00000002', timestamp, message };
    await writeFile(transcript, `${await readFile(transcript, 'utf8')}${JSON.stringify(entry)}\n`);
    await utimes(transcript, thread.updatedAtMs / 1000, thread.updatedAtMs / 1000);
    before = await readTree(outgoing());
  });

  afterAll(() => home?.remove());

  test('is a record and a file, with the modes and folders that clawback takes for granted', async () => {
    const [original = '', record = ''] = Object.keys(before);
    expect(Object.keys(before)).toHaveLength(2);
    expect(record).toMatch(/^records\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.json$/);
    const value = JSON.parse(await readFile(join(outgoing(), record), 'utf8')) as Record<string, unknown>;
    expect(value).toMatchObject({
      attachmentId: record.slice('records/'.length, -'.json'.length),
      sessionKey: key,
      messageId,
      original: { path: join(outgoing(), original) },
    });
    expect([before[record]?.mode, before[original]?.mode]).toEqual(['600', '644']);
    expect((await lstat(outgoing())).mode & 0o777).toBe(0o700);
  });

  test('is kept while the transcript holds its message', async () => {
    expect(await images<Cleaned>('clean')).toMatchObject({ deletedRecordCount: 0, retainedCount: 1 });
    expect(await readTree(outgoing())).toEqual(before);
  });

  test('goes into the archive with its thread', async () => {
    const { done } = await clawbackJson<ArchiveJson>(home, ['archive']);
    expect([done.protectedRowsTrimmed, done.filesArchived]).toEqual([1, 3]);
    expect(await readTree(outgoing())).toEqual({});
  });

  test('would have been lost had it stayed', async () => {
    await clawbackJson(home, ['restore', key, '--to', join(home.root, 'copy')]);
    await cp(join(home.root, 'copy', 'media', 'outgoing'), outgoing(), { recursive: true });
    expect(await images<Cleaned>('clean')).toMatchObject({ deletedRecordCount: 1, deletedFileCount: 1 });
    expect(await readTree(outgoing())).toEqual({});
    await rm(join(home.root, 'copy'), { recursive: true });
  });

  test('comes back with it, and OpenClaw keeps it again', async () => {
    const { files } = await clawbackJson<RestoreJson>(home, ['restore', key, '--resume']);
    expect(files).toHaveLength(3);
    expect(await readTree(outgoing())).toEqual(before);
    expect(await images<Cleaned>('clean')).toMatchObject({ deletedRecordCount: 0, retainedCount: 1 });
    expect(await readTree(outgoing())).toEqual(before);
  });
});
