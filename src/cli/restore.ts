import { lstat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Archive } from '../archive/archive.ts';
import { ClawbackError, errnoOf } from '../errors.ts';
import type { CommitRoad } from '../gateway/commit-road.ts';
import { type Installation, openArchive, takeSnapshot, workableStores } from '../installation.ts';
import { placeName } from '../manifest/file-place.ts';
import type { ManifestFile } from '../manifest/manifest.ts';
import type { StoreLocation } from '../openclaw/discover-stores.ts';
import type { Generation } from '../restore/generations.ts';
import { assertNotInUse, useOf } from '../restore/in-use.ts';
import { findGenerations, type OpenedSession, openGeneration } from '../restore/open-session.ts';
import {
  assertNoConflict,
  planRestore,
  type RestoreOptions,
  type RestoreTarget,
  restoreInPlace,
} from '../restore/restore-in-place.ts';
import { keptFiles, restoreToFolder } from '../restore/restore-to-folder.ts';
import { sweepLeftovers } from '../restore/staging.ts';
import { lookForRoad, storeOnRoad } from '../runs/store-roads.ts';
import { StoreLock } from '../state/store-lock.ts';
import type { Thaw } from '../thaw/thaw.ts';
import {
  EXIT,
  type ExitCode,
  type GlobalFlags,
  type Io,
  installationFrom,
  print,
  type Verb,
  warnOfDamage,
} from './context.ts';
import {
  assertThawFlags,
  isCold,
  keysOfRow,
  lookForThaw,
  packKeysFor,
  type RestoreContext,
  reportWaiting,
  thawNotes,
} from './restore-cold.ts';
import {
  describeRestore,
  missingFiles,
  nameOf,
  type RestoreFlags,
  reportRestore,
  restoreHead,
} from './restore-text.ts';
import { thawJson } from './thaw-text.ts';

export const restore: Verb<RestoreFlags> = async (io, flags, selector = '') => {
  if (flags.to !== undefined && flags.resume) {
    throw new ClawbackError('usage', 'restore: --to and --resume do not go together', {
      hint: '--resume puts the row back; --to only writes files',
    });
  }
  assertThawFlags(flags);
  const installation = await installationFrom(io, flags);
  const archive = await openArchive(installation, { create: false });
  const opened = await openWhenReadable({ installation, archive, io, flags }, selector, flags.generation);
  if (typeof opened === 'number') return opened;
  return flags.to === undefined
    ? intoStore(installation, archive, opened, io, flags)
    : intoFolder(installation, archive, opened, resolve(flags.to), io, flags);
};

/** The session, or the exit code where its manifest is cold: then its pack is taken to be needed too. */
async function openWhenReadable(
  context: RestoreContext,
  selector: string,
  generation: number | undefined,
): Promise<OpenedSession | ExitCode> {
  const { archive, io, flags } = context;
  const found = await findGenerations(archive, selector, flags.agent, {
    onDamage: warnOfDamage(io),
    signal: io.signal,
    ...(generation === undefined ? {} : { generation }),
  });
  const { row } = found.at(-1) as Generation;
  try {
    return await openGeneration(archive, row.archive_id, io.signal);
  } catch (error) {
    if (!isCold(error)) throw error;
    const thaw = await lookForThaw(context, keysOfRow(archive, row));
    if (thaw === undefined || thaw.state === 'ready')
      return openGeneration(archive, row.archive_id, io.signal);
    const { archive_id: archiveId, session_key: sessionKey, session_id: sessionId } = row;
    return reportWaiting(context, { archiveId, sessionKey, sessionId }, thaw);
  }
}

async function intoFolder(
  installation: Installation,
  archive: Archive,
  opened: OpenedSession,
  folder: string,
  io: Io,
  flags: RestoreFlags & GlobalFlags,
): Promise<ExitCode> {
  const files = keptFiles(opened.session);
  await assertAbsent(folder, files);
  const context = { installation, archive, io, flags };
  const thaw = await lookForThaw(context, packKeysFor(opened.manifest, files));
  if (mustWait(thaw, flags)) return reportWaiting(context, nameOf(opened), thaw);
  if (!flags.dryRun) await restoreToFolder(archive, opened, folder, io.signal);
  const json = {
    ...restoreHead(opened, flags),
    to: folder,
    files: files.map((file) => ({ name: placeName(file), size: file.size, state: 'absent' })),
    row: 'untouched',
    setAside: [],
    thaw: thaw === undefined ? null : thawJson(thaw),
  };
  const notes = [`into ${folder}; the store was not touched`, ...thawNotes(thaw, opened.session)];
  print(io, flags, json, () => describeRestore(opened, flags, files, notes));
  return EXIT.done;
}

/** A dry run goes on, and says what it would wait for. */
function mustWait(thaw: Thaw | undefined, { dryRun }: RestoreFlags): thaw is Thaw {
  return thaw !== undefined && thaw.state !== 'ready' && !dryRun;
}

async function assertAbsent(folder: string, files: readonly ManifestFile[]): Promise<void> {
  for (const file of files) {
    const name = placeName(file);
    try {
      await lstat(join(folder, name));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') continue;
      throw error;
    }
    throw new ClawbackError('restore-conflict', `restore into ${folder}: ${name} is there already`, {
      hint: 'name an empty folder',
    });
  }
}

const WAIT_NOTE =
  'a gateway is up: the row is watched for a minute, until nothing can overwrite it; the plugin makes that exact and faster (openclaw plugins install clawback)';

async function intoStore(
  installation: Installation,
  archive: Archive,
  opened: OpenedSession,
  io: Io,
  flags: RestoreFlags & GlobalFlags,
): Promise<ExitCode> {
  const { session } = opened;
  const store = storeOf(installation, opened);
  const nowMs = installation.clock.nowMs();
  const options: RestoreOptions = { force: flags.force ?? false, resume: flags.resume ?? false, nowMs };
  const road = await lookForRoad(installation);
  try {
    if (flags.dryRun) {
      const target = await targetOf(installation, store, opened, undefined, road);
      const plan = await planRestore(session, target, options);
      const keys = packKeysFor(opened.manifest, missingFiles(plan));
      const thaw = await lookForThaw({ installation, archive, io, flags }, keys);
      const use = useOf(session, await takeSnapshot(installation, store));
      reportRestore(opened, plan, io, flags, [], road, thaw, use);
      return EXIT.done;
    }
    return await onRoad(installation, archive, opened, store, options, io, flags, road);
  } finally {
    road.close();
  }
}

async function onRoad(
  installation: Installation,
  archive: Archive,
  opened: OpenedSession,
  store: StoreLocation,
  options: RestoreOptions,
  io: Io,
  flags: RestoreFlags & GlobalFlags,
  road: CommitRoad,
): Promise<ExitCode> {
  const { manifest, session } = opened;
  const { nowMs } = options;
  const lock = await StoreLock.acquirePatiently(store.sessionsDir, 'clawback restore', nowMs);
  try {
    await sweepLeftovers(store.sessionsDir, store.mediaDir);
    const target = await targetOf(installation, store, opened, lock, road);
    const plan = await planRestore(session, target, options);
    const assertIdle = async () => assertNotInUse(plan, await takeSnapshot(installation, store));
    await assertIdle();
    assertNoConflict(plan, options);
    // Nobody is to pay for a restore that is refused.
    const context = { installation, archive, io, flags };
    const thaw = await lookForThaw(context, packKeysFor(manifest, missingFiles(plan)));
    if (mustWait(thaw, flags)) return reportWaiting(context, nameOf(opened), thaw);
    if (road.name === 'outside' && !flags.json && !flags.quiet)
      io.log.write({ level: 'info', msg: WAIT_NOTE });
    // Recorded first: were we to die half-way, the files put back so far would not be archived again at once.
    const restoredName = session.sessionId ?? session.sessionKey;
    if (restoredName !== null) await installation.state.recordRestored([restoredName], nowMs);
    const assertMayCommit = async () => {
      await target.assertMayCommit();
      // The files may have been long under way.
      await assertIdle();
    };
    const { setAside } = await restoreInPlace(
      archive,
      manifest,
      plan,
      { ...target, assertMayCommit },
      options,
      io.signal,
    );
    reportRestore(opened, plan, io, flags, setAside, road, thaw);
    return EXIT.done;
  } finally {
    await lock.release();
  }
}

function storeOf(installation: Installation, { manifest, session }: OpenedSession): StoreLocation {
  const stores = workableStores(installation);
  const store =
    stores.find(({ id }) => id === manifest.source.storeId) ??
    stores.find(({ agentId }) => agentId === session.agentId);
  if (store !== undefined) return store;
  throw new ClawbackError(
    'no-session-store',
    `restore ${session.archiveId}: there is no store of agent ${session.agentId} here`,
    {
      hint: 'restore the files elsewhere with --to DIR, or create the agent in OpenClaw first',
    },
  );
}

async function targetOf(
  installation: Installation,
  store: StoreLocation,
  { session }: OpenedSession,
  lock: StoreLock | undefined,
  road: CommitRoad,
): Promise<RestoreTarget> {
  const { prompts } = await takeSnapshot(installation, store);
  const { sessions, active, assertMayCommit } = storeOnRoad(installation, road, store);
  return {
    sessions,
    sessionsDir: store.sessionsDir,
    mediaDir: store.mediaDir,
    hasPrompt: (hash) => prompts.hashes.has(hash),
    assertMayCommit: async () => {
      await lock?.assertHeld();
      await assertMayCommit();
      const source = (await active()).get(session.sessionKey ?? '');
      if (source !== undefined) throw inUse(session, source);
    },
  };
}

function inUse({ archiveId }: OpenedSession['session'], source: string): ClawbackError {
  return new ClawbackError('session-in-use', `restore ${archiveId}: the gateway works on it (${source})`, {
    hint: 'wait for the answer and run again, or restore elsewhere with --to DIR; nothing was changed',
    retryable: true,
  });
}
