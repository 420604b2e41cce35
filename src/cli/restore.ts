import { resolve } from 'node:path';
import type { Archive } from '../archive/archive.ts';
import { ClawbackError } from '../errors.ts';
import type { CommitRoad } from '../gateway/commit-road.ts';
import { type Installation, takeSnapshot, workableStores } from '../installation.ts';
import type { StoreLocation } from '../openclaw/discover-stores.ts';
import type { Generation } from '../restore/generations.ts';
import { assertNotInUse, useOf } from '../restore/in-use.ts';
import { findGenerations, type OpenedSession, openGeneration } from '../restore/open-session.ts';
import { placeRecorders, planRecorders } from '../restore/place-recorders.ts';
import { openRecorders } from '../restore/recorders.ts';
import {
  assertNoConflict,
  planRestore,
  type RestoreOptions,
  type RestoreTarget,
  restoreInPlace,
} from '../restore/restore-in-place.ts';
import { sweepLeftovers } from '../restore/staging.ts';
import { lookForRoad, storeOnRoad } from '../runs/store-roads.ts';
import { StoreLock } from '../state/store-lock.ts';
import {
  EXIT,
  type ExitCode,
  type GlobalFlags,
  type Io,
  installationFrom,
  type Verb,
  warnOfDamage,
} from './context.ts';
import { openArchiveToRead } from './open-archive.ts';
import { restoreBelow } from './restore-below.ts';
import {
  assertThawFlags,
  isCold,
  keysOfRow,
  lookForThaw,
  mustWait,
  packKeysFor,
  type RestoreContext,
  reportWaiting,
} from './restore-cold.ts';
import { missingFiles, nameOf, type Opened, type RestoreFlags, reportRestore } from './restore-text.ts';

export const restore: Verb<RestoreFlags> = async (io, flags, selector = '') => {
  if (flags.to !== undefined && flags.resume) {
    throw new ClawbackError('usage', 'restore: --to and --resume do not go together', {
      hint: '--resume puts the row back; --to only writes files',
    });
  }
  assertThawFlags(flags);
  const installation = await installationFrom(io, flags);
  const archive = await openArchiveToRead(installation, io);
  const opened = await openWhenReadable({ installation, archive, io, flags }, selector, flags.generation);
  if (typeof opened === 'number') return opened;
  return flags.to === undefined
    ? intoStore(installation, archive, opened, io, flags)
    : restoreBelow(installation, archive, opened, resolve(flags.to), io, flags);
};

/** That, or the exit code where its manifest is cold: then its pack is taken to be needed too. */
async function openWhenReadable(
  context: RestoreContext,
  selector: string,
  generation: number | undefined,
): Promise<Opened | ExitCode> {
  const { archive, io, flags } = context;
  const options = { onDamage: warnOfDamage(io), signal: io.signal };
  const found = await findGenerations(archive, selector, flags.agent, {
    ...options,
    ...(generation === undefined ? {} : { generation }),
  });
  const newest = found.at(-1) as Generation;
  const { row } = newest;
  const open = async (): Promise<Opened> => {
    const opened = await openGeneration(archive, row.archive_id, io.signal);
    return { ...opened, recorders: await openRecorders(archive, newest, opened, options) };
  };
  try {
    return await open();
  } catch (error) {
    if (!isCold(error)) throw error;
    const thaw = await lookForThaw(context, keysOfRow(archive, row));
    if (thaw === undefined || thaw.state === 'ready') return open();
    const { archive_id: archiveId, session_key: sessionKey, session_id: sessionId } = row;
    return reportWaiting(context, { archiveId, sessionKey, sessionId }, thaw);
  }
}

const WAIT_NOTE =
  'a gateway is up: the row is watched for a minute, until nothing can overwrite it; the plugin makes that exact and faster (openclaw plugins install clawback)';

async function intoStore(
  installation: Installation,
  archive: Archive,
  opened: Opened,
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
      const recorders = await planRecorders(session, opened.recorders, store);
      reportRestore(opened, { plan, recorders, setAside: [] }, io, flags, road, thaw, use);
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
  opened: Opened,
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
    // The conversation first: what happens to its recorders does not keep it from coming back.
    const recorders = await placeRecorders(
      archive,
      await planRecorders(session, opened.recorders, store),
      store,
      { onDamage: warnOfDamage(io), signal: io.signal },
    );
    reportRestore(opened, { plan, recorders, setAside }, io, flags, road, thaw);
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
