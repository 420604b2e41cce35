import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ClawbackError } from '../errors.ts';
import { openArchive } from '../installation.ts';
import type { ManifestFile, ManifestSession } from '../manifest/manifest.ts';
import { readArchivedFile } from '../restore/fetch-files.ts';
import { openSession } from '../restore/open-session.ts';
import { renderTranscript } from '../restore/render-transcript.ts';
import { splitLines } from '../restore/transcript-lines.ts';
import { EXIT, installationFrom, type Verb, warnOfDamage } from './context.ts';

interface CatFlags {
  readonly raw?: boolean;
}

/** Longer lines hold images; readable text shows their size instead. */
const MAX_LINE_BYTES = 32 * 1024 * 1024;

export const cat: Verb<CatFlags> = async (io, flags, selector = '') => {
  const installation = await installationFrom(io, flags);
  const archive = await openArchive(installation, { create: false });
  const { manifest, session } = await openSession(archive, selector, flags.agent, {
    onDamage: warnOfDamage(io),
    signal: io.signal,
  });
  const transcripts = transcriptsOf(session);
  if (flags.json) {
    const files = transcripts.map(({ name, size }) => ({ name, size }));
    const { archiveId, sessionKey, sessionId, row } = session;
    io.stdout.write(
      `${JSON.stringify({ schema: 'clawback.cat/1', archiveId, sessionKey, sessionId, files, row })}\n`,
    );
    return EXIT.done;
  }
  for (const file of transcripts) {
    const bytes = readArchivedFile(archive, manifest, file, io.signal);
    const output = flags.raw ? bytes : renderTranscript(splitLines(bytes, MAX_LINE_BYTES));
    await pipeline(Readable.from(output), io.stdout, { end: false });
  }
  return EXIT.done;
};

/** The transcript itself; for loose files, the reset and deleted ones in the order of their time. */
function transcriptsOf(session: ManifestSession): readonly ManifestFile[] {
  const main = session.files.filter(({ kind }) => kind === 'transcript');
  const older = session.files.filter(
    ({ kind }) => kind === 'reset' || kind === 'deleted' || kind === 'backup',
  );
  const found = main.length > 0 ? main : older.sort((a, b) => a.mtimeMs - b.mtimeMs);
  if (found.length > 0) return found;
  throw new ClawbackError(
    'object-not-found',
    `read the transcript of ${session.archiveId}: it had none when it was archived`,
    {
      hint: `clawback restore ${session.archiveId} --to DIR brings its other files`,
    },
  );
}
