import type { PlannedSession } from './plan/plan.ts';
import type { Batch } from './ship/batches.ts';

/**
 * What a run does while no bytes move. `proving`: reads back what the archive holds already. `settling`: waits for so
 * long until no row that it changed can come back.
 */
export type Phase =
  | { readonly name: 'planning' | 'proving' }
  | { readonly name: 'settling'; readonly leftMs: number };

/** How far a run is with what its plan selected. */
export interface Progress {
  readonly runId: string;
  readonly sessionsDone: number;
  readonly sessionsTotal: number;
  /** Bytes of their files, as they lie here; of a batch under way those that are stored and read back so far. */
  readonly bytesDone: number;
  readonly bytesTotal: number;
  /** Absent while batches are archived, and when all are. */
  readonly phase?: Phase;
}

export type OnProgress = (progress: Progress) => void;

/** Adds up what is told of single batches. A session counts once its batch is committed. */
export class RunProgress {
  readonly #runId: string;
  readonly #onProgress: OnProgress | undefined;
  readonly #underWay = new Map<Batch, number>();
  #expected: Size = NOTHING;
  #begun: Size = NOTHING;
  #done: Size = NOTHING;

  constructor(runId: string, onProgress: OnProgress | undefined) {
    this.#runId = runId;
    this.#onProgress = onProgress;
  }

  /** So much more is to come, over all that will be begun. */
  expect(planned: readonly PlannedSession[]): void {
    this.#expected = plus(this.#done, sizeOf(planned));
  }

  enter(phase: Phase): void {
    this.#tell(phase);
  }

  /** A phase is over that no batch follows. */
  resume(): void {
    this.#tell();
  }

  begin(batches: readonly Batch[]): void {
    this.#begun = plus(this.#begun, sizeOfBatches(batches));
    this.#tell();
  }

  /** @param bytes so far, of this batch alone. Fewer than before where it had to begin anew. */
  underWay(batch: Batch, bytes: number): void {
    // What is packed is a little more than the files.
    this.#underWay.set(batch, Math.min(bytes, sizeOfBatches([batch]).bytes));
    this.#tell();
  }

  ended(batches: readonly Batch[]): void {
    for (const batch of batches) this.#underWay.delete(batch);
    this.#done = plus(this.#done, sizeOfBatches(batches));
    this.#tell();
  }

  #tell(phase?: Phase): void {
    const underWay = [...this.#underWay.values()].reduce((sum, bytes) => sum + bytes, 0);
    this.#onProgress?.({
      runId: this.#runId,
      sessionsDone: this.#done.sessions,
      sessionsTotal: Math.max(this.#expected.sessions, this.#begun.sessions),
      bytesDone: this.#done.bytes + underWay,
      bytesTotal: Math.max(this.#expected.bytes, this.#begun.bytes),
      ...(phase === undefined ? {} : { phase }),
    });
  }
}

interface Size {
  readonly sessions: number;
  readonly bytes: number;
}

const NOTHING: Size = { sessions: 0, bytes: 0 };

function plus(a: Size, b: Size): Size {
  return { sessions: a.sessions + b.sessions, bytes: a.bytes + b.bytes };
}

function sizeOfBatches(batches: readonly Batch[]): Size {
  return sizeOf(batches.flatMap((batch) => batch.planned));
}

function sizeOf(planned: readonly PlannedSession[]): Size {
  const files = planned.flatMap((session) => session.files);
  return { sessions: planned.length, bytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) };
}
