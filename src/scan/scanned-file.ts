import type { ScannedKind } from './file-kind.ts';
import type { FileIdentity } from './file-stats.ts';

/** One top-level entry of a sessions folder, or a file of `media/outgoing`. */
export interface ScannedFile {
  readonly name: string;
  readonly kind: ScannedKind;
  /** The transcript's name without `.jsonl`; empty for the store and unknown names. */
  readonly base: string;
  readonly sizeBytes: number;
  /** What the file system holds for it: blocks, not length. */
  readonly diskBytes: number;
  readonly mtimeMs: number;
  readonly mode: number;
  readonly identity: FileIdentity;
  /** A regular file under exactly one name. Links and devices are never read or removed. */
  readonly isPlain: boolean;
}
