import { constants } from 'node:fs';
import { open, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ClawbackError, errnoOf } from '../errors.ts';
import type { ManifestSession } from '../manifest/manifest.ts';
import { onFile } from '../system-error.ts';

type Entry = Omit<ManifestSession, 'files'>;

/**
 * A transcript of one message that keeps `openclaw sessions cleanup --fix-missing` from removing the
 * tombstone: it removes rows whose transcript is absent or holds no message. For people only: OpenClaw
 * starts a transcript without an answer of the model afresh, so that the model never sees the text.
 */
export function stubTranscript(input: {
  sessionId: string;
  archiveId: string;
  lastActivityMs: number | null;
}): string {
  // An old date: with a daily reset policy the next message then starts a fresh session, as it would have anyway.
  const timestamp = new Date(input.lastActivityMs ?? 0).toISOString();
  const header = { type: 'session', version: 3, id: input.sessionId, timestamp, cwd: '/' };
  const text = `[The earlier messages of this conversation were archived by clawback as ${input.archiveId}.]`;
  const message = {
    type: 'message',
    id: input.sessionId.slice(0, 8),
    parentId: null,
    timestamp,
    message: { role: 'user', content: [{ type: 'text', text }], timestamp: Date.parse(timestamp) },
  };
  return `${JSON.stringify(header)}\n${JSON.stringify(message)}\n`;
}

/** Name and content of the stub that belongs to a tombstone. Undefined if it has none. */
function stubOf({ tombstone, archiveId, lastActivityMs }: Entry): { name: string; text: string } | undefined {
  const name = tombstone?.sessionFile;
  const sessionId = tombstone?.sessionId;
  // A forged manifest must not name a file elsewhere.
  if (typeof name !== 'string' || typeof sessionId !== 'string' || basename(name) !== name) return undefined;
  return { name, text: stubTranscript({ sessionId, archiveId, lastActivityMs }) };
}

/** Makes the stub, durable, before the row that names it. @throws {ClawbackError} `restore-conflict` if the name is taken. */
export async function writeStub(sessionsDir: string, entry: Entry): Promise<void> {
  const stub = stubOf(entry);
  if (stub === undefined) return;
  const path = join(sessionsDir, stub.name);
  const file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  try {
    // Only a name of our own making is there already: written, or half written, by a run that died here.
    const found = await onFile(path, () => file.readFile('utf8'));
    if (!stub.text.startsWith(found)) {
      throw new ClawbackError(
        'restore-conflict',
        `write stub transcript ${stub.name}: another file has this name`,
        {
          hint: `look at ${path}; nothing was changed`,
        },
      );
    }
    await onFile(path, async () => {
      await file.write(stub.text, 0);
      await file.sync();
    });
  } finally {
    await file.close();
  }
}

/** Removes the stub unless somebody has written to it. */
export async function removeOwnStub(sessionsDir: string, entry: Entry): Promise<void> {
  const stub = stubOf(entry);
  if (stub === undefined) return;
  const path = join(sessionsDir, stub.name);
  if ((await readIfThere(path)) === stub.text) await rm(path, { force: true });
}

/** Whether the stub is as we wrote it, or not there at all. */
export async function isStubUntouched(sessionsDir: string, entry: Entry): Promise<boolean> {
  const stub = stubOf(entry);
  if (stub === undefined) return entry.tombstone?.sessionFile === undefined;
  const found = await readIfThere(join(sessionsDir, stub.name));
  return found === undefined || found === stub.text;
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await onFile(path, () => readFile(path, 'utf8'));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** No stub is longer. */
export const MAX_STUB_BYTES = 1024;

/** Whether a transcript is a stub exactly as we write them, whatever row it belonged to. */
export function isOwnStub(name: string, text: string): boolean {
  const archiveId = /archived by clawback as ([0-9a-z.-]+)\.\]/.exec(text)?.[1];
  const timestamp = /^\{"type":"session","version":3,"id":"[^"]+","timestamp":"([^"]+)"/.exec(text)?.[1];
  const lastActivityMs = Date.parse(timestamp ?? '');
  if (archiveId === undefined || Number.isNaN(lastActivityMs)) return false;
  return text === stubTranscript({ sessionId: name.replace(/\.jsonl$/, ''), archiveId, lastActivityMs });
}
