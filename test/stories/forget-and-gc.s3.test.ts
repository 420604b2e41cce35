import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { describe, expect, test } from 'vitest';
import { freshBucket, rawClient } from '../support/s3-bucket.ts';
import { hasS3, s3Access } from '../support/s3-provided.ts';
import type { ErrorJson, ListJson, VerifyJson } from './support/answers.ts';
import { DAY_MS } from './support/home.ts';
import { type ForgetJson, type GcJson, lifeHome } from './support/life.ts';
import { transcriptText } from './support/rooms.ts';

async function keysIn(bucket: string): Promise<string[]> {
  const client = rawClient(s3Access());
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket }));
  client.destroy();
  return Contents.map(({ Key = '' }) => Key.replace(/^archive\/[^/]+\//, ''));
}

describe.skipIf(!hasS3)('the life of an archive in a bucket', () => {
  test('forget, unforget, pin, unpin and gc do there what they do in a folder', async () => {
    const bucket = await freshBucket(s3Access());
    const { home, keys, threads } = await lifeHome({ archive: bucket.url, s3: bucket.s3, jobs: 1 });
    const [gone, pinned, staying] = keys;
    await home.json('forget', gone, '--yes');
    await home.json('unforget', gone);
    await home.json('pin', pinned);
    expect((await home.clawback('forget', pinned, '--yes', '--json')).expect(1).json<ErrorJson>().code).toBe(
      'pinned',
    );
    const forgot = await home.json<ForgetJson>('forget', '--older-than', '50d', '--yes');
    expect(forgot).toMatchObject({ sessions: [{ sessionKey: gone }], pinned: 1 });
    expect((await home.clawback('cat', gone, '--json')).expect(1).json<ErrorJson>().code).toBe('forgotten');
    home.nowMs += 7 * DAY_MS;
    const done = await home.json<GcJson>('gc');
    expect(done).toMatchObject({
      sessions: [forgot.sessions[0]?.archiveId],
      batchesRewritten: 1,
      problems: [],
    });
    const left = await keysIn(bucket.bucket);
    expect(
      left.filter((key) => /^(?:packs|manifests)\//.test(key)).map((key) => key.replace(/^.*-0001/, '')),
    ).toEqual(['.r1.json.zst', '.r1.tar.zst']);
    const { sessions } = await home.json<ListJson>('list');
    expect(sessions.map(({ sessionKey }) => sessionKey)).toEqual([pinned, staying]);
    for (const index of [1, 2] as const)
      expect((await home.clawback('cat', '--raw', keys[index])).expect(0).text).toBe(
        transcriptText(threads[index]),
      );
    expect(await home.json<VerifyJson>('verify', '--read-data')).toMatchObject({
      differences: [],
      strayPacks: [],
      uncatalogued: [],
    });
    await home.json('unpin', pinned);
    await home.json('forget', '--older-than', '1d', '--yes');
    home.nowMs += 7 * DAY_MS;
    expect(await home.json<GcJson>('gc')).toMatchObject({ batchesDeleted: 1, problems: [] });
    const kinds = new Set((await keysIn(bucket.bucket)).map((key) => key.split('/')[0]));
    expect([...kinds].filter((kind) => !['leases', 'marks', 'reports'].includes(kind ?? ''))).toEqual([]);
    expect(await home.json<GcJson>('gc')).toMatchObject({ sessions: [], objectsDeleted: 0, problems: [] });
  });
});
