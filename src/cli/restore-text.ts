import type { CommitRoad } from '../gateway/commit-road.ts';
import { placeName } from '../manifest/file-place.ts';
import type { ManifestFile } from '../manifest/manifest.ts';
import { explainKept, type Kept } from '../plan/reasons.ts';
import type { OpenedSession } from '../restore/open-session.ts';
import type { RecordersInPlace } from '../restore/place-recorders.ts';
import type { LeftRecorder, Recorders } from '../restore/recorders.ts';
import type { RestorePlan } from '../restore/restore-in-place.ts';
import type { Thaw } from '../thaw/thaw.ts';
import { type GlobalFlags, type Io, print } from './context.ts';
import { count, formatBytes, safe } from './format.ts';
import { type ThawFlags, thawNotes } from './restore-cold.ts';
import { thawJson } from './thaw-text.ts';

export interface RestoreFlags extends ThawFlags {
  readonly force?: boolean;
  readonly resume?: boolean;
  readonly generation?: number;
}

/** What comes back: one archived state, with the flight recorders that were archived before it. */
export interface Opened extends OpenedSession {
  readonly recorders: Recorders;
}

export function restoreHead(opened: OpenedSession, flags: RestoreFlags) {
  return { schema: 'clawback.restore/1', dryRun: flags.dryRun ?? false, ...nameOf(opened) };
}

export function nameOf({ session: { archiveId, sessionKey, sessionId } }: OpenedSession) {
  return { archiveId, sessionKey, sessionId };
}

export function missingFiles({ files }: RestorePlan): readonly ManifestFile[] {
  return files.filter(({ state }) => state !== 'identical').map(({ file }) => file);
}

/** What an in-place restore did, or would do. */
export interface RestoredInPlace {
  readonly plan: RestorePlan;
  readonly recorders: RecordersInPlace;
  readonly setAside: readonly string[];
}

export function reportRestore(
  opened: OpenedSession,
  { plan, recorders, setAside }: RestoredInPlace,
  io: Io,
  flags: RestoreFlags & GlobalFlags,
  { name, why }: CommitRoad,
  thaw: Thaw | undefined,
  use?: Kept,
): void {
  const row = plan.row === undefined ? 'none' : plan.row.kind === 'put' ? 'restored' : plan.row.why;
  const files = [...plan.files, ...recorders.files].map(({ file, state }) => ({
    name: placeName(file),
    size: file.size,
    state,
  }));
  const missing = files.filter(({ state }) => state !== 'identical');
  const { mediaLeft } = plan;
  const notes = [
    ...(missingFiles(plan).length === 0 ? [FILES_THERE] : []),
    ROW_NOTES[row],
    ...(mediaLeft > 0
      ? [
          `its ${count(mediaLeft, 'media file')} stayed in the archive: OpenClaw would remove them beside a newer session`,
        ]
      : []),
    ...recorders.left.map(recorderNote),
    ...setAside.map((name) => `set aside as ${safe(name)}`),
    ...(flags.resume ? ['the next message continues this transcript'] : []),
    ...(use === undefined ? [] : [`the conversation is in use: ${explainKept(use)}`]),
    ...thawNotes(thaw, opened.session),
  ];
  const inUse = use === undefined ? null : { ...use, text: explainKept(use) };
  print(
    io,
    flags,
    {
      ...restoreHead(opened, flags),
      to: null,
      files,
      recordersLeft: recorders.left,
      mediaLeft,
      row,
      setAside,
      inUse,
      road: { name, why },
      thaw: thaw === undefined ? null : thawJson(thaw),
    },
    () => describeRestore(opened, flags, missing, notes),
  );
}

const FILES_THERE = 'its files are there already, byte for byte';

const ROW_NOTES = {
  none: 'only files: no row had gone with them',
  restored: 'its row is back in the store',
  revived:
    'the conversation goes on under a newer session; its row stays, the old files lie beside (--resume switches it back)',
  identical: 'its row was never gone',
} as const;

export function describeRestore(
  { session }: OpenedSession,
  flags: RestoreFlags,
  files: readonly { readonly name: string; readonly size: number }[],
  notes: readonly string[],
): string {
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const verb = flags.dryRun ? 'would restore' : 'restored';
  return [
    `${verb} ${safe(session.sessionKey ?? session.sessionId)} (${session.archiveId}): ${count(files.length, 'file')}, ${formatBytes(bytes)}`,
    ...files.map(({ name, size }) => `  ${safe(name)}  ${formatBytes(size)}`),
    ...notes.map((note) => `  ${note}`),
  ].join('\n');
}

const LEFT_NOTES: Readonly<Record<LeftRecorder['why'], (archiveId: string) => string>> = {
  'name-taken': (archiveId) =>
    `stays in the archive, another file has its name here: clawback restore ${archiveId} --to DIR`,
  cold: (archiveId) => `must be thawed first: clawback restore ${archiveId} --thaw`,
  damaged: () => 'could not be read from the archive: run clawback verify --read-data',
};

export function recorderNote({ archiveId, why }: LeftRecorder): string {
  return `flight recorder ${archiveId} ${LEFT_NOTES[why](archiveId)}`;
}
