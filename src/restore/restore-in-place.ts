import { rm } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import type { Archive } from '../archive/archive.ts';
import { ClawbackError } from '../errors.ts';
import type { Manifest, ManifestFile, ManifestSession } from '../manifest/manifest.ts';
import { rowSha256 } from '../sessions/canonical-json.ts';
import { sessionIdOf } from '../sessions/row.ts';
import type { Row, SessionStore } from '../sessions/session-store.ts';
import { syncDirectory } from '../sessions/sync-directory.ts';
import { removeOwnStub } from '../tombstone/stub-transcript.ts';
import { fetchFiles } from './fetch-files.ts';
import { type LocalState, localState, placeFile, setAside } from './local-files.ts';
import { mergeRow, type RowRestore } from './merge-row.ts';
import { makeStaging } from './staging.ts';

export interface RestoreTarget {
  readonly sessions: SessionStore;
  readonly sessionsDir: string;
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
  /** Undefined: the archived files never had a row. */
  readonly row: RowRestore | undefined;
  readonly current: Row | undefined;
}

export async function planRestore(
  session: ManifestSession,
  target: RestoreTarget,
  options: RestoreOptions,
): Promise<RestorePlan> {
  const files = [];
  for (const file of session.files) {
    if (file.place !== null) files.push({ file, state: await localState(target.sessionsDir, file) });
  }
  const { rows } = await target.sessions.read();
  const current = rows.find(({ sessionKey }) => sessionKey === session.sessionKey)?.row;
  if (session.row === null) return { session, files, row: undefined, current };
  assertFreeSessionId(session, rows);
  const row = mergeRow({
    archived: session.row,
    current,
    folders: spelledFolders(rows, target.sessionsDir),
    hasPrompt: target.hasPrompt,
    keepSkills: target.sessions.kind !== 'gateway',
    ...(options.resume ? { resumeAtMs: options.nowMs } : {}),
  });
  return { session, files, row, current };
}

/** Folders that rows name their transcripts in: ours, and what a gateway in a container calls it. */
function spelledFolders(rows: readonly { row: Row }[], sessionsDir: string): ReadonlySet<string> {
  const files = rows.map(({ row }) => row.sessionFile).filter((file) => typeof file === 'string');
  return new Set([sessionsDir, ...files.filter((file) => isAbsolute(file)).map((file) => dirname(file))]);
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

/** Fetched and proven in a folder of its own, then moved into place, then the row. Running it again finishes it. */
export async function restoreInPlace(
  archive: Archive,
  manifest: Manifest,
  plan: RestorePlan,
  target: RestoreTarget,
  options: RestoreOptions,
  signal?: AbortSignal,
): Promise<{ written: string[]; setAside: string[] }> {
  const differing = plan.files.filter(({ state }) => state === 'different');
  if (differing.length > 0 && !options.force) {
    throw new ClawbackError(
      'restore-conflict',
      `restore ${plan.session.archiveId}: ${differing.length} files of the same names differ`,
      {
        hint: `--force sets them aside first, --to DIR restores elsewhere: ${differing.map(({ file }) => file.name).join(', ')}`,
      },
    );
  }
  const wanted = plan.files.filter(({ state }) => state !== 'identical').map(({ file }) => file);
  const staging = await makeStaging(target.sessionsDir);
  const aside: string[] = [];
  try {
    await fetchFiles(archive, manifest, wanted, staging, signal);
    await target.assertMayCommit();
    for (const { file } of differing)
      aside.push(await setAside(target.sessionsDir, file.name, options.nowMs));
    for (const file of wanted) await placeFile(join(staging, file.name), join(target.sessionsDir, file.name));
    await syncDirectory(target.sessionsDir);
    await putRow(plan, target);
    // A row that stays may name its stub still: an inbound message touches the row before the turn begins.
    const stub = plan.session.tombstone?.sessionFile;
    const isNamed = plan.row?.kind === 'keep' && plan.current?.sessionFile === stub;
    if (!isNamed) await removeOwnStub(target.sessionsDir, plan.session);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  return { written: wanted.map(({ name }) => name), setAside: aside };
}

async function putRow({ session, row, current }: RestorePlan, { sessions }: RestoreTarget): Promise<void> {
  if (row?.kind !== 'put' || session.sessionKey === null) return;
  const { sessionKey } = session;
  const expectSha256 = current === undefined ? null : rowSha256(current);
  const { archiveId } = session;
  const change = { sessionKey, archiveId, expectSha256, replaceWith: row.row };
  const outcome = (await sessions.commit([change])).get(sessionKey);
  if (outcome === 'committed') return;
  const what = `restore ${session.archiveId}: ${ROW_STAYED[outcome ?? 'rejected']}`;
  throw new ClawbackError('restore-conflict', what, {
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
