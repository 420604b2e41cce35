import { lstat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Archive } from '../archive/archive.ts';
import { ClawbackError, errnoOf } from '../errors.ts';
import type { CommitRoad } from '../gateway/commit-road.ts';
import { type Installation, openArchive, takeSnapshot, workableStores } from '../installation.ts';
import { placeName } from '../manifest/file-place.ts';
import type { ManifestFile } from '../manifest/manifest.ts';
import type { StoreLocation } from '../openclaw/discover-stores.ts';
import { explainKept, type Kept } from '../plan/reasons.ts';
import { assertNotInUse, useOf } from '../restore/in-use.ts';
import { type OpenedSession, openSession } from '../restore/open-session.ts';
import {
  planRestore,
  type RestoreOptions,
  type RestorePlan,
  type RestoreTarget,
  restoreInPlace,
} from '../restore/restore-in-place.ts';
import { keptFiles, restoreToFolder } from '../restore/restore-to-folder.ts';
import { sweepLeftovers } from '../restore/staging.ts';
import { StoreLock } from '../state/store-lock.ts';
import { lookForRoad, storeOnRoad } from '../store-roads.ts';
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
import { count, formatBytes, safe } from './format.ts';

interface RestoreFlags {
  readonly to?: string;
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly resume?: boolean;
  readonly generation?: number;
}

export const restore: Verb<RestoreFlags> = async (io, flags, selector = '') => {
  if (flags.to !== undefined && flags.resume) {
    throw new ClawbackError('usage', 'restore: --to and --resume do not go together', {
      hint: '--resume puts the row back; --to only writes files',
    });
  }
  const installation = await installationFrom(io, flags);
  const archive = await openArchive(installation, { create: false });
  const opened = await openSession(archive, selector, flags.agent, {
    onDamage: warnOfDamage(io),
    signal: io.signal,
    ...(flags.generation === undefined ? {} : { generation: flags.generation }),
  });
  return flags.to === undefined
    ? intoStore(installation, archive, opened, io, flags)
    : intoFolder(archive, opened, resolve(flags.to), io, flags);
};

async function intoFolder(
  archive: Archive,
  opened: OpenedSession,
  folder: string,
  io: Io,
  flags: RestoreFlags & GlobalFlags,
): Promise<ExitCode> {
  const files = keptFiles(opened.session);
  await assertAbsent(folder, files);
  if (!flags.dryRun) await restoreToFolder(archive, opened, folder, io.signal);
  const json = {
    ...head(opened, flags),
    to: folder,
    files: files.map((file) => ({ name: placeName(file), size: file.size, state: 'absent' })),
    row: 'untouched',
    setAside: [],
  };
  print(io, flags, json, () => describe(opened, flags, files, [`into ${folder}; the store was not touched`]));
  return EXIT.done;
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
      report(opened, plan, io, flags, [], road, useOf(session, await takeSnapshot(installation, store)));
      return EXIT.done;
    }
    if (road.name === 'outside' && !flags.json && !flags.quiet)
      io.log.write({ level: 'info', msg: WAIT_NOTE });
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
    report(opened, plan, io, flags, setAside, road);
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

function head({ session }: OpenedSession, flags: RestoreFlags) {
  const { archiveId, sessionKey, sessionId } = session;
  return { schema: 'clawback.restore/1', dryRun: flags.dryRun ?? false, archiveId, sessionKey, sessionId };
}

function report(
  opened: OpenedSession,
  plan: RestorePlan,
  io: Io,
  flags: RestoreFlags & GlobalFlags,
  setAside: readonly string[],
  { name, why }: CommitRoad,
  use?: Kept,
): void {
  const row = plan.row === undefined ? 'none' : plan.row.kind === 'put' ? 'restored' : plan.row.why;
  const files = plan.files.map(({ file, state }) => ({ name: placeName(file), size: file.size, state }));
  const { mediaLeft } = plan;
  const notes = [
    ROW_NOTES[row],
    ...(mediaLeft > 0
      ? [
          `its ${count(mediaLeft, 'media file')} stayed in the archive: OpenClaw would remove them beside a newer session`,
        ]
      : []),
    ...setAside.map((name) => `set aside as ${safe(name)}`),
    ...(flags.resume ? ['the next message continues this transcript'] : []),
    ...(use === undefined ? [] : [`the conversation is in use: ${explainKept(use)}`]),
  ];
  const inUse = use === undefined ? null : { ...use, text: explainKept(use) };
  print(
    io,
    flags,
    { ...head(opened, flags), to: null, files, mediaLeft, row, setAside, inUse, road: { name, why } },
    () =>
      describe(
        opened,
        flags,
        plan.files.filter(({ state }) => state !== 'identical').map(({ file }) => file),
        notes,
      ),
  );
}

const ROW_NOTES = {
  none: 'these files never had a row',
  restored: 'its row is back in the store',
  revived:
    'the conversation goes on under a newer session; its row stays, the old files lie beside (--resume switches it back)',
  identical: 'its row was never gone',
} as const;

function describe(
  { session }: OpenedSession,
  flags: RestoreFlags,
  files: readonly ManifestFile[],
  notes: readonly string[],
): string {
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const verb = flags.dryRun ? 'would restore' : 'restored';
  return [
    `${verb} ${safe(session.sessionKey ?? session.sessionId)} (${session.archiveId}): ${count(files.length, 'file')}, ${formatBytes(bytes)}`,
    ...files.map((file) => `  ${safe(placeName(file))}  ${formatBytes(file.size)}`),
    ...notes.map((note) => `  ${note}`),
  ].join('\n');
}
