import { describe, expect, test } from 'vitest';
import { freshBucket } from '../support/s3-bucket.ts';
import { hasS3, s3Access } from '../support/s3-provided.ts';
import type { ListJson } from './support/answers.ts';
import { DAY_MS, Home } from './support/home.ts';
import { threadOf, writeThreadStore } from './support/rooms.ts';

describe.skipIf(!hasS3)('nights with the archive in a bucket', () => {
  test('archive, free the disk and try whether anything comes back; each leaves its report', async () => {
    const bucket = await freshBucket(s3Access());
    const settings = {
      archive: bucket.url,
      s3: bucket.s3,
      retention: { protectedPruneAfter: '9d' },
      diskBudget: { maxDiskBytes: '1KB' },
      jobs: 1,
    };
    const home = await Home.create({ settings });
    const threads = [10, 8].map((days) =>
      threadOf('C0A', `17625000${days}.000001`, {
        sessionId: `s-${days}`,
        updatedAtMs: home.nowMs - days * DAY_MS,
        text: 'long '.repeat(5_000),
      }),
    );
    await writeThreadStore(home.storePath(), { main: threads });
    // The first thread is old enough for `archive`, the second only for the budget.
    const night = (await home.clawback('nightly', '--once')).expect(3);
    expect(night.text.match(/^== \w+$/gm)).toEqual(['== archive', '== reclaim', '== drill']);
    expect(night.text).toContain('STILL OVER the disk budget');
    const { sessions } = await home.json<ListJson>('list');
    expect(sessions.map(({ sessionId }) => sessionId).sort()).toEqual(['s-10', 's-8']);
    home.nowMs += DAY_MS;
    const next = (await home.clawback('nightly', '--once')).expect(3);
    expect(next.text.match(/^== \w+$/gm)).toEqual(['== archive', '== reclaim']);
    const { reports } = await home.json<{ reports: { command: string; exitCode: number }[] }>('report');
    // With a clock that stands still, which of one night came first is not told.
    const outcomes = reports.map(({ command, exitCode }) => `${command} ${exitCode}`);
    expect(outcomes.sort()).toEqual(['archive 0', 'archive 0', 'reclaim 3', 'reclaim 3']);
  });
});
