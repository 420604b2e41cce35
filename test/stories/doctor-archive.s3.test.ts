import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { describe, expect, test } from 'vitest';
import { freshBucket, rawClient } from '../support/s3-bucket.ts';
import { hasS3, s3Access } from '../support/s3-provided.ts';
import type { ArchiveJson, VerifyJson } from './support/answers.ts';
import { Home } from './support/home.ts';
import { writeThreadStore } from './support/rooms.ts';
import { oldThread, TRIM } from './support/trimmed.ts';

interface DoctorJson {
  readonly level: string;
  readonly checks: readonly {
    readonly name: string;
    readonly findings: readonly { readonly level: string; readonly text: string }[];
  }[];
}

async function bucketHome(settings: Record<string, unknown> = {}) {
  const bucket = await freshBucket(s3Access());
  const home = await Home.create({
    settings: { archive: bucket.url, s3: bucket.s3, jobs: 1, ...TRIM, ...settings },
  });
  await writeThreadStore(home.storePath(), { main: [oldThread(home)] });
  return { home, bucket };
}

async function keysIn({ bucket }: { readonly bucket: string }): Promise<string[]> {
  const client = rawClient(s3Access());
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket }));
  client.destroy();
  return Contents.map(({ Key = '' }) => Key);
}

function archiveFindings({ checks }: DoctorJson) {
  return checks.find(({ name }) => name === 'archive')?.findings ?? [];
}

describe.skipIf(!hasS3)('doctor with an archive in a bucket', () => {
  test('tries everything before the first run and after it, and leaves nothing there', async () => {
    const { home, bucket } = await bucketHome();
    const [first, clock] = archiveFindings(await home.json<DoctorJson>('doctor'));
    expect(first?.text).toMatch(
      /below probe\/doctor\/: write, read back, read a range, list, refuse to overwrite, store an object in parts, refuse damaged bytes, delete: tried/,
    );
    expect(clock).toEqual({ level: 'ok', text: "this host's clock agrees with the server's" });
    expect(await keysIn(bucket)).toEqual([]);

    const { instance } = await home.json<ArchiveJson>('archive');
    const keys = await keysIn(bucket);
    const [second] = archiveFindings(await home.json<DoctorJson>('doctor'));
    expect(second).toMatchObject({ level: 'ok', text: expect.stringContaining(`below ${instance}/doctor/`) });
    expect(await keysIn(bucket)).toEqual(keys);
    expect(await home.json<VerifyJson>('verify')).toMatchObject({ manifests: 1, strayPacks: [] });
  });

  test('a bucket that is not there is one problem that says so', async () => {
    const { home } = await bucketHome({ archive: 's3://no-such-bucket-here/archive' });
    const json = (await home.clawback('doctor', '--json')).expect(1).json<DoctorJson>();
    const problems = archiveFindings(json).filter(({ level }) => level === 'problem');
    expect(problems).toHaveLength(1);
    expect(problems[0]?.text).toContain('there is no bucket no-such-bucket-here');
  });

  test('--no-probe does not contact it', async () => {
    const { home } = await bucketHome({ archive: 's3://no-such-bucket-here/archive' });
    const json = (await home.clawback('doctor', '--json', '--no-probe')).expect(0).json<DoctorJson>();
    expect(archiveFindings(json)).toHaveLength(1);
  });
});
