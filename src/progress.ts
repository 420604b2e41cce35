import type { Batch } from './ship/batches.ts';

/** How far a run is with what its plan selected. */
export interface Progress {
  readonly runId: string;
  readonly sessionsDone: number;
  readonly sessionsTotal: number;
  /** Bytes of their files, as they lie here; of a batch under way those that are stored and read back so far. */
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

export type OnProgress = (progress: Progress) => void;

/** Adds up what is told of single batches. A session counts once its batch is committed. */
export class RunProgress {
  readonly #runId: string;
  readonly #total: Size;
  readonly #onProgress: OnProgress | undefined;
  readonly #underWay = new Map<Batch, number>();
  #done: Size = { sessions: 0, bytes: 0 };

  constructor(runId: string, batches: readonly Batch[], onProgress: OnProgress | undefined) {
    this.#runId = runId;
    this.#total = sizeOf(batches);
    this.#onProgress = onProgress;
    this.#tell();
  }

  /** @param bytes so far, of this batch alone. Fewer than before where it had to begin anew. */
  underWay(batch: Batch, bytes: number): void {
    // What is packed is a little more than the files.
    this.#underWay.set(batch, Math.min(bytes, sizeOf([batch]).bytes));
    this.#tell();
  }

  ended(batches: readonly Batch[]): void {
    const { sessions, bytes } = sizeOf(batches);
    for (const batch of batches) this.#underWay.delete(batch);
    this.#done = { sessions: this.#done.sessions + sessions, bytes: this.#done.bytes + bytes };
    this.#tell();
  }

  #tell(): void {
    const underWay = [...this.#underWay.values()].reduce((sum, bytes) => sum + bytes, 0);
    this.#onProgress?.({
      runId: this.#runId,
      sessionsDone: this.#done.sessions,
      sessionsTotal: this.#total.sessions,
      bytesDone: this.#done.bytes + underWay,
      bytesTotal: this.#total.bytes,
    });
  }
}

interface Size {
  readonly sessions: number;
  readonly bytes: number;
}

function sizeOf(batches: readonly Batch[]): Size {
  const planned = batches.flatMap((batch) => batch.planned);
  const files = planned.flatMap((session) => session.files);
  return { sessions: planned.length, bytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) };
}
