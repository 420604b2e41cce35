import { randomBytes } from 'node:crypto';
import type { Archive } from '../archive/archive.ts';
import { type ClawbackError, isClawbackError, toErrorData } from '../errors.ts';
import { collectGarbage, type GcPlan, planGc } from '../gc/gc.ts';
import type { GcKept, GcTally } from '../gc/gc-context.ts';
import { type Installation, openArchive } from '../installation.ts';
import { leasedStoreIds } from '../leases/at-work.ts';
import type { Leases } from '../leases/leases.ts';
import type { CatalogueRow } from '../manifest/catalogue.ts';
import { runIdAt } from '../manifest/keys.ts';
import { sweepUploads } from '../recover/sweep-uploads.ts';
import { takeLeases } from '../runs/take-leases.ts';
import { StoreLock } from '../state/store-lock.ts';
import {
  EXIT,
  type ExitCode,
  type GlobalFlags,
  type Io,
  installationFrom,
  print,
  type Verb,
} from './context.ts';
import { count, formatBytes, formatMinute, safe } from './format.ts';

interface GcFlags {
  readonly dryRun?: boolean;
}

/** Whatever it says names archive ids and no conversation: logs must not keep what was erased. */
export const gc: Verb<GcFlags> = async (io, flags) => {
  const installation = await installationFrom(io, flags);
  if (!flags.dryRun) {
    const done = await collectOnce(installation, io, flags);
    if (isClawbackError(done)) throw done;
    return done.exitCode;
  }
  const archive = await openArchive(installation, { create: false });
  return plan(installation, archive, io, flags);
};

interface Collected {
  readonly exitCode: ExitCode;
  readonly tally: GcTally;
}

/** The collection itself. Returns the error `locked`, and has done nothing, where a run elsewhere holds one of the leases. */
export async function collectOnce(
  installation: Installation,
  io: Io,
  flags: GlobalFlags,
): Promise<Collected | ClawbackError> {
  return collect(installation, await openArchive(installation, { create: false }), io, flags);
}

async function plan(installation: Installation, archive: Archive, io: Io, flags: GcFlags & GlobalFlags) {
  const { graceMs } = installation.config.gc;
  const planned = await planGc(archive, { nowMs: installation.clock.nowMs(), graceMs, signal: io.signal });
  const problems = planned.damaged.map(({ what, error }) => ({ what, error: toErrorData(error) }));
  const json = {
    ...head(archive, true),
    sessions: planned.due.map((row) => row.archive_id),
    kept: planned.unfinished.map((row): GcKept => ({ archiveId: row.archive_id, why: 'unfinished-run' })),
    waiting: planned.waiting.length,
    nextDueAt: isoDate(planned.nextDueMs),
    batchesRewritten: planned.rewrites,
    batchesDeleted: batchCount(planned.due) - planned.rewrites,
    storedBytes: planned.due.reduce((sum, row) => sum + row.stored_bytes, 0),
    problems,
  };
  const wrong = describeProblems(problems);
  print(io, flags, json, () => [describePlan(planned), ...wrong].join('\n'), wrong);
  return problems.length > 0 ? EXIT.someFailed : EXIT.done;
}

async function collect(
  installation: Installation,
  archive: Archive,
  io: Io,
  flags: GlobalFlags,
): Promise<Collected | ClawbackError> {
  const { config, clock, stores } = installation;
  const nowMs = clock.nowMs();
  const locks: StoreLock[] = [];
  let leases: Leases | undefined;
  try {
    // Where there is no store there is no archiver either that could be at work beside us.
    for (const sessionsDir of new Set(
      stores.filter(({ state }) => state === 'file').map((store) => store.sessionsDir),
    ))
      locks.push(await StoreLock.acquirePatiently(sessionsDir, 'clawback gc', nowMs));
    const storeIds = await storesOf(installation, archive, io.signal);
    const held = await leasesUnlessTaken(installation, archive, storeIds, io.signal);
    if (isClawbackError(held)) return held;
    leases = held;
    // What lies there half-written holds conversations too.
    await sweepUploads(archive, { ownId: held.pass.id, revisions: true, signal: io.signal });
    const tally = await collectGarbage(archive, {
      nowMs,
      graceMs: config.gc.graceMs,
      level: config.compression.level,
      newRunId: () => runIdAt(nowMs, randomBytes(4).toString('hex')),
      assertMayDelete: async () => {
        for (const lock of locks) await lock.assertHeld();
        for (const storeId of storeIds) await held.assertHeld(storeId);
      },
      storeIds: new Set(storeIds),
      signal: io.signal,
    });
    const { waiting, nextDueMs } = await planGc(archive, {
      nowMs,
      graceMs: config.gc.graceMs,
      signal: io.signal,
    });
    const json = {
      ...head(archive, false),
      sessions: tally.deleted,
      kept: tally.kept,
      waiting: waiting.length,
      nextDueAt: isoDate(nextDueMs),
      ...tally.counts,
      problems: tally.problems,
    };
    const wrong = [...describeProblems(tally.problems), ...describeKept(tally.kept)];
    print(io, flags, json, () => describe(tally, waiting.length, json.nextDueAt), wrong);
    const isDone =
      tally.problems.length === 0 && tally.kept.every(({ why }) => why === 'not-forgotten-any-more');
    return { exitCode: isDone ? EXIT.done : EXIT.someFailed, tally };
  } finally {
    // Who finds a store unlocked finds its lease free.
    await leases?.release();
    for (const lock of locks) await lock.release();
  }
}

/** Every store that was ever archived from, on whichever host it is, whether or not anything of it is left; and those that are here. */
async function storesOf(
  { stores }: Installation,
  archive: Archive,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const rows = await archive.catalogue({ onDamage: () => {}, signal });
  const leased = await leasedStoreIds(archive.objects, archive.instance, signal);
  return [...new Set([...stores.map(({ id }) => id), ...rows.map((row) => row.store_id), ...leased])].sort();
}

async function leasesUnlessTaken(
  installation: Installation,
  archive: Archive,
  storeIds: readonly string[],
  signal: AbortSignal,
): Promise<Leases | ClawbackError> {
  try {
    return await takeLeases(installation, archive, storeIds, { command: 'clawback gc', signal });
  } catch (error) {
    // What is no lease that we can read does not pass by itself.
    if (isClawbackError(error) && error.code === 'locked' && error.retryable) return error;
    throw error;
  }
}

function head({ objects, instance }: Archive, dryRun: boolean) {
  return { schema: 'clawback.gc/1', archive: objects.url, instance, dryRun };
}

function isoDate(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}

function batchCount(rows: readonly CatalogueRow[]): number {
  return new Set(rows.map((row) => row.batch_id)).size;
}

function describePlan(planned: GcPlan): string {
  const stored = planned.due.reduce((sum, row) => sum + row.stored_bytes, 0);
  return [
    planned.due.length === 0
      ? 'nothing to delete'
      : `would delete ${count(planned.due.length, 'session')}, about ${formatBytes(stored)}`,
    ...planned.due.map((row) => `  ${row.archive_id}`),
    ...(planned.rewrites > 0
      ? [`${count(planned.rewrites, 'pack')} would be written anew, for sessions that stay`]
      : []),
    ...describeKept(planned.unfinished.map((row) => ({ archiveId: row.archive_id, why: 'unfinished-run' }))),
    ...describeWaiting(planned.waiting.length, isoDate(planned.nextDueMs)),
  ].join('\n');
}

function describe(tally: GcTally, waiting: number, nextDueAt: string | null): string {
  const { batchesDeleted, batchesRewritten, objectsDeleted, freedBytes } = tally.counts;
  return [
    tally.deleted.length === 0 && objectsDeleted === 0
      ? 'nothing to delete'
      : `deleted ${count(tally.deleted.length, 'session')}: ${count(objectsDeleted, 'object')}, ${formatBytes(Math.max(0, freedBytes))} freed`,
    ...(batchesDeleted > 0 ? [`  ${count(batchesDeleted, 'batch', 'batches')} gone`] : []),
    ...(batchesRewritten > 0
      ? [`  ${count(batchesRewritten, 'batch', 'batches')} written anew, for sessions that stay`]
      : []),
    ...describeKept(tally.kept),
    ...describeWaiting(waiting, nextDueAt),
    ...describeProblems(tally.problems),
    ...(tally.deleted.length > 0
      ? ['routing tombstones of trimmed conversations stay in OpenClaw, and still route']
      : []),
  ].join('\n');
}

const KEPT_TEXTS: Readonly<Record<GcKept['why'], string>> = {
  'unfinished-run': 'a run has not finished with its batch: run clawback archive first',
  'store-not-held': 'its store has come to the archive just now; the next clawback gc deletes it',
  'not-forgotten-any-more': 'it was taken back meanwhile',
  'put-off': 'its batch is as it was; the next clawback gc deletes it',
};

function describeKept(kept: readonly GcKept[]): string[] {
  return kept.map(({ archiveId, why }) => `kept ${archiveId}: ${KEPT_TEXTS[why]}`);
}

function describeWaiting(waiting: number, nextDueAt: string | null): string[] {
  if (waiting === 0) return [];
  return [
    `${count(waiting, 'session')} forgotten, and to be deleted later: the first from ${nextDueAt === null ? '-' : `${formatMinute(nextDueAt)} UTC`} on`,
  ];
}

function describeProblems(problems: GcTally['problems']): string[] {
  return problems.map(({ what, error }) => `PROBLEM ${safe(what)}: ${safe(error.message)}`);
}
