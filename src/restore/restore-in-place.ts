import { rm } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Archive } from '../archive/archive.ts';
import { ClawbackError } from '../errors.ts';
import { type FileFolders, isMedia, pathOf, placeName } from '../manifest/file-place.ts';
import type { Manifest, ManifestFile, ManifestSession } from '../manifest/manifest.ts';
import { classifyFileName } from '../scan/file-kind.ts';
import { isHarmlessRecord } from '../scan/scan-media.ts';
import { rowSha256 } from '../sessions/canonical-json.ts';
import { sessionIdOf } from '../sessions/row.ts';
import type { Row, RowOutcome, SessionStore, StoreRow } from '../sessions/session-store.ts';
import { syncDirectory } from '../sessions/sync-directory.ts';
import { removeOwnStub } from '../tombstone/stub-transcript.ts';
import { fetchFiles } from './fetch-files.ts';
import { type LocalState, localState, placeFile, setAside } from './local-files.ts';
import { makeMediaFolders } from './media-folders.ts';
import { mergeRow, type RowRestore } from './merge-row.ts';
import { makeStaging } from './staging.ts';

export interface RestoreTarget extends FileFolders {
  readonly sessions: SessionStore;
  /** @throws {ClawbackError} if a gateway runs or our lock is gone. */
  assertMayCommit(): Promise<void>;
  readonly hasPrompt: (hash: string) => boolean;
}

export interface RestoreOptions {
  readonly force: boolean;
  readonly resume: boolean;
  readonly nowMs: number;
}

/** Everything that an in-place restore will do; `--dry-run` prints it. */
export interface RestorePlan {
  readonly session: ManifestSession;
  readonly files: readonly { readonly file: ManifestFile; readonly state: LocalState }[];
  /** Images and their records that stay in the archive: OpenClaw would remove them beside a newer session. */
  readonly mediaLeft: number;
  /** Undefined: the archived files never had a row. */
  readonly row: RowRestore | undefined;
  readonly current: Row | undefined;
}

/** @throws {ClawbackError} `manifest-invalid` where a file of the session would get the name of the store, a lock, or the like. */
export async function planRestore(
  session: ManifestSession,
  target: RestoreTarget,
  options: RestoreOptions,
): Promise<RestorePlan> {
  assertOwnNames(session, target);
  const { rows } = await target.sessions.read();
  const current = rows.find(({ sessionKey }) => sessionKey === session.sessionKey)?.row;
  const row = planRow(session, current, rows, target, options);
  const stored = session.files.filter(({ place }) => place !== null);
  const isBeside = row?.kind === 'keep' && row.why === 'revived';
  const wanted = isBeside ? stored.filter((file) => !isMedia(file)) : stored;
  const files = [];
  for (const file of wanted) files.push({ file, state: await localState(pathOf(file, target), file) });
  return { session, files, mediaLeft: stored.length - wanted.length, row, current };
}

function planRow(
  session: ManifestSession,
  current: Row | undefined,
  rows: readonly StoreRow[],
  { sessions, sessionsDir, hasPrompt }: RestoreTarget,
  { resume, nowMs }: RestoreOptions,
): RowRestore | undefined {
  if (session.row === null) return undefined;
  assertFreeSessionId(session, rows);
  return mergeRow({
    archived: session.row,
    current,
    folders: spelledFolders(rows, sessionsDir),
    hasPrompt,
    keepSkills: sessions.kind !== 'gateway',
    ...(resume ? { resumeAtMs: nowMs } : {}),
  });
}

/** Folders that rows name their transcripts in: ours, and what a gateway in a container calls it. */
function spelledFolders(rows: readonly { row: Row }[], sessionsDir: string): ReadonlySet<string> {
  const files = rows.map(({ row }) => row.sessionFile).filter((file) => typeof file === 'string');
  return new Set([sessionsDir, ...files.filter((file) => isAbsolute(file)).map((file) => dirname(file))]);
}

/** A name that is not of its kind here was not archived from such a folder. */
function assertOwnNames({ archiveId, files }: ManifestSession, { sessions }: RestoreTarget): void {
  const storeName = basename(sessions.path);
  const odd = files.find(
    (file) => !isMedia(file) && classifyFileName(file.name, storeName).kind !== file.kind,
  );
  if (odd === undefined) return;
  throw new ClawbackError(
    'manifest-invalid',
    `restore ${archiveId}: ${odd.name} is not the name of a ${odd.kind} here`,
    { hint: 'nothing was changed; --to DIR writes the files where OpenClaw does not look' },
  );
}

/** The old session id must not serve another key by now. */
function assertFreeSessionId(
  session: ManifestSession,
  rows: readonly { sessionKey: string; row: Row }[],
): void {
  const id = session.row === null ? null : sessionIdOf(session.row);
  if (
    id === null ||
    rows.every(({ sessionKey, row }) => sessionKey === session.sessionKey || sessionIdOf(row) !== id)
  )
    return;
  throw new ClawbackError(
    'restore-conflict',
    `restore ${session.archiveId}: another row uses its session id now`,
    {
      hint: 'restore the files elsewhere with --to DIR',
    },
  );
}

/**
 * Fetched and proven in a folder of its own, then moved into place, then the row. Images come last, each behind the
 * record that names it: the gateway removes an image without a record, and a record whose message is in no transcript
 * that the row names. Running it again finishes it.
 */
export async function restoreInPlace(
  archive: Archive,
  manifest: Manifest,
  plan: RestorePlan,
  target: RestoreTarget,
  options: RestoreOptions,
  signal?: AbortSignal,
): Promise<{ written: string[]; setAside: string[] }> {
  assertNoConflict(plan, options);
  const differing = differingFiles(plan);
  const wanted = plan.files.filter(({ state }) => state !== 'identical').map(({ file }) => file);
  const media = wanted.filter(isMedia).sort((a, b) => (a.kind < b.kind ? 1 : a.kind > b.kind ? -1 : 0));
  if (media.length > 0) await makeMediaFolders(target.mediaDir);
  const staging = await makeStaging(target.sessionsDir);
  const mediaStaging = media.length > 0 ? await makeStaging(target.mediaDir, target.sessionsDir) : staging;
  const stagedPath = (file: ManifestFile) =>
    join(isMedia(file) ? mediaStaging : staging, String(wanted.indexOf(file)));
  const place = async (files: readonly ManifestFile[]) => {
    for (const file of files) await placeFile(stagedPath(file), pathOf(file, target));
  };
  const aside: string[] = [];
  try {
    await fetchFiles(archive, manifest, wanted, stagedPath, signal);
    for (const file of media) await assertHarmless(stagedPath(file), file, plan.session, target);
    await target.assertMayCommit();
    for (const { file } of differing) {
      const folder = isMedia(file) ? target.mediaDir : target.sessionsDir;
      aside.push(await setAside(pathOf(file, target), folder, options.nowMs));
    }
    await place(wanted.filter((file) => !isMedia(file)));
    await syncDirectory(target.sessionsDir);
    await putRow(plan, target);
    // A row that stays may name its stub still: an inbound message touches the row before the turn begins.
    const stub = plan.session.tombstone?.sessionFile;
    const isNamed = plan.row?.kind === 'keep' && basename(String(plan.current?.sessionFile)) === stub;
    if (!isNamed) await removeOwnStub(target.sessionsDir, plan.session);
    await place(media);
    for (const folder of new Set(media.map((file) => dirname(pathOf(file, target)))))
      await syncDirectory(folder);
  } finally {
    await rm(staging, { recursive: true, force: true });
    await rm(mediaStaging, { recursive: true, force: true });
  }
  return { written: wanted.map(placeName), setAside: aside };
}

/** @throws {ClawbackError} `restore-conflict` where other files of the same names are in the way. */
export function assertNoConflict(plan: RestorePlan, { force }: Pick<RestoreOptions, 'force'>): void {
  const differing = differingFiles(plan);
  if (differing.length === 0 || force) return;
  throw new ClawbackError(
    'restore-conflict',
    `restore ${plan.session.archiveId}: ${differing.length} files of the same names differ`,
    {
      hint: `--force sets them aside first, --to DIR restores elsewhere: ${differing.map(({ file }) => placeName(file)).join(', ')}`,
    },
  );
}

function differingFiles({ files }: RestorePlan): RestorePlan['files'] {
  return files.filter(({ state }) => state === 'different');
}

async function assertHarmless(
  path: string,
  { kind, name }: ManifestFile,
  { archiveId, sessionKey }: ManifestSession,
  { mediaDir }: FileFolders,
): Promise<void> {
  if (kind !== 'media-record' || (await isHarmlessRecord(path, name, { sessionKey, mediaDir }))) return;
  throw new ClawbackError(
    'manifest-invalid',
    `restore ${archiveId}: ${name} is no attachment record of this session, or names a file elsewhere`,
    { hint: 'nothing was changed; --to DIR writes the files where OpenClaw does not look' },
  );
}

/** How often a row is put back that another process overwrites with what was there before. */
const ROUNDS = 3;

async function putRow({ session, row, current }: RestorePlan, { sessions }: RestoreTarget): Promise<void> {
  if (row?.kind !== 'put' || session.sessionKey === null) return;
  const { sessionKey } = session;
  const expectSha256 = current === undefined ? null : rowSha256(current);
  const { archiveId } = session;
  const change = { sessionKey, archiveId, expectSha256, replaceWith: row.row };
  let stayed: Exclude<RowOutcome, 'committed'> = 'changed';
  for (let round = 1; round <= ROUNDS; round += 1) {
    const outcome = (await sessions.commit([change])).get(sessionKey) ?? 'rejected';
    if (outcome !== 'committed') {
      stayed = outcome;
      break;
    }
    if (sessions.settleMs === 0) return;
    await delay(sessions.settleMs);
    const found = (await sessions.read()).rows.find((one) => one.sessionKey === sessionKey)?.row;
    const isAsBefore = found === undefined ? expectSha256 === null : rowSha256(found) === expectSha256;
    if (isAsBefore) continue;
    // A message that has come meanwhile continues the restored session, and has touched its row.
    if (found !== undefined && sessionIdOf(found) === sessionIdOf(row.row)) return;
    break;
  }
  const code = stayed === 'active' ? 'session-in-use' : 'restore-conflict';
  throw new ClawbackError(code, `restore ${session.archiveId}: ${ROW_STAYED[stayed]}`, {
    hint: 'the files are in place; run the same command again to put the row back',
    retryable: true,
  });
}

const ROW_STAYED = {
  changed: 'its row changed while the files were fetched',
  gone: 'its row went while the files were fetched',
  active: 'the gateway works on this conversation now',
  rejected: 'the gateway would not take its row',
} as const;
