import { ClawbackError } from '../errors.ts';

/**
 * Where things lie below `<instance>/` in the archive. Ids are made of time and chance,
 * so no key tells anything about a conversation.
 *
 *   packs/<batchId>.tar.zst          the files of one batch
 *   manifests/<batchId>.json.zst     commits the batch; written last
 *   catalogue/<runId>.jsonl.zst      one line a session of the manifests of one run
 *   marks/<markId>.json.zst          what was forgotten, and what is pinned
 *   reports/<runId>.json.zst         what a run found, did and left, in numbers
 *   leases/<storeId>/<number>.json   who commits for a store; the highest number decides
 *   doctor/<probeId>.<part>          what `doctor` writes to try the archive, and removes again
 *
 * Where `gc` has taken sessions out of a batch, the others go on under `<batchId>.r1`, then `.r2`, …: the highest
 * revision is the batch.
 */
export function packKey(instance: string, batchId: string, revision = 0): string {
  return `${packPrefix(instance)}${revisionName(batchId, revision)}${PACK_SUFFIX}`;
}

export function manifestKey(instance: string, batchId: string, revision = 0): string {
  return `${manifestPrefix(instance)}${revisionName(batchId, revision)}${MANIFEST_SUFFIX}`;
}

export function markKey(instance: string, markId: string): string {
  return `${markPrefix(instance)}${markId}${MARK_SUFFIX}`;
}

export function catalogueKey(instance: string, runId: string): string {
  return `${instance}/catalogue/${runId}.jsonl.zst`;
}

export const PACK_SUFFIX = '.tar.zst';
/** Written at the end of a run, or never. */
export function reportKey(instance: string, runId: string): string {
  return `${instance}/reports/${runId}.json.zst`;
}

export const MANIFEST_SUFFIX = '.json.zst';
export const MARK_SUFFIX = '.json.zst';
export const CATALOGUE_SUFFIX = '.jsonl.zst';
export const REPORT_SUFFIX = '.json.zst';

export function manifestPrefix(instance: string): string {
  return `${instance}/manifests/`;
}

export function cataloguePrefix(instance: string): string {
  return `${instance}/catalogue/`;
}

export function reportPrefix(instance: string): string {
  return `${instance}/reports/`;
}

export function packPrefix(instance: string): string {
  return `${instance}/packs/`;
}

export function markPrefix(instance: string): string {
  return `${instance}/marks/`;
}

/** One state of a batch: 0 as it was archived, then one more for every time that sessions were taken out of it. */
export interface BatchRevision {
  readonly batchId: string;
  readonly revision: number;
}

function revisionName(batchId: string, revision: number): string {
  return revision === 0 ? batchId : `${batchId}.r${revision}`;
}

const REVISION_NAME = /^(.+?)(?:\.r([1-9]\d{0,8}))?$/;

/** Of a key below `prefix` that ends with `suffix`. Undefined for any other. */
export function parseRevisionKey(key: string, prefix: string, suffix: string): BatchRevision | undefined {
  if (!key.startsWith(prefix) || !key.endsWith(suffix)) return undefined;
  const match = REVISION_NAME.exec(key.slice(prefix.length, -suffix.length));
  if (match?.[1] === undefined) return undefined;
  return { batchId: match[1], revision: Number(match[2] ?? 0) };
}

export function leasePrefix(instance: string, storeId: string): string {
  return `${leasesPrefix(instance)}${storeId}/`;
}

export function leasesPrefix(instance: string): string {
  return `${instance}/leases/`;
}

const LEASE_DIGITS = 12;
const LEASE_NAME = new RegExp(`^(\\d{${LEASE_DIGITS}})\\.json$`);

/** Numbers count from 1, padded so that keys sort as they do. */
export function leaseKey(instance: string, storeId: string, number: number): string {
  return `${leasePrefix(instance, storeId)}${String(number).padStart(LEASE_DIGITS, '0')}.json`;
}

/** @param name what follows `leasePrefix`. Undefined for what is no lease's. */
export function parseLeaseNumber(name: string): number | undefined {
  const digits = LEASE_NAME.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** Where `doctor` tries the archive; before the first run there is no instance, and then below `probe/`. */
export function doctorPrefix(instance: string | undefined): string {
  return `${instance ?? 'probe'}/doctor/`;
}

/** `20261121t041500z-3f9a2c1d`: sorts by time, and two runs in one second still differ. */
export function runIdAt(nowMs: number, random: string): string {
  const stamp = new Date(nowMs)
    .toISOString()
    .replace(/[-:]|\.\d+/g, '')
    .toLowerCase();
  return `${stamp}-${random}`;
}

const OF_RUN =
  /^[^/]+\/(?:packs|manifests|catalogue|reports)\/(\d{8}t\d{6}z-[0-9a-f]{8})(?:-\d{4,}(\.r\d+)?)?\./;

/** The run that an object of a batch, a catalogue or a report is named after; `gc` writes revisions of other runs' batches. Undefined for any other key. */
export function runOfKey(key: string): { readonly runId: string; readonly isRevision: boolean } | undefined {
  const [, runId, revision] = OF_RUN.exec(key) ?? [];
  return runId === undefined ? undefined : { runId, isRevision: revision !== undefined };
}

export function batchIdOf(runId: string, sequence: number): string {
  return `${runId}-${String(sequence).padStart(4, '0')}`;
}

/** One session generation: the batch that holds it and its place in the manifest. */
export function archiveIdOf(batchId: string, index: number): string {
  return `${batchId}.${index}`;
}

const ARCHIVE_ID = /^(\d{8}t\d{6}z-[0-9a-f]{8}-\d{4,})\.(\d+)$/;

export function parseArchiveId(text: string): { batchId: string; index: number } | undefined {
  const match = ARCHIVE_ID.exec(text.toLowerCase());
  if (match?.[1] === undefined) return undefined;
  return { batchId: match[1], index: Number(match[2]) };
}

const STAMP = /^(\d{4})(\d\d)(\d\d)t(\d\d)(\d\d)(\d\d)z-/;

/** When the run began that archived it, in epoch milliseconds. Undefined for what is no archive id. */
export function archivedAtMs(archiveId: string): number | undefined {
  return stampedAtMs(parseArchiveId(archiveId)?.batchId ?? '');
}

/** What the clock said where an id of `runIdAt` was made. Undefined for what does not begin with one. */
export function stampedAtMs(id: string): number | undefined {
  const ms = Date.parse(id.replace(STAMP, '$1-$2-$3T$4:$5:$6Z ').split(' ')[0] ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}

const INSTANCE = /^[a-z0-9][a-z0-9-]{1,40}$/;

export function isInstance(name: string): boolean {
  return INSTANCE.test(name);
}

/** @throws {ClawbackError} `config-invalid`. */
export function assertInstance(instance: string): string {
  if (isInstance(instance)) return instance;
  throw new ClawbackError('config-invalid', `use instance ${JSON.stringify(instance)}: not a usable name`, {
    hint: '2 to 41 of a-z, 0-9 and -, starting with a letter or digit',
  });
}
