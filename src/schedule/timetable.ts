import { Cron } from 'croner';
import { ClawbackError, describe } from '../errors.ts';

/** When runs are due. */
export interface Timetable {
  /** Five fields, as cron takes them. */
  readonly cron: string;
  /** IANA name; undefined: the zone of this machine. */
  readonly timeZone: string | undefined;
  /** The first due time after `afterMs`, in epoch milliseconds; undefined if there is none ever. */
  nextMs(afterMs: number): number | undefined;
}

const TIME_OF_DAY = /^([01]?\d|2[0-3]):([0-5]\d)$/;

/**
 * Reads `04:30`, or a cron expression of five fields.
 * @throws {ClawbackError} `usage`, naming what is allowed.
 */
export function readTimetable(at: string, timeZone?: string): Timetable {
  const doing = `read the time ${JSON.stringify(at)}`;
  const cron = cronOf(at.trim());
  if (cron === undefined) {
    throw new ClawbackError('usage', `${doing}: neither a time of day nor a cron expression`, {
      hint: 'type a time such as 04:30, or five cron fields such as "30 4 * * 1-5"',
    });
  }
  if (timeZone !== undefined && !isTimeZone(timeZone)) {
    throw new ClawbackError(
      'usage',
      `read the time zone ${JSON.stringify(timeZone)}: there is none of this name`,
      {
        hint: 'type an IANA name such as Europe/Berlin',
      },
    );
  }
  const pattern = parse(doing, cron, timeZone);
  const nextMs = (afterMs: number) => pattern.nextRun(new Date(afterMs))?.getTime();
  if (nextMs(0) === undefined) {
    throw new ClawbackError('usage', `${doing}: that day never comes`, {
      hint: 'five fields: minute, hour, day of month, month, day of week',
    });
  }
  return { cron, timeZone, nextMs };
}

/** Why the values of the two settings make no timetable; undefined if they do. */
export function timetableProblem(at: unknown, timeZone?: unknown): string | undefined {
  if (typeof at !== 'string' || (timeZone !== undefined && typeof timeZone !== 'string'))
    return 'is not text';
  try {
    readTimetable(at, timeZone);
    return undefined;
  } catch (error) {
    return `makes no timetable: ${describe(error)}`;
  }
}

function cronOf(at: string): string | undefined {
  const match = TIME_OF_DAY.exec(at);
  if (match !== null) return `${Number(match[2])} ${Number(match[1])} * * *`;
  const fields = at.split(/\s+/);
  return fields.length === 5 ? fields.join(' ') : undefined;
}

function isTimeZone(name: string): boolean {
  try {
    Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function parse(doing: string, cron: string, timeZone: string | undefined): Cron {
  try {
    return new Cron(cron, timeZone === undefined ? {} : { timezone: timeZone });
  } catch (error) {
    throw new ClawbackError('usage', `${doing}: ${describe(error)}`, {
      hint: 'cron fields: minute, hour, day of month, month, day of week',
      cause: error,
    });
  }
}
