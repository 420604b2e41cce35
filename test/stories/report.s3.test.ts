import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { RunReport } from '../../src/reports/run-report.ts';
import { freshBucket } from '../support/s3-bucket.ts';
import { hasS3, s3Access } from '../support/s3-provided.ts';
import type { ArchiveJson } from './support/answers.ts';
import { DAY_MS, Home } from './support/home.ts';
import { Line } from './support/line.ts';
import { writeThreadStore } from './support/rooms.ts';
import { oldThread, TRIM } from './support/trimmed.ts';

interface ReportListJson {
  readonly archive: string;
  readonly reports: readonly RunReport[];
}

async function bucketHome(endpoint?: string) {
  const bucket = await freshBucket(s3Access());
  const s3 = { ...bucket.s3, ...(endpoint === undefined ? {} : { endpoint }) };
  const home = await Home.create({ settings: { ...TRIM, archive: bucket.url, s3, jobs: 1 } });
  await writeThreadStore(home.storePath(), { main: [oldThread(home)] });
  return { home, bucket, s3 };
}

describe.skipIf(!hasS3)('reports in a bucket', () => {
  test('are kept by each run, shown from there, also to another host, and drawn', async () => {
    const { home, bucket, s3 } = await bucketHome();
    const first = await home.json<ArchiveJson>('archive');
    home.nowMs += DAY_MS;
    const second = await home.json<ArchiveJson>('archive');
    const { archive, reports } = await home.json<ReportListJson>('report');
    expect(archive).toBe(bucket.url);
    expect(reports.map(({ runId }) => runId)).toEqual([first.runId, second.runId]);
    expect(reports.map(({ done }) => done)).toEqual([first.done, second.done]);

    const other = await Home.create({ settings: { archive: bucket.url, s3, instance: first.instance } });
    expect((await other.json<ReportListJson>('report')).reports).toEqual(reports);
    const path = join(other.root, 'report.html');
    (await other.clawback('report', '--html', path)).expect(0);
    expect((await readFile(path, 'utf8')).match(/<tr data-run=/g)).toHaveLength(2);
  });

  test('a server that goes away before the report costs the report and nothing else', async () => {
    const line = await Line.to(s3Access().endpoint);
    onTestFinished(() => line.close());
    const { home } = await bucketHome(line.endpoint);
    line.cutBefore = (request) => /^PUT .*\/reports\//.test(request);
    const result = (await home.clawback('archive', '--json')).expect(0);
    expect(result.json<ArchiveJson>().done).toMatchObject({ protectedRowsTrimmed: 1, filesReclaimed: 1 });
    expect(result.stderr).toContain('WARNING: the report of this run is not kept: put object ');
    line.mend();
    expect((await home.json<ReportListJson>('report')).reports).toEqual([]);
  });
});
