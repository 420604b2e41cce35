import type { Phase } from '../../progress.ts';
import { formatBytes } from '../format.ts';

/** How far something is. A total that is not known is undefined. */
export interface ProgressState {
  /** `archive`. */
  readonly command: string;
  /** `sessions`. */
  readonly unit: string;
  readonly done: number;
  readonly total: number | undefined;
  readonly bytesDone: number;
  readonly bytesTotal: number | undefined;
  readonly bytesPerSecond: number | undefined;
  /** Said instead of all that. */
  readonly phase?: Phase | undefined;
}

/** Not as long as fits: that would change with every digit beside it. */
const BARS = [24, 10] as const;
/** Further away it is a guess. */
const LONGEST_LEFT_S = 100 * 3600;

/** `archive: 42%, 1.2 GB of 2.9 GB, 120 of 290 sessions, 48.3 MB/s, 35 s left` */
export function progressLine(state: ProgressState): string {
  if (state.phase !== undefined) return `${state.command}: ${phaseTexts(state.phase)[0]}`;
  const { percent, bytes, items, rate, left } = partsOf(state);
  return `${state.command}: ${join(percent, bytes, items, rate, left)}`;
}

/** On one line of a terminal of so many columns, and never quite as long: a full line would make the cursor wrap. */
export function progressBar(state: ProgressState, columns: number, paint = (bar: string) => bar): string {
  const room = Math.max(0, columns - 1);
  if (state.phase !== undefined) {
    const [long, short] = phaseTexts(state.phase);
    const lines = [progressLine(state), long, short];
    return lines.find((line) => line.length <= room) ?? short.slice(0, room);
  }
  const { percent, bytes, items, rate, left } = partsOf(state);
  if (percent === '') {
    const lines = [progressLine(state), join(bytes, items), bytes];
    return lines.find((line) => line.length <= room) ?? bytes.slice(0, room);
  }
  const details = [
    join(bytes, items, rate, left),
    join(bytes, rate, left),
    join(bytes, left),
    left === '' ? bytes : left,
  ];
  for (const detail of details) {
    const lineWith = (bar: string) => `${state.command} [${bar}] ${percent.padStart(4)}  ${detail}`;
    const length = BARS.find((bar) => lineWith('').length + bar <= room);
    if (length !== undefined) return lineWith(paint(barOf(state, length)));
  }
  return percent.slice(0, room);
}

/** In full, and where there is no room. */
function phaseTexts(phase: Phase): readonly [string, string] {
  if (phase.name === 'settling') {
    const left = `(${Math.ceil(phase.leftMs / 1000)} s)`;
    return [`waiting until the gateway cannot overwrite the rows any more ${left}`, `waiting ${left}`];
  }
  const isPlanning = phase.name === 'planning';
  return isPlanning ? ['planning', 'planning'] : ['proving what the archive holds already', 'proving'];
}

function partsOf(state: ProgressState) {
  const { unit, done, total, bytesDone, bytesTotal, bytesPerSecond } = state;
  const share = shareOf(state);
  const isDone = share === 1;
  return {
    // Rounded down: 100% is when nothing is left.
    percent: share === undefined ? '' : `${Math.floor(share * 100)}%`,
    bytes: ofTotal(formatBytes(bytesDone), bytesTotal === undefined ? undefined : formatBytes(bytesTotal)),
    items: `${ofTotal(done.toLocaleString('en-US'), total?.toLocaleString('en-US'))} ${unit}`,
    rate: bytesPerSecond === undefined || isDone ? '' : `${formatBytes(bytesPerSecond)}/s`,
    left: isDone ? 'finishing' : timeLeft(state),
  };
}

/** Of the bytes; where there are none, of the units. From 0 to 1, or undefined. */
function shareOf({ done, total, bytesDone, bytesTotal }: ProgressState): number | undefined {
  if (bytesTotal === undefined || total === undefined) return undefined;
  if (bytesTotal > 0) return Math.min(1, bytesDone / bytesTotal);
  return total > 0 ? Math.min(1, done / total) : undefined;
}

function timeLeft({ bytesDone, bytesTotal, bytesPerSecond }: ProgressState): string {
  if (bytesTotal === undefined || bytesPerSecond === undefined || bytesPerSecond <= 0) return '';
  const seconds = Math.ceil((bytesTotal - bytesDone) / bytesPerSecond);
  return seconds < LONGEST_LEFT_S ? `${formatSeconds(seconds)} left` : '';
}

/** `35 s`, `4 min 10 s`, `1 h 5 min`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min${minutes < 10 ? ` ${seconds % 60} s` : ''}`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function barOf(state: ProgressState, length: number): string {
  const filled = Math.floor((shareOf(state) ?? 0) * length);
  const tip = filled > 0 && filled < length ? '>' : '';
  return `${'='.repeat(filled - tip.length)}${tip}`.padEnd(length);
}

function ofTotal(done: string, total: string | undefined): string {
  return total === undefined ? done : `${done} of ${total}`;
}

function join(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(', ');
}
