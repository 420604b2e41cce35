import { statSync, utimesSync } from 'node:fs';
import type { ChangeOutcome } from '../gateway/messages.ts';
import { canonicalJson, rowSha256 } from '../sessions/canonical-json.ts';
import { sessionIdOf } from '../sessions/row.ts';
import type { Row, RowChange } from '../sessions/session-store.ts';
import type { ActiveSources } from './active-sources.ts';
import { type DiskRows, readDiskRows } from './disk-rows.ts';
import type { GatewayRows, GatewaySessions } from './openclaw-api.ts';

/** A change that the archive has allowed, with what it still demands of the row that is there. */
export interface AllowedChange {
  readonly change: RowChange;
  /** Why the change may not be made to this row, or undefined. Asked when the row has the expected hash. */
  readonly refuse: (current: Row | undefined) => string | undefined;
}

export interface CommitTarget {
  readonly sessions: GatewaySessions;
  /** As the gateway spells it: its writer queue is named by this very string. */
  readonly storePath: string;
  /** Asked in the instant of the change. Undefined: nobody is asked, for a turn that restores its own session. */
  readonly activeSources?: () => ActiveSources;
}

/**
 * Changes rows in one run of the gateway's own writer queue, so that no write of the gateway is lost and none loses
 * ours. Everything that decides is looked at in one synchronous step inside that run: the row on the disk, and who
 * works on the session. It triggers no pruning, leaves no stale row in the gateway's cache, and believes only what is
 * on the disk afterwards.
 *
 * @throws {ClawbackError} `store-unreadable`.
 */
export async function commitRows(
  { sessions, storePath, activeSources }: CommitTarget,
  allowed: readonly AllowedChange[],
): Promise<readonly ChangeOutcome[]> {
  const keys = allowed.map(({ change }) => change.sessionKey);
  const decided = await sessions.updateSessionStore(
    storePath,
    (rows) => {
      const disk = readDiskRows(storePath);
      const active = activeSources?.();
      return allowed.map((one) => decide(one, disk, rows, active));
    },
    {
      skipMaintenance: true,
      skipSaveWhenResult: (outcomes) => outcomes.every(({ outcome }) => outcome !== 'committed'),
      allowDropAcpMetaSessionKeys: keys,
      requireWriteSuccess: true,
    },
  );
  if (decided.every(({ outcome }) => outcome !== 'committed')) return decided;
  const disk = await settle(sessions, storePath);
  return decided.map((one, index) =>
    one.outcome === 'committed' ? confirm(one, allowed[index]?.change.replaceWith ?? null, disk) : one,
  );
}

/** Judges one change and, if it holds, makes it in the gateway's rows. Synchronous. */
function decide(
  { change, refuse }: AllowedChange,
  disk: DiskRows,
  rows: GatewayRows,
  active: ActiveSources | undefined,
): ChangeOutcome {
  const { sessionKey, expectSha256, replaceWith } = change;
  const answer = (outcome: ChangeOutcome['outcome'], reason?: string): ChangeOutcome => ({
    sessionKey,
    outcome,
    ...(reason === undefined ? {} : { reason }),
  });
  const current = disk.get(sessionKey);
  if (current === undefined && expectSha256 !== null) return answer('gone');
  if (current !== undefined && (expectSha256 === null || rowSha256(current) !== expectSha256)) {
    return answer('changed');
  }
  const source = active?.find(sessionKey, (current && sessionIdOf(current)) ?? undefined);
  if (source !== undefined) return answer('active', source);
  const why = refuse(current);
  if (why !== undefined) return answer('rejected', why);
  // The loader drops rows that it cannot use; then ours would stand beside nothing that the gateway knows.
  if (current !== undefined && !Object.hasOwn(rows, sessionKey)) {
    return answer('rejected', 'the gateway does not load this row');
  }
  if (replaceWith === null) delete rows[sessionKey];
  else {
    // Not by assignment: `__proto__` is a session key like any other.
    const value = structuredClone(replaceWith) as Record<string, unknown>;
    Object.defineProperty(rows, sessionKey, { value, enumerable: true, configurable: true, writable: true });
  }
  return answer('committed');
}

/**
 * One more run of the queue, which writes nothing. The changed mtime makes the gateway forget the rows that it cached
 * with the save: on 2026.6.11 they differ from a fresh load, and the next inbound message would be refused with
 * "reply session initialization conflicted".
 */
function settle(sessions: GatewaySessions, storePath: string): Promise<DiskRows> {
  return sessions.updateSessionStore(
    storePath,
    () => {
      const { atimeMs, mtimeMs } = statSync(storePath);
      utimesSync(storePath, atimeMs / 1000, (Math.floor(mtimeMs) + 2) / 1000);
      return readDiskRows(storePath);
    },
    {
      skipMaintenance: true,
      skipSaveWhenResult: () => true,
      allowDropAcpMetaSessionKeys: [],
      requireWriteSuccess: true,
    },
  );
}

/** Fields that OpenClaw turns into others, or stores elsewhere, when it saves a row. */
const REWRITTEN = new Set(['provider', 'lastProvider', 'room', 'skillsSnapshot']);

/** What was written counts only if it is there: OpenClaw drops what it does not like, and may have gone on since. */
function confirm(committed: ChangeOutcome, wanted: Row | null, disk: DiskRows): ChangeOutcome {
  const { sessionKey } = committed;
  const found = disk.get(sessionKey);
  if (wanted === null) return found === undefined ? committed : { sessionKey, outcome: 'changed' };
  if (found === undefined) {
    return { sessionKey, outcome: 'rejected', reason: 'the gateway dropped the new row when it saved' };
  }
  const holds = Object.entries(wanted).every(
    ([field, value]) =>
      REWRITTEN.has(field) ||
      value === undefined ||
      canonicalJson(Object.getOwnPropertyDescriptor(found, field)?.value ?? null) === canonicalJson(value),
  );
  return holds ? committed : { sessionKey, outcome: 'changed' };
}
