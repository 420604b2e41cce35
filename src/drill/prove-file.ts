import { createHash } from 'node:crypto';
import { chmod, open } from 'node:fs/promises';
import type { ManifestFile } from '../manifest/manifest.ts';
import { describeStats, lstatIfThere } from '../scan/file-stats.ts';
import { naming } from '../system-error.ts';
import { type JsonLines, readJsonLines } from './read-json-lines.ts';

export type What = 'restore' | 'row' | 'missing' | 'size' | 'mode' | 'mtime' | 'sha256' | 'line' | 'header';

/** Something that did not come back as it was recorded. The text holds no word of a conversation. */
export interface Difference {
  readonly what: What;
  readonly text: string;
}

export interface FileProof {
  readonly differences: readonly Difference[];
  /** What is odd and was archived so. */
  readonly notes: readonly string[];
}

/**
 * Node 20 sets times in whole microseconds, cut off from a double of seconds: up to 1.22 of them are lost, in
 * 20,000 random times. Node 24 loses a quarter of one.
 */
const MTIME_SLACK_MS = 0.0015;

const OWNER_READ = 0o400;

/** What is made of lines. A `backup` is not: OpenClaw sets transcripts aside because they are broken. */
const WITH_LINES: readonly string[] = ['transcript', 'trajectory', 'checkpoint', 'reset', 'deleted'];

/**
 * Compares a restored file with what the manifest recorded of it, and reads it as OpenClaw would.
 * Leaves it readable by its owner, whatever its mode was.
 *
 * @param needsHeader whether it must begin as a transcript does.
 */
export async function proveFile(path: string, file: ManifestFile, needsHeader: boolean): Promise<FileProof> {
  const stats = await lstatIfThere(path);
  if (stats === undefined || !stats.isFile())
    return { differences: [{ what: 'missing', text: 'it did not come back' }], notes: [] };
  const { sizeBytes, mode, mtimeMs } = describeStats(stats);
  const differences: Difference[] = [];
  const note = (what: What, text: string) => void differences.push({ what, text });
  if (sizeBytes !== file.size) note('size', `it has ${sizeBytes} bytes, not ${file.size}`);
  // A restore gives permission bits back, never set-user-id and the like.
  const wantedMode = file.mode & 0o777;
  if (mode !== wantedMode) note('mode', `its mode is ${mode.toString(8)}, not ${wantedMode.toString(8)}`);
  const lateMs = mtimeMs - file.mtimeMs;
  if (!(Math.abs(lateMs) <= MTIME_SLACK_MS))
    note('mtime', `its time of change is off by ${lateMs.toFixed(3)} ms`);
  if ((mode & OWNER_READ) === 0) await chmod(path, mode | OWNER_READ);
  const { sha256, lines } = await readBack(path, WITH_LINES.includes(file.kind));
  const isAsArchived = sha256 === file.sha256;
  if (!isAsArchived) note('sha256', 'its bytes are not the ones that were archived (SHA-256)');
  const judged = judgeLines(lines, isAsArchived, needsHeader);
  return { differences: [...differences, ...judged.differences], notes: judged.notes };
}

async function readBack(
  path: string,
  hasLines: boolean,
): Promise<{ sha256: string; lines: JsonLines | undefined }> {
  const hash = createHash('sha256');
  const handle = await open(path, 'r');
  async function* hashed(): AsyncGenerator<Uint8Array> {
    for await (const chunk of handle.createReadStream({ autoClose: false })) {
      hash.update(chunk as Buffer);
      yield chunk as Buffer;
    }
  }
  try {
    const lines = await (hasLines ? readJsonLines(hashed()) : drain(hashed()));
    return { sha256: hash.digest('hex'), lines };
  } catch (error) {
    throw naming(path, error);
  } finally {
    await handle.close();
  }
}

async function drain(chunks: AsyncGenerator<Uint8Array>): Promise<undefined> {
  while (!(await chunks.next()).done);
}

/** What is broken and was archived so is no fault of the archive only where OpenClaw itself leaves files like that. */
export function judgeLines(
  lines: JsonLines | undefined,
  isAsArchived: boolean,
  needsHeader: boolean,
): FileProof {
  if (lines === undefined) return { differences: [], notes: [] };
  const { broken, firstBroken, isTorn, oversized, first } = lines;
  const differences: Difference[] = [];
  const notes: string[] = [];
  if (broken > 0)
    differences.push({
      what: 'line',
      text: `${broken === 1 ? 'a line is' : `${broken} lines are`} no JSON, the first is line ${firstBroken}`,
    });
  if (needsHeader && first === 'other')
    differences.push({ what: 'header', text: 'its first line is no session header' });
  const odd = [
    ...(isTorn ? ['its last line is torn'] : []),
    ...(needsHeader && first === 'none' && !isTorn ? ['it is empty'] : []),
  ];
  for (const text of odd) {
    if (isAsArchived) notes.push(`${text}: archived so, the SHA-256 is the recorded one`);
    else differences.push({ what: 'line', text });
  }
  if (oversized > 0)
    notes.push(`${oversized === 1 ? 'a line was' : `${oversized} lines were`} too long to parse`);
  return { differences, notes };
}
