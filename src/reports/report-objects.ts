import { type Archive, mapConcurrently, type ReadOptions, unlessDamaged } from '../archive/archive.ts';
import { ClawbackError } from '../errors.ts';
import { REPORT_SUFFIX, reportKey, reportPrefix } from '../manifest/keys.ts';
import { REPORT_FORMAT, type RunReport, runReportSchema } from './run-report.ts';

/** A decoded report may be this large; 3 KB are usual. */
const MAX_REPORT_BYTES = 1024 * 1024;

/** Keeps the report of a run: one object, made once, read back. @throws {ClawbackError} if that cannot be done. */
export async function writeReport(archive: Archive, report: RunReport, level: number): Promise<void> {
  const frame = archive.codec.compress(encodeReport(report), level);
  const key = reportKey(archive.instance, report.runId);
  await archive.objects.put(key, frame);
  if (Buffer.compare(await archive.objects.get(key), frame) === 0) return;
  throw new ClawbackError('object-corrupt', `read back report ${key}: it is not what was written`, {
    hint: 'check the storage',
  });
}

export interface ReportsRead {
  /** The oldest first. */
  readonly reports: readonly RunReport[];
  /** How many there are in the archive, damaged ones included. */
  readonly available: number;
}

export interface ReadReportsOptions extends ReadOptions {
  /** Only the newest so many. */
  readonly last?: number | undefined;
}

/** Reports of past runs. A damaged one is told to `onDamage` and hides nothing but itself. */
export async function readReports(
  archive: Archive,
  { last, ...options }: ReadReportsOptions = {},
): Promise<ReportsRead> {
  // A run id begins with its time: the order of the keys is that of the runs.
  const runIds = await archive.ids(reportPrefix(archive.instance), REPORT_SUFFIX, options.signal);
  const wanted = last === undefined ? runIds : runIds.slice(-last);
  const reports = await mapConcurrently(wanted, (runId) =>
    unlessDamaged(`report of ${runId}`, readReport(archive, runId, options.signal), options),
  );
  // Two runs of one night may have begun in the same second.
  const inOrder = reports.flat().sort((a, b) => Date.parse(a.startedAt) - Date.parse(b.startedAt));
  return { reports: inOrder, available: runIds.length };
}

async function readReport(archive: Archive, runId: string, signal?: AbortSignal): Promise<[RunReport]> {
  const key = reportKey(archive.instance, runId);
  const raw = archive.codec.decompress(await archive.cached(key, signal), MAX_REPORT_BYTES);
  const report = decodeReport(raw, key);
  if (report.runId !== runId || report.instance !== archive.instance)
    throw invalid(key, 'it speaks of another run or instance', 'an object was copied or renamed');
  return [report];
}

export function encodeReport(report: RunReport): Uint8Array {
  return Buffer.from(`${JSON.stringify(report)}\n`);
}

/** @throws {ClawbackError} `report-invalid`. */
export function decodeReport(raw: Uint8Array, key: string): RunReport {
  const value = parsed(Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString('utf8'), key);
  const result = runReportSchema.safeParse(value);
  if (result.success) return result.data;
  const format = (value as { format?: unknown } | null)?.format;
  if (typeof format === 'string' && /^clawback\.report\/\d+$/.test(format) && format !== REPORT_FORMAT)
    throw invalid(key, `it is ${format}, this clawback reads ${REPORT_FORMAT}`, 'update clawback');
  const [issue] = result.error.issues;
  throw invalid(key, `${issue?.path.join('.')}: ${issue?.message}`);
}

function parsed(text: string, key: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid(key, 'not JSON');
  }
}

function invalid(key: string, why: string, hint = 'nothing depends on it; all other reports are shown') {
  return new ClawbackError('report-invalid', `read report ${key}: ${why}`, { hint });
}
