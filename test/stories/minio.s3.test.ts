import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { describe, expect, onTestFinished, test } from 'vitest';
import { freshBucket, rawClient } from '../support/s3-bucket.ts';
import { hasS3, s3Access } from '../support/s3-provided.ts';
import type { ArchiveJson, ErrorJson, ListJson, RestoreJson, VerifyJson } from './support/answers.ts';
import { DAY_MS, Home } from './support/home.ts';
import { Line } from './support/line.ts';
import { type Thread, threadOf, transcriptName, transcriptText, writeThreadStore } from './support/rooms.ts';
import { isLease, pick, readTree } from './support/tree.ts';

const TRIM = { protectedPruneAfter: '7d' };

type Bucket = Awaited<ReturnType<typeof freshBucket>>;

/** A home that archives into a bucket, with an old thread for each agent. */
async function bucketHome(bucket: Bucket, agentIds: readonly string[], endpoint?: string) {
  const s3 = { ...bucket.s3, ...(endpoint === undefined ? {} : { endpoint }) };
  const home = await Home.create({ settings: { archive: bucket.url, s3, retention: TRIM, jobs: 1 } });
  const threads = agentIds.map((agentId) => oldThread(home, agentId));
  for (const [index, agentId] of agentIds.entries()) {
    await writeThreadStore(home.storePath(agentId), { [agentId]: threads.slice(index, index + 1) });
  }
  return { home, threads };
}

function oldThread(home: Home, agentId: string): Thread {
  return threadOf('C0SHARED', '1762500000.000001', {
    sessionId: `session-of-${agentId}`,
    updatedAtMs: home.nowMs - 9 * DAY_MS,
    text: `what ${agentId} heard in ${home.root}`,
  });
}

/** What is archived: leases do not count. */
async function keysIn({ bucket }: Bucket): Promise<string[]> {
  const client = rawClient(s3Access());
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket }));
  client.destroy();
  return Contents.map(({ Key = '' }) => Key).filter((key) => !isLease(key));
}

function isReport(key: string): boolean {
  return key.includes('/reports/');
}

describe.skipIf(!hasS3)('an archive in a bucket', () => {
  test('takes a thread, lists it, prints it, proves it and gives it back', async () => {
    const bucket = await freshBucket(s3Access());
    const { home, threads } = await bucketHome(bucket, ['main']);
    const [thread] = threads as [Thread];
    const key = `agent:main:${thread.rest}`;
    const row = (await home.rows())[key];
    const before = pick(await readTree(home.sessionsDir()), [transcriptName(thread)]);

    const { done } = await home.json<ArchiveJson>('archive');
    expect(done).toMatchObject({ protectedRowsTrimmed: 1, filesReclaimed: 1, objects: 3 });
    const keys = await keysIn(bucket);
    expect(keys.filter(isReport)).toHaveLength(1);
    expect(keys).toHaveLength(3 + 1);
    // Nothing of a conversation shows in the name of an object.
    expect(keys.filter((name) => /slack|c0shared|thread|session-of/i.test(name))).toEqual([]);

    const { sessions } = await home.json<ListJson>('list');
    expect(sessions).toMatchObject([{ sessionKey: key, kind: 'thread', files: 1 }]);
    const cat = (await home.clawback('cat', '--raw', key)).expect(0);
    expect(cat.text).toBe(transcriptText(thread));
    const verified = await home.json<VerifyJson>('verify', '--read-data');
    expect(verified).toMatchObject({ manifests: 1, packsRead: 1, differences: [], strayPacks: [] });

    expect((await home.json<RestoreJson>('restore', key)).row).toBe('restored');
    expect((await home.rows())[key]).toEqual(row);
    expect(pick(await readTree(home.sessionsDir()), [transcriptName(thread)])).toEqual(before);
  });

  test('a second run puts nothing but its report into it', async () => {
    const bucket = await freshBucket(s3Access());
    const { home } = await bucketHome(bucket, ['main']);
    await home.json('archive');
    const keys = await keysIn(bucket);
    expect((await home.json<ArchiveJson>('archive')).done.objects).toBe(0);
    const after = await keysIn(bucket);
    expect(after.filter(isReport)).toHaveLength(2);
    expect(after.filter((key) => !isReport(key))).toEqual(keys.filter((key) => !isReport(key)));
  });

  test('two OpenClaws share one bucket, and neither sees nor overwrites what the other has', async () => {
    const bucket = await freshBucket(s3Access());
    const first = await bucketHome(bucket, ['main']);
    const second = await bucketHome(bucket, ['main']);
    const runs = await Promise.all([
      first.home.json<ArchiveJson>('archive'),
      second.home.json<ArchiveJson>('archive'),
    ]);
    expect(runs[0].instance).not.toBe(runs[1].instance);
    const keys = await keysIn(bucket);
    expect(keys).toHaveLength(2 * (3 + 1));
    for (const { instance } of runs) {
      const own = keys.filter((key) => key.startsWith(`archive/${instance}/`));
      expect(own.filter(isReport)).toHaveLength(1);
      expect(own).toHaveLength(3 + 1);
    }
    for (const { home, threads } of [first, second]) {
      const [thread] = threads as [Thread];
      const { sessions } = await home.json<ListJson>('list');
      expect(sessions).toHaveLength(1);
      expect((await home.clawback('cat', '--raw', thread.sessionId)).expect(0).text).toBe(
        transcriptText(thread),
      );
      expect(await home.json<VerifyJson>('verify')).toMatchObject({ manifests: 1, strayPacks: [] });
    }
  });

  test('another host reads it once it is told whose it is', async () => {
    const bucket = await freshBucket(s3Access());
    const { home, threads } = await bucketHome(bucket, ['main']);
    const { instance } = await home.json<ArchiveJson>('archive');
    const other = await Home.create({ settings: { archive: bucket.url, s3: bucket.s3, instance } });
    const [thread] = threads as [Thread];
    expect((await other.clawback('cat', '--raw', thread.sessionId)).expect(0).text).toBe(
      transcriptText(thread),
    );
  });
});

describe.skipIf(!hasS3)('a server that goes away in mid-run', () => {
  // Two agents are two batches: pack and manifest of the one, of the other, and the catalogue of both.
  test.each([
    ['before the first pack is stored', /^PUT .*\/packs\//, 1],
    ['between a pack and its manifest', /^PUT .*\/manifests\//, 1],
    ['when one batch is committed and the other is not', /^PUT .*\/manifests\//, 2],
    ['before the catalogue', /^PUT .*\/catalogue\//, 1],
  ])('%s: no file is lost, and the next run finishes', async (_when, request, count) => {
    const bucket = await freshBucket(s3Access());
    const line = await Line.to(s3Access().endpoint);
    onTestFinished(() => line.close());
    const agents = ['main', 'ops'];
    const { home, threads } = await bucketHome(bucket, agents, line.endpoint);
    const rows = await Promise.all(agents.map((agentId) => home.rows(agentId)));
    const keyOf = (index: number) => `agent:${agents[index]}:${threads[index]?.rest}`;

    let seen = 0;
    line.cutBefore = (one) => request.test(one) && ++seen === count;
    const cut = await home.clawback('archive', '--json');
    expect([1, 3]).toContain(cut.exitCode);
    expect(seen).toBeGreaterThanOrEqual(count);
    for (const id of agents) expect(cut.stderr).toContain(`the lease of store ${id} was not given back`);
    line.mend();
    // What is gone here is whole in the archive; what is not archived is here, row and file.
    for (const [index, agentId] of agents.entries()) {
      const name = transcriptName(threads[index] as Thread);
      if (Object.keys(await readTree(home.sessionsDir(agentId))).includes(name)) {
        expect((await home.rows(agentId))[keyOf(index)]).toEqual(rows[index]?.[keyOf(index)]);
      } else {
        const cat = (await home.clawback('cat', '--raw', keyOf(index))).expect(0);
        expect(cat.text).toBe(transcriptText(threads[index] as Thread));
      }
    }

    const { failures, problems } = await home.json<ArchiveJson>('archive');
    expect({ failures, problems }).toEqual({ failures: [], problems: [] });
    for (const [index, agentId] of agents.entries()) {
      expect((await home.rows(agentId))[keyOf(index)]).toHaveProperty('clawback');
      const cat = (await home.clawback('cat', '--raw', keyOf(index))).expect(0);
      expect(cat.text).toBe(transcriptText(threads[index] as Thread));
    }
    expect(await home.json<VerifyJson>('verify', '--read-data')).toMatchObject({
      differences: [],
      uncatalogued: [],
    });
    // One night more finds nothing to do.
    expect((await home.json<ArchiveJson>('archive')).done).toMatchObject({
      objects: 0,
      recoveredSessions: 0,
    });
  });

  test('a server that is away from the start is exit code 1, and nothing is touched', async () => {
    const bucket = await freshBucket(s3Access());
    const line = await Line.to(s3Access().endpoint);
    const endpoint = line.endpoint;
    await line.close();
    const { home, threads } = await bucketHome(bucket, ['main'], endpoint);
    const result = (await home.clawback('archive', '--json')).expect(1);
    expect(result.json<ErrorJson>()).toMatchObject({
      code: 'archive-unreachable',
      hint: expect.stringContaining('s3.endpoint'),
    });
    expect(Object.keys(await readTree(home.sessionsDir()))).toContain(transcriptName(threads[0] as Thread));
  });
});
