import { z } from 'zod';

export const REPORT_FORMAT = 'clawback.report/1';

const count = z.number().int().nonnegative();
const counts = z.record(z.string(), count);

const rowsSchema = z.object({
  total: count,
  protected: count,
  /** Of the protected ones, those of archived conversations. */
  tombstones: count,
  modelRuns: count,
});

const diskSchema = z.object({
  files: count,
  /** Blocks that the file system holds, of all sessions folders. */
  diskBytes: count,
  byKind: z.record(z.string(), z.object({ files: count, diskBytes: count })),
});

/** What a run found, did and left, in numbers. Names no conversation. */
export const runReportSchema = z.object({
  format: z.literal(REPORT_FORMAT),
  /** `clawback/0.1.0`. */
  tool: z.string(),
  instance: z.string(),
  runId: z.string(),
  command: z.enum(['archive', 'reclaim']),
  startedAt: z.iso.datetime(),
  durationMs: count,
  /** Of the command, as documented in docs/cli-json.md. */
  exitCode: z.number().int(),
  interrupted: z.boolean(),
  road: z.enum(['direct', 'gateway', 'outside']),
  rows: z.object({ before: rowsSchema, after: rowsSchema }),
  disk: z.object({ before: diskSchema, after: diskSchema }),
  /** Rows that the plan kept, by reason: all, and the protected ones among them. */
  keptByReason: counts,
  protectedKeptByReason: counts,
  /** `RunCounts`: what was done. */
  done: counts,
  /** Sessions that were archived, or were to be, and stay: by why. */
  leftAlone: counts,
  /** Failures of sessions and of the run, by error code. */
  failures: counts,
  /** Files that should have gone and could not be removed. */
  filesNotRemoved: count.optional(),
  /** The whole archive of the instance, after the run. */
  archive: z.object({ sessions: count, rawBytes: count, storedBytes: count }),
  /** Where a disk budget is set: null without one. */
  budget: z.object({ maxDiskBytes: count, highWaterBytes: count, isOver: z.boolean() }).nullable(),
  /** What the numbers of rows and disk are of: runs of another scope cannot be compared. */
  scope: z
    .object({
      /** Only the stores of these agents (`--agent`); null: all. */
      agents: z.array(z.string()).nullable(),
      /** Stores that could not be read, before or after: they are in no number. */
      unreadStores: count,
    })
    .optional(),
});

export type RunReport = z.infer<typeof runReportSchema>;
export type RowNumbers = RunReport['rows']['before'];
