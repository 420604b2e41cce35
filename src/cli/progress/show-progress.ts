import type { OnProgress, Phase } from '../../progress.ts';
import type { GlobalFlags, Io } from '../context.ts';
import type { LogEntry } from '../log.ts';
import { type ProgressState, progressBar, progressLine } from './progress-text.ts';
import { SmoothedRate } from './smoothed-rate.ts';

/** A terminal is drawn on no more often than this: an eye sees no more. */
const REDRAW_MS = 100;
/** A log has a line no more often than this. */
const LINE_MS = 30_000;
/** Nothing may be told for minutes while an archive is slow: time left and rate change all the same. */
const TICK_MS = 1000;

const GREEN = '\u001b[32m';
const DEFAULT_COLOUR = '\u001b[39m';

/** What is told to `show`. */
export type Told = Omit<ProgressState, 'command' | 'bytesPerSecond'> & {
  /** For logs in JSON. */
  readonly runId?: string;
};

/**
 * Shows on standard error how far `body` is: a bar on a terminal, gone before this returns; elsewhere a line every 30 s.
 * Nothing with `--quiet`, nor with `--json` unless the log is in JSON too. After Ctrl-C no more.
 */
export async function withProgress<T>(
  io: Io,
  flags: GlobalFlags,
  command: string,
  body: (show: (told: Told) => void) => Promise<T>,
): Promise<T> {
  if (flags.quiet || (flags.json && io.log.format === 'text')) return body(() => {});
  const display = new Display(io, command);
  try {
    return await body((told) => display.update(told));
  } finally {
    display.stop();
  }
}

/** For what a run tells. */
export async function withRunProgress<T>(
  io: Io,
  flags: GlobalFlags,
  command: string,
  body: (onProgress: OnProgress) => Promise<T>,
): Promise<T> {
  const onAbort = () => {
    if (!flags.quiet) io.log.write(STOPPING);
  };
  io.signal.addEventListener('abort', onAbort);
  try {
    return await withProgress(io, flags, command, (show) => {
      show(PLANNING);
      return body(({ sessionsDone: done, sessionsTotal: total, ...rest }) =>
        show({ unit: 'sessions', done, total, ...rest }),
      );
    });
  } finally {
    io.signal.removeEventListener('abort', onAbort);
  }
}

/** What a run begins with, and a dry run does. */
const PLANNING: Told = {
  unit: 'sessions',
  done: 0,
  total: undefined,
  bytesDone: 0,
  bytesTotal: undefined,
  phase: { name: 'planning' },
};

/** For what only plans. */
export function withPlanning<T>(
  io: Io,
  flags: GlobalFlags,
  command: string,
  body: () => Promise<T>,
): Promise<T> {
  return withProgress(io, flags, command, (show) => {
    show(PLANNING);
    return body();
  });
}

const STOPPING: LogEntry = {
  level: 'info',
  msg: 'stopping: batches in hand are finished first; a second signal stops at once, and loses nothing either',
};

class Display {
  readonly #io: Io;
  readonly #command: string;
  readonly #rate = new SmoothedRate();
  readonly #timer = setInterval(() => this.#tick(), TICK_MS);
  readonly #onAbort = () => this.stop();
  #told: Told | undefined;
  #toldMs = 0;
  #isStopped = false;
  /** When something was shown last, or this began. */
  #shownMs: number;

  constructor(io: Io, command: string) {
    this.#io = io;
    this.#command = command;
    this.#shownMs = io.clock.nowMs();
    this.#timer.unref();
    io.signal.addEventListener('abort', this.#onAbort);
  }

  update(told: Told): void {
    const isNew = this.#told === undefined || this.#told.phase?.name !== told.phase?.name;
    this.#told = told;
    this.#toldMs = this.#io.clock.nowMs();
    this.#look(isNew ? 0 : REDRAW_MS);
  }

  stop(): void {
    this.#isStopped = true;
    clearInterval(this.#timer);
    this.#io.signal.removeEventListener('abort', this.#onAbort);
    this.#io.log.status('');
  }

  #tick(): void {
    this.#look(REDRAW_MS);
  }

  #look(redrawMs: number): void {
    if (this.#told === undefined) return;
    if (this.#told.phase !== undefined) this.#rate.pause();
    else this.#rate.add(this.#io.clock.nowMs(), this.#told.bytesDone);
    this.#show(redrawMs);
  }

  /** The phase as it is by now: nothing is told while a run waits. */
  #phase(): Phase | undefined {
    const phase = this.#told?.phase;
    if (phase?.name !== 'settling') return phase;
    return { ...phase, leftMs: Math.max(0, phase.leftMs - (this.#io.clock.nowMs() - this.#toldMs)) };
  }

  #show(redrawMs: number): void {
    const { clock, log } = this.#io;
    if (this.#told === undefined || this.#isStopped) return;
    const { runId, ...told } = this.#told;
    const sinceMs = Math.abs(clock.nowMs() - this.#shownMs);
    if (sinceMs < (log.terminal === undefined ? LINE_MS : redrawMs)) return;
    this.#shownMs = clock.nowMs();
    const { perSecond: bytesPerSecond } = this.#rate;
    const state = { ...told, command: this.#command, bytesPerSecond, phase: this.#phase() };
    if (log.terminal !== undefined) {
      const paint = (bar: string) => (log.terminal?.hasColour ? `${GREEN}${bar}${DEFAULT_COLOUR}` : bar);
      log.status(progressBar(state, log.terminal.columns(), paint));
      return;
    }
    const { done, total, bytesDone, bytesTotal, unit } = told;
    log.write({
      level: 'info',
      msg: progressLine(state),
      fields: {
        runId,
        phase: told.phase?.name,
        [`${unit}Done`]: done,
        [`${unit}Total`]: total,
        bytesDone,
        bytesTotal,
        bytesPerSecond: bytesPerSecond === undefined ? undefined : Math.round(bytesPerSecond),
      },
    });
  }
}
