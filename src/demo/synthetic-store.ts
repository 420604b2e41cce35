/** What a generated session store should look like. The same options give the same bytes under the same names. */
export interface SyntheticStoreOptions {
  readonly stateDir: string;
  /** @default 'main' */
  readonly agentId?: string;
  /** The moment that every age is counted back from. */
  readonly nowMs: number;
  /** @default 1 */
  readonly seed?: number;
  /** Size of transcripts and trajectories against a real store's; rows keep their real size. @default 1 */
  readonly sizeScale?: number;
  /** Number of rows and orphan files against the report's; at most 1. @default 1 */
  readonly countScale?: number;
  /** Plant rows that nobody may touch: running, pending delivery, bound, … @default true */
  readonly blockers?: boolean;
  /** Plant files that no row references: reset archives, orphan trajectories, … @default true */
  readonly orphans?: boolean;
  /** Plant shapes that break the report's totals: a shared session id, a subagent row, an upper-case key. @default false */
  readonly variants?: boolean;
}

/** Why a row must be kept although it is old enough, named after the field or file that shows it. */
export type Blocker =
  | 'running'
  | 'pendingFinalDelivery'
  | 'acp'
  | 'quotaSuspension'
  | 'abortedLastRun'
  | 'codex-app-server'
  | 'task-run'
  | 'delivery-queue'
  | 'binding'
  | 'shared-session'
  | 'subagent-child';

export interface SyntheticSession {
  readonly sessionKey: string;
  readonly sessionId: string;
  /** Since the row or any of its files last changed. */
  readonly ageMs: number;
  /** The files that belong to the row, relative to the sessions folder. */
  readonly files: readonly string[];
  readonly blocker?: Blocker;
}

export type OrphanKind =
  | 'reset'
  | 'deleted'
  | 'trajectory'
  | 'trajectory-pointer'
  | 'checkpoint'
  | 'repair-backup'
  | 'codex-sidecar'
  | 'store-temp'
  | 'store-backup'
  | 'usage-cache';

/** A file that no row references. A repair backup lies beside a live transcript, all others stand alone. */
export interface Orphan {
  readonly name: string;
  readonly kind: OrphanKind;
  readonly ageMs: number;
}

/** What was written, so that a test can say what should happen without asking the product. */
export interface SyntheticStore {
  readonly stateDir: string;
  readonly sessionsDir: string;
  readonly storePath: string;
  readonly rowCount: number;
  /** Every file below the sessions folder, sessions.json included. */
  readonly fileCount: number;
  readonly bytes: number;
  readonly sessions: readonly SyntheticSession[];
  readonly orphans: readonly Orphan[];
}

/** `count` of the report at this scale: never 0 where the report has some. */
export function scaleCount(count: number, scale: number): number {
  return count === 0 ? 0 : Math.max(1, Math.round(count * scale));
}
