import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { freshBucket } from '../support/s3-bucket.ts';
import { hasS3, s3Access } from '../support/s3-provided.ts';
import type { ReclaimJson, VerifyJson } from './support/answers.ts';
import { DAY_MS, Home } from './support/home.ts';
import { threadOf, transcriptName, writeAged, writeThreadStore } from './support/rooms.ts';

describe.skipIf(!hasS3)('a disk over its budget, with the archive in a bucket', () => {
  test('is freed, gives everything back, and is freed again', async () => {
    const bucket = await freshBucket(s3Access());
    const settings = { archive: bucket.url, s3: bucket.s3, diskBudget: { protectedFloor: '7d' }, jobs: 1 };
    const home = await Home.create({ settings });
    const thread = threadOf('C0A', '1762500000.000001', {
      sessionId: 's-1',
      updatedAtMs: home.nowMs - 9 * DAY_MS,
      text: 'long '.repeat(10_000),
    });
    await writeThreadStore(home.storePath(), { main: [thread] });
    const key = `agent:main:${thread.rest}`;
    const path = join(home.sessionsDir(), transcriptName(thread));
    const recorder = path.replace(/\.jsonl$/, '.trajectory.jsonl');
    await writeAged(recorder, '{"type":"session.started"}\n'.repeat(5_000), thread.updatedAtMs);
    const [transcript, trajectory] = [await readFile(path), await readFile(recorder)];
    const reclaim = async () =>
      (await home.clawback('reclaim', '--max-disk', '1KB', '--json')).expect(3).json<ReclaimJson>();

    const first = await reclaim();
    expect(first.steps.map(({ step }) => step)).toEqual(['trajectories', 'protected']);
    expect(first.done).toMatchObject({ filesArchived: 2, filesReclaimed: 2, protectedRowsTrimmed: 1 });
    const { differences } = await home.json<VerifyJson>('verify', '--read-data');
    expect(differences).toEqual([]);

    await home.json('restore', key);
    expect(await readFile(path)).toEqual(transcript);
    const { sessions } = await home.json<{ sessions: { archiveId: string; action: string }[] }>('list');
    await home.json('restore', sessions.find(({ action }) => action === 'files')?.archiveId ?? '');
    expect(await readFile(recorder)).toEqual(trajectory);

    home.nowMs += 8 * DAY_MS;
    const second = await reclaim();
    expect(second.done.filesReclaimed).toBe(2);
    // The row has a file again that its archived generation never had, and the recorder goes where the next looks for it.
    expect(second.steps.map(({ step }) => step)).toEqual(['trajectories', 'protected']);
    expect((await home.json<VerifyJson>('verify', '--read-data')).differences).toEqual([]);
  });
});
