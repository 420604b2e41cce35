import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Archive } from '../archive/archive.ts';
import { ClawbackError, isClawbackError } from '../errors.ts';
import type { ManifestFile, ManifestSession } from '../manifest/manifest.ts';
import { readArchivedFile } from '../restore/fetch-files.ts';
import { type Generation, isRecorder } from '../restore/generations.ts';
import { findGenerations, type OpenedSession, openGeneration } from '../restore/open-session.ts';
import { renderTranscript } from '../restore/render-transcript.ts';
import { splitLines } from '../restore/transcript-lines.ts';
import { orderedTranscripts } from '../restore/transcripts.ts';
import { refuseWhereCold } from './cat-cold.ts';
import { EXIT, type Io, installationFrom, type Verb, warnOfDamage } from './context.ts';
import { formatMinute, safe } from './format.ts';
import { openArchiveToRead } from './open-archive.ts';
import { isCold } from './restore-cold.ts';

interface CatFlags {
  readonly raw?: boolean;
  readonly generation?: number;
}

/** Longer lines hold images; readable text shows their size instead. */
const MAX_LINE_BYTES = 32 * 1024 * 1024;

export const cat: Verb<CatFlags> = async (io, flags, selector = '') => {
  const installation = await installationFrom(io, flags);
  const archive = await openArchiveToRead(installation, io);
  const generations = await findGenerations(archive, selector, flags.agent, {
    onDamage: warnOfDamage(io),
    signal: io.signal,
    ...(flags.generation === undefined ? {} : { generation: flags.generation }),
  });
  const refusal = () => refuseWhereCold(installation, archive, generations, io, flags);
  if (flags.json) {
    try {
      io.stdout.write(`${JSON.stringify(await toJson(archive, generations, io))}\n`);
      return EXIT.done;
    } catch (error) {
      // A manifest tells most of it: only what cannot do without a cold object is refused.
      const refused = isCold(error) ? await refusal() : undefined;
      if (refused === undefined) throw error;
      return refused;
    }
  }
  if (flags.raw) assertOne(generations);
  const refused = await refusal();
  if (refused !== undefined) return refused;
  for (const generation of generations) {
    const opened = await openGeneration(archive, generation.row.archive_id, io.signal);
    if (generations.length > 1) io.stdout.write(`${separator(generation)}\n`);
    const transcripts = await orderedTranscripts(archive, opened, io.signal);
    // Of several, the others are worth reading.
    if (transcripts.length === 0 && generations.length === 1) throw withoutTranscript(opened.session);
    if (transcripts.length === 0) io.stdout.write('(it had no transcript when it was archived)\n');
    for (const file of transcripts) {
      if (transcripts.length > 1 && !flags.raw) io.stdout.write(`--- ${safe(file.name)} ---\n`);
      if (!(await print(archive, opened, file, flags, io))) return EXIT.done;
    }
  }
  return EXIT.done;
};

/** False: it cannot be written. The reader has seen enough, or its disk is full, and then `runInProcess` says so. */
async function print(
  archive: Archive,
  { manifest }: OpenedSession,
  file: ManifestFile,
  { raw }: CatFlags,
  io: Io,
): Promise<boolean> {
  const bytes = readArchivedFile(archive, manifest, file, io.signal);
  const output = raw ? bytes : renderTranscript(splitLines(bytes, MAX_LINE_BYTES));
  try {
    await pipeline(Readable.from(output), io.stdout, { end: false });
    return true;
  } catch (error) {
    // Only a stream of the system fails so: what comes from the archive was translated.
    if ((error as NodeJS.ErrnoException).syscall !== 'write' || isClawbackError(error)) throw error;
    return false;
  }
}

/** No line of a transcript begins like this: the first of a record stands in brackets, all others are indented. */
function separator({ row, number, of }: Generation): string {
  const last = row.last_activity_at === null ? '' : `, last active ${formatMinute(row.last_activity_at)}`;
  return `=== generation ${number ?? '?'} of ${of}: ${safe(row.archive_id)}, archived ${formatMinute(row.archived_at)}${last} (UTC) ===`;
}

function assertOne(generations: readonly Generation[]): void {
  if (generations.length <= 1) return;
  throw new ClawbackError('usage', `cat --raw: there are ${generations.length} generations of it`, {
    hint: `add --generation -1 for the newest, --generation 1 for the oldest, or name one by its archive id: ${generations.map(({ row }) => row.archive_id).join(', ')}`,
  });
}

/** The newest one on top; all of them, oldest first, below `generations`. */
async function toJson(archive: Archive, generations: readonly Generation[], io: Io) {
  const all = [];
  for (const generation of generations) {
    const opened = await openGeneration(archive, generation.row.archive_id, io.signal);
    const { session } = opened;
    const files = await orderedTranscripts(archive, opened, io.signal);
    if (files.length === 0 && generations.length === 1) throw withoutTranscript(session);
    all.push({ generation, session, files: files.map(({ name, size }) => ({ name, size })) });
  }
  const newest = all.at(-1);
  return {
    schema: 'clawback.cat/1',
    archiveId: newest?.session.archiveId,
    sessionKey: newest?.session.sessionKey,
    sessionId: newest?.session.sessionId,
    files: newest?.files,
    row: newest?.session.row,
    generations: all.map(({ generation: { row, number, of }, session, files }) => ({
      generation: number,
      generations: of,
      archiveId: session.archiveId,
      sessionId: session.sessionId,
      archivedAt: row.archived_at,
      lastActivityAt: row.last_activity_at,
      files,
    })),
  };
}

function withoutTranscript({ archiveId, action, kind }: ManifestSession): ClawbackError {
  const why = isRecorder({ action, kind })
    ? 'only a flight recorder was archived, and the conversation stayed'
    : 'it had none when it was archived';
  return new ClawbackError('object-not-found', `read the transcript of ${archiveId}: ${why}`, {
    hint: `clawback restore ${archiveId} --to DIR brings its other files`,
  });
}
