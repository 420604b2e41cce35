import { readFileSync } from 'node:fs';
import { errnoOf } from '../errors.ts';

interface ProcessStat {
  readonly state: string;
  /** Ticks after boot; with the pid it names a process for good. */
  readonly startTime: number;
}

/**
 * When a process started, in the kernel's ticks after boot (field 22 of
 * `/proc/<pid>/stat`). Undefined where there is no such process or no `/proc`.
 */
export function readProcessStart(pid: number): number | undefined {
  return readStat(pid)?.startTime;
}

/**
 * Whether the process runs that had `pid`, and `startTime` where it is known: a
 * pid alone may have gone to another process. Says nothing about processes in
 * another PID namespace, which look dead from here.
 */
export function isProcessAlive(pid: number, startTime?: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0 || !acceptsSignals(pid)) return false;
  const stat = readStat(pid);
  if (!stat) return true;
  // A zombie has ended, and holds nothing any more.
  if (stat.state === 'Z' || stat.state === 'X') return false;
  return startTime === undefined || stat.startTime === startTime;
}

function acceptsSignals(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, as somebody else.
    return errnoOf(error) === 'EPERM';
  }
}

function readStat(pid: number): ProcessStat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    // ENOENT and ESRCH: it ended, or the system has no /proc. EACCES and EPERM: /proc is hidden (hidepid).
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
  return parseStat(text);
}

/** The second field is the name in parentheses, which may itself hold spaces and parentheses. */
export function parseStat(text: string): ProcessStat | undefined {
  const fields = text
    .slice(text.lastIndexOf(')') + 1)
    .trim()
    .split(/\s+/);
  const [state, startTime] = [fields[0], Number(fields[19])];
  return state && Number.isSafeInteger(startTime) ? { state, startTime } : undefined;
}
