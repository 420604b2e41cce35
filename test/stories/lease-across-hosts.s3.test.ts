import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { Archive } from '../../src/archive/archive.ts';
import { CatalogueCache } from '../../src/archive/catalogue-cache.ts';
import { openCodec } from '../../src/codec/open.ts';
import { S3ObjectStore } from '../../src/objects/s3.ts';
import { endState, lostFiles, readOriginals, spawnAnd } from '../support/fault-stories.ts';
import { runCli } from '../support/run-cli.ts';
import { freshBucket } from '../support/s3-bucket.ts';
import { hasS3, s3Access } from '../support/s3-provided.ts';
import type { ArchiveJson, ErrorJson, VerifyJson } from './support/answers.ts';
import { Line } from './support/line.ts';
import { committedRuns, expectOneAfterTheOther, hostWith, INSTANCE } from './support/two-hosts.ts';

type Bucket = Awaited<ReturnType<typeof freshBucket>>;

/** As the SDK of a child process finds them. */
function credentials(): Record<string, string> {
  const { accessKeyId, secretAccessKey, region } = s3Access();
  return { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_REGION: region };
}

async function archiveIn({ url, s3 }: Bucket, cacheDir: string): Promise<Archive> {
  const objects = await S3ObjectStore.open(url, s3);
  return new Archive(objects, await openCodec('auto'), INSTANCE, new CatalogueCache(cacheDir, url));
}

async function leasesIn(archive: Archive): Promise<number> {
  let count = 0;
  for await (const _object of archive.objects.list(`${INSTANCE}/leases/`)) count += 1;
  return count;
}

describe.skipIf(!hasS3)('two hosts that use one instance name in a bucket', () => {
  let expected: unknown;
  beforeAll(async () => {
    const home = await hostWith();
    (await home.clawback('archive')).expect(0);
    expected = await endState(home);
  });

  test('never commit at the same time, and lose nothing', async () => {
    for (let round = 1; round <= 2; round += 1) {
      const bucket = await freshBucket(s3Access());
      const settings = { archive: bucket.url, s3: bucket.s3 };
      const hosts = [await hostWith(settings), await hostWith(settings)];
      const originals = await Promise.all(hosts.map(readOriginals));
      const endings = await Promise.all(
        hosts.map((host) => spawnAnd(host, ['archive'], () => {}, credentials())),
      );
      const outputs = endings.map(({ output }) => output).join('\n');
      const won = endings.filter(({ code }) => code === 0).length;
      expect(won, outputs).toBeGreaterThan(0);
      for (const { code, output } of endings)
        if (code !== 0) expect(output).toMatch(/take the lease of store main: /);
      const archive = await archiveIn(bucket, hosts[0]?.stateDir ?? '');
      const runs = await committedRuns(archive);
      expect(runs.length, outputs).toBe(won);
      expectOneAfterTheOther(runs);
      for (const [index, host] of hosts.entries()) {
        await host.json('archive');
        expect(await endState(host)).toEqual(expected);
        expect(await lostFiles(host, originals[index] ?? new Map(), archive)).toEqual([]);
      }
      expect(await leasesIn(archive)).toBe(1);
    }
  });

  test('cost nine requests a run, and a listing or two for each commit', async () => {
    const bucket = await freshBucket(s3Access());
    const line = await Line.to(s3Access().endpoint);
    onTestFinished(() => line.close());
    const host = await hostWith({ archive: bucket.url, s3: { ...bucket.s3, endpoint: line.endpoint } });
    const asked = () =>
      line.requests.splice(0).flatMap((request) => {
        if (!request.includes('leases')) return [];
        return [request.includes('list-type') ? 'LIST' : request.replace(/ .*/, '')];
      });
    const { done } = await host.json<ArchiveJson>('archive');
    expect(done.objects).toBe(3);
    const ofRun = ['HEAD', 'PUT'];
    // Before the manifest in a thread, before the rows, before the catalogue: each side reads the record once.
    const ofCommit = ['LIST', 'GET', 'LIST', 'GET', 'LIST'];
    expect(asked()).toEqual(['LIST', ...ofRun, ...ofCommit, ...ofRun, 'DELETE']);
    await host.json('archive');
    // The first only tells that it is the archive that this host knows.
    expect(asked()).toEqual(['LIST', 'LIST', 'GET', ...ofRun, 'DELETE', ...ofRun, 'DELETE']);
  });

  test('one that is stopped, and taken for dead, commits nothing when it goes on', async () => {
    const bucket = await freshBucket(s3Access());
    const line = await Line.to(s3Access().endpoint);
    onTestFinished(() => line.close());
    const sleeper = await hostWith({
      archive: bucket.url,
      s3: { ...bucket.s3, endpoint: line.endpoint },
    });
    const taker = await hostWith({ archive: bucket.url, s3: bucket.s3 });
    const archive = await archiveIn(bucket, sleeper.stateDir);
    const [before, ofSleeper, ofTaker] = [
      await endState(sleeper),
      await readOriginals(sleeper),
      await readOriginals(taker),
    ];
    const take = (nowMs: number) => runCli(['archive', '--json'], { env: taker.env, nowMs });

    let runId: string | undefined;
    const ending = await spawnAnd(
      sleeper,
      ['archive', '--json'],
      async (kill) => {
        await new Promise<void>((resolve) => {
          // Its pack is complete, and it reads it back: the next thing would be the manifest.
          line.cutBefore = (request) => {
            if (!/^GET \S*\/packs\//.test(request)) return false;
            kill('SIGSTOP');
            resolve();
            return false;
          };
        });
        expect(await committedRuns(archive)).toEqual([]);
        expect((await take(Date.now())).expect(1).json<ErrorJson>()).toMatchObject({ code: 'locked' });
        // Its clock is twenty minutes ahead: to it the lease has expired, to the holder it has not.
        runId = (await take(Date.now() + 20 * 60_000)).expect(0).json<ArchiveJson>().runId;
        kill('SIGCONT');
      },
      credentials(),
    );
    expect(ending.code, ending.output).toBe(1);
    expect(ending.output).toContain('"code": "lease-lost"');
    expect(ending.output).toContain('taken over by clawback archive');
    expect(await committedRuns(archive)).toEqual([runId]);
    expect(await endState(sleeper)).toEqual(before);
    expect(await lostFiles(sleeper, ofSleeper, archive)).toEqual([]);
    expect(await endState(taker)).toEqual(expected);
    expect(await lostFiles(taker, ofTaker, archive)).toEqual([]);

    await sleeper.json('archive');
    expect(await endState(sleeper)).toEqual(expected);
    expect(await lostFiles(sleeper, ofSleeper, archive)).toEqual([]);
    expect(await sleeper.json<VerifyJson>('verify', '--read-data')).toMatchObject({ differences: [] });
  });
});
