// The library behind the command line: everything that a caller needs to plan, archive, read and restore.

export { Archive } from './archive/archive.ts';
export { type Clock, systemClock } from './clock.ts';
export { ClawbackError, type ErrorCode } from './errors.ts';
export {
  type Installation,
  type InstallationOptions,
  openArchive,
  openInstallation,
} from './installation.ts';
export type { CatalogueRow } from './manifest/catalogue.ts';
export type { Manifest, ManifestFile, ManifestSession } from './manifest/manifest.ts';
export type { ArchivePlan, KeptRow, PlannedSession } from './plan/plan.ts';
export { KEEP_REASONS, type KeepReason, SELECT_REASONS, type SelectReason } from './plan/reasons.ts';
export type { RunCounts } from './report.ts';
export { readReports } from './reports/report-objects.ts';
export type { RunReport } from './reports/run-report.ts';
export { readArchivedFile } from './restore/fetch-files.ts';
export { openSession } from './restore/open-session.ts';
export { type ArchiveRun, type ArchiveRunOptions, archiveRun, planRun } from './runs/archive-run.ts';
