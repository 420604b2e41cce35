import { isClawbackError } from '../errors.ts';
import { doctorPrefix, stampedAtMs } from '../manifest/keys.ts';
import type { OpenedArchive } from '../objects/open.ts';

export type StepName = 'write' | 'read' | 'range' | 'list' | 'overwrite' | 'large' | 'checksum';

/** One probe: where its objects lie, what is in them, and what there is to be removed. */
export interface Probe {
  readonly archive: OpenedArchive;
  readonly nowMs: number;
  readonly prefix: string;
  readonly id: string;
  readonly bytes: Buffer;
  /** Of an archive that is a folder: those that the probe brings into being, the deepest first. */
  readonly folders: readonly string[];
  /** Keys that may hold something of ours: noted before they are written. */
  readonly made: Set<string>;
  /** An object in parts was begun and not finished. */
  wasUploading: boolean;
}

export interface ProbeStep {
  readonly name: StepName;
  /** Not tried unless these went well. */
  readonly needs: readonly StepName[];
  readonly isForServers?: boolean;
  /** False if the archive takes what it should refuse, or returns what it was not given. */
  readonly run: (probe: Probe, signal: AbortSignal) => Promise<boolean>;
}

/** In this order: what a later one needs is tried first. */
export const PROBE_STEPS: readonly ProbeStep[] = [
  { name: 'write', needs: [], run: write },
  { name: 'read', needs: ['write'], run: readBack },
  { name: 'range', needs: ['write', 'read'], run: readRange },
  { name: 'list', needs: ['write'], run: list },
  { name: 'overwrite', needs: ['write', 'read'], run: overwrite },
  { name: 'large', needs: ['write', 'read'], run: writeLarge },
  { name: 'checksum', needs: ['write'], isForServers: true, run: sendDamaged },
];

/** A part of S3, and enough to find out that a disk is full. */
const PART_BYTES = 8 << 20;
const CHUNK_BYTES = 64 * 1024;

/** No probe takes this long: what is older was left by one that was killed. */
const LEFTOVER_MS = 3_600_000;

async function write(probe: Probe, signal: AbortSignal): Promise<boolean> {
  const { size } = await probe.archive.objects.put(keyFor(probe, 'small'), probe.bytes, signal);
  return size === probe.bytes.length;
}

async function readBack(probe: Probe, signal: AbortSignal): Promise<boolean> {
  const got = await probe.archive.objects.get(keyFor(probe, 'small'), undefined, signal);
  return probe.bytes.equals(got);
}

async function readRange(probe: Probe, signal: AbortSignal): Promise<boolean> {
  const range = { offset: 1000, length: 1024 };
  const got = await probe.archive.objects.get(keyFor(probe, 'small'), range, signal);
  return probe.bytes.subarray(range.offset, range.offset + range.length).equals(got);
}

async function list(probe: Probe, signal: AbortSignal): Promise<boolean> {
  const small = keyFor(probe, 'small');
  let isListed = false;
  for (const prefix of new Set([probe.prefix, doctorPrefix(undefined)])) {
    for await (const { key, size } of probe.archive.objects.list(prefix, signal)) {
      if (key === small) isListed = size === probe.bytes.length;
      const stampMs = stampedAtMs(key.slice(prefix.length));
      if (stampMs !== undefined && stampMs < probe.nowMs - LEFTOVER_MS) probe.made.add(key);
    }
  }
  return isListed;
}

/** Other bytes under a taken key: refused by the adapter, and by the server even if the adapter had not looked. */
async function overwrite(probe: Probe, signal: AbortSignal): Promise<boolean> {
  const { objects, server } = probe.archive;
  const key = keyFor(probe, 'small');
  const others = Buffer.from(probe.bytes).reverse();
  try {
    await objects.put(key, others, signal);
    return false;
  } catch (error) {
    if (!isClawbackError(error) || error.code !== 'object-exists') throw error;
  }
  return server === undefined || (await server.refusesOverwrite(key, others, signal));
}

/** A bit more than one part, written in pieces, and read where the parts meet. */
async function writeLarge(probe: Probe, signal: AbortSignal): Promise<boolean> {
  const { objects, server } = probe.archive;
  const partBytes = server?.partBytes ?? PART_BYTES;
  const key = keyFor(probe, 'large');
  const chunk = Buffer.alloc(CHUNK_BYTES, probe.bytes);
  const chunks = Math.ceil(partBytes / CHUNK_BYTES) + 1;
  probe.wasUploading = true;
  const writer = objects.createWriter(key, signal);
  try {
    for (let count = 0; count < chunks; count += 1) await writer.write(chunk);
    await writer.close();
    probe.wasUploading = false;
  } finally {
    await writer.abort();
  }
  // Across the beginning of the last piece.
  const range = { offset: (chunks - 1) * CHUNK_BYTES - 512, length: 1024 };
  const expected = Buffer.concat([chunk.subarray(-512), chunk.subarray(0, 512)]);
  return expected.equals(await objects.get(key, range, signal));
}

async function sendDamaged(probe: Probe, signal: AbortSignal): Promise<boolean> {
  const { server } = probe.archive;
  return server === undefined || server.refusesDamage(keyFor(probe, 'damaged'), probe.bytes, signal);
}

function keyFor({ prefix, id, made }: Probe, part: 'small' | 'large' | 'damaged'): string {
  const key = `${prefix}${id}.${part}`;
  made.add(key);
  return key;
}
