import { runIdAt } from '../../src/manifest/keys.ts';
import { NOTHING_DONE } from '../../src/report.ts';
import type { RunReport } from '../../src/reports/run-report.ts';
import { seededRandom } from './random.ts';

const DAY_MS = 86_400_000;
const MB = 2 ** 20;

/** The report of a quiet night, with anything of it changed. */
export function reportOf(changes: Partial<RunReport> = {}): RunReport {
  const startedAt = changes.startedAt ?? '2026-11-21T04:30:12.000Z';
  const rows = { total: 600, protected: 420, tombstones: 200, modelRuns: 40 };
  const byKind = {
    trajectory: { files: 300, diskBytes: 700 * MB },
    transcript: { files: 320, diskBytes: 120 * MB },
    store: { files: 1, diskBytes: 9 * MB },
  };
  const disk = { files: 621, diskBytes: 829 * MB, byKind };
  return {
    format: 'clawback.report/1',
    tool: 'clawback/0.1.0',
    instance: 'oc-43fec4cb5a2a',
    runId: runIdAt(Date.parse(startedAt), '0000abcd'),
    command: 'archive',
    startedAt,
    durationMs: 41_000,
    exitCode: 0,
    interrupted: false,
    road: 'direct',
    rows: { before: rows, after: rows },
    disk: { before: disk, after: disk },
    keptByReason: { 'too-young': 380, tombstone: 200, running: 2 },
    protectedKeptByReason: { 'too-young': 219, tombstone: 200, running: 1 },
    done: { ...NOTHING_DONE },
    leftAlone: {},
    failures: {},
    filesNotRemoved: 0,
    archive: { sessions: 900, rawBytes: 4_000 * MB, storedBytes: 380 * MB },
    budget: null,
    scope: { agents: null, unreadStores: 0 },
    ...changes,
  };
}

/** Night after night of a busy OpenClaw: the first run takes most, two go wrong. The same for the same seed. */
export function nightlyReports(nights: number, seed = 5): RunReport[] {
  const random = seededRandom(seed);
  const from = (low: number, high: number) => Math.round(low + random() * (high - low));
  const firstMs = Date.parse('2026-11-21T04:30:00.000Z') - (nights - 1) * DAY_MS;
  let rows = { total: 1_180, protected: 584, tombstones: 0, modelRuns: 507 };
  let ordinary = 89;
  let diskBytes = 1_330 * MB;
  let archive = { sessions: 0, rawBytes: 0, storedBytes: 0 };
  const reports: RunReport[] = [];
  for (let night = 0; night < nights; night += 1) {
    const grown = {
      protected: rows.protected + from(4, 9),
      tombstones: rows.tombstones,
      modelRuns: rows.modelRuns + from(20, 45),
      total: 0,
    };
    ordinary += from(3, 12);
    grown.total = grown.protected + grown.modelRuns + ordinary;
    const before = night === 0 ? rows : grown;
    const diskBefore = night === 0 ? diskBytes : diskBytes + from(18, 55) * MB;
    const isBad = night === Math.floor(nights * 0.4) || night === Math.floor(nights * 0.7);
    const trimmed = isBad ? 0 : night === 0 ? 431 : from(3, 10);
    const removed = isBad ? 0 : Math.max(0, before.modelRuns - from(20, 45));
    const pruned = isBad ? 0 : Math.min(ordinary, from(2, 14));
    ordinary -= pruned;
    const freedBytes = isBad ? 0 : Math.max(0, diskBefore - from(290, 330) * MB);
    const files = trimmed * 6 + removed * 3 + pruned * 2;
    const storedBytes = Math.round(freedBytes / 11);
    rows = {
      total: before.total - removed - pruned,
      protected: before.protected,
      tombstones: before.tombstones + trimmed,
      modelRuns: before.modelRuns - removed,
    };
    diskBytes = diskBefore - freedBytes;
    archive = {
      sessions: archive.sessions + trimmed + removed + pruned,
      rawBytes: archive.rawBytes + freedBytes,
      storedBytes: archive.storedBytes + storedBytes,
    };
    const startedAt = new Date(firstMs + night * DAY_MS + from(0, 300_000)).toISOString();
    reports.push(
      reportOf({
        startedAt,
        runId: runIdAt(Date.parse(startedAt), night.toString(16).padStart(8, '0')),
        durationMs: from(9_000, 64_000),
        exitCode: isBad ? (night % 2 === 0 ? 1 : 3) : 0,
        failures: isBad ? { 'archive-unreachable': from(1, 40) } : {},
        rows: { before, after: rows },
        disk: { before: diskOf(diskBefore, 900 + files), after: diskOf(diskBytes, 900) },
        done: {
          ...reportOf().done,
          modelRunRowsRemoved: removed,
          ordinaryRowsPruned: pruned,
          protectedRowsTrimmed: trimmed,
          filesArchived: files,
          filesReclaimed: files,
          rawBytes: freedBytes,
          freedBytes,
          storedBytes,
          objects: isBad ? 0 : 5,
        },
        archive,
        budget: { maxDiskBytes: 1_024 * MB, highWaterBytes: 820 * MB, isOver: false },
      }),
    );
  }
  return reports;
}

function diskOf(diskBytes: number, files: number): RunReport['disk']['after'] {
  const share = (part: number) => ({
    files: Math.round(files * part),
    diskBytes: Math.round(diskBytes * part),
  });
  return { files, diskBytes, byKind: { trajectory: share(0.7), transcript: share(0.2), orphan: share(0.1) } };
}
