import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Archive } from '../../src/archive/archive.ts';
import { CatalogueCache } from '../../src/archive/catalogue-cache.ts';
import { openCodec } from '../../src/codec/open.ts';
import { reportKey } from '../../src/manifest/keys.ts';
import { MemoryObjectStore } from '../../src/objects/memory.ts';
import { decodeReport, encodeReport, readReports, writeReport } from '../../src/reports/report-objects.ts';
import type { RunReport } from '../../src/reports/run-report.ts';
import { type Faults, RecordingStore } from '../support/recording-store.ts';
import { nightlyReports, reportOf } from '../support/reports.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const { instance: INSTANCE } = reportOf();

async function archiveWith(reports: readonly RunReport[], faults?: Faults) {
  const objects = new RecordingStore(new MemoryObjectStore(), faults);
  const cache = new CatalogueCache(join(await temporaryFolder(), 'cache'), objects.url);
  const archive = new Archive(objects, await openCodec('auto'), INSTANCE, cache);
  for (const report of reports) await writeReport(archive, report, 3);
  return { archive, objects };
}

/** Puts any text where a report should be. */
async function putText({ archive }: { archive: Archive }, runId: string, text: string): Promise<void> {
  await archive.objects.put(reportKey(INSTANCE, runId), archive.codec.compress(Buffer.from(text), 3));
}

describe('a report', () => {
  it('comes back from its bytes as it was', () => {
    const report = reportOf({ failures: { 'archive-io': 2 } });
    expect(decodeReport(encodeReport(report), 'k')).toEqual(report);
  });

  it('without what later releases add is still one', () => {
    const { scope: _scope, filesNotRemoved: _files, ...first } = reportOf();
    expect(decodeReport(Buffer.from(JSON.stringify(first)), 'k')).toEqual(first);
  });

  it.each([
    ['is no JSON', '{"format":', /not JSON/],
    ['lacks a field', JSON.stringify({ ...reportOf(), rows: undefined }), /rows/],
    ['counts below zero', JSON.stringify(reportOf({ done: { freedBytes: -1 } })), /done\.freedBytes/],
    ['is of another format', JSON.stringify({ ...reportOf(), format: 'clawback.manifest/1' }), /format/],
  ])('that %s is refused, saying why', (_what, text, why) => {
    expect(() => decodeReport(Buffer.from(text), 'k')).toThrow(why);
    expect(() => decodeReport(Buffer.from(text), 'k')).toThrow(
      expect.objectContaining({ code: 'report-invalid' }),
    );
  });

  it('of a later clawback says that it is one', () => {
    const later = Buffer.from(JSON.stringify({ ...reportOf(), format: 'clawback.report/2' }));
    expect(() => decodeReport(later, 'k')).toThrow(
      expect.objectContaining({ code: 'report-invalid', hint: 'update clawback' }),
    );
  });
});

describe('the reports of an archive', () => {
  it('come in order of time, all or the newest', async () => {
    const reports = nightlyReports(12);
    const { archive } = await archiveWith(reports.toReversed());
    expect(await readReports(archive)).toEqual({ reports, available: 12 });
    expect(await readReports(archive, { last: 3 })).toEqual({ reports: reports.slice(-3), available: 12 });
    expect((await readReports(archive, { last: 50 })).reports).toHaveLength(12);
  });

  it('are none where none was written', async () => {
    expect(await readReports((await archiveWith([])).archive)).toEqual({ reports: [], available: 0 });
  });

  it('are fetched once, and only those that are asked for', async () => {
    const { archive, objects } = await archiveWith(nightlyReports(20));
    objects.calls.length = 0;
    await readReports(archive, { last: 5 });
    expect(objects.of('get')).toHaveLength(5);
    await readReports(archive, { last: 6 });
    expect(objects.of('get')).toHaveLength(6);
  });

  it('hide nothing but themselves when damaged, or copied from another run', async () => {
    const reports = nightlyReports(4);
    const made = await archiveWith(reports);
    const [damaged, copied] = ['20261122t000000z-00000001', '20261122t000000z-00000002'];
    await putText(made, damaged ?? '', 'not a report');
    await putText(made, copied ?? '', JSON.stringify(reports[0]));
    const told: string[] = [];
    const read = await readReports(made.archive, {
      onDamage: (what, { code }) => void told.push(`${what}: ${code}`),
    });
    expect(read.reports).toEqual(reports);
    expect(told.sort()).toEqual([
      `report of ${damaged}: report-invalid`,
      `report of ${copied}: report-invalid`,
    ]);
  });

  it('are read back when written: a storage that damages one is told on', async () => {
    const { archive } = await archiveWith([], { corruptPut: (_key, bytes) => bytes.map((byte) => byte ^ 1) });
    await expect(writeReport(archive, reportOf(), 3)).rejects.toMatchObject({ code: 'object-corrupt' });
  });

  it('are never overwritten', async () => {
    const { archive } = await archiveWith([reportOf()]);
    await expect(writeReport(archive, reportOf({ durationMs: 1 }), 3)).rejects.toMatchObject({
      code: 'object-exists',
    });
  });
});
