import { ClawbackError } from '../errors.ts';

/** The values that a field names, ascending; undefined where it names all of them. */
export type FieldValues = readonly number[] | undefined;

export interface CronFields {
  readonly minute: FieldValues;
  readonly hour: FieldValues;
  readonly dayOfMonth: FieldValues;
  readonly month: FieldValues;
  /** 0 is Sunday. */
  readonly dayOfWeek: FieldValues;
}

const RANGES = [
  ['minute', 0, 59],
  ['hour', 0, 23],
  ['dayOfMonth', 1, 31],
  ['month', 1, 12],
  ['dayOfWeek', 0, 7],
] as const;

/**
 * The five fields as lists, for schedulers that do not speak cron.
 * @throws {ClawbackError} `usage` for what they cannot say either: names, and days of month and week at once.
 */
export function cronFields(cron: string): CronFields {
  const parts = cron.split(' ');
  const entries = RANGES.map(([name, low, high], index) => [
    name,
    valuesOf(cron, parts[index] ?? '', low, high),
  ]);
  const fields = Object.fromEntries(entries) as unknown as CronFields;
  if (fields.dayOfMonth !== undefined && fields.dayOfWeek !== undefined) {
    throw cannotSay(cron, 'cron takes either of a day of the month and a day of the week, others only both');
  }
  const week = fields.dayOfWeek;
  return week === undefined ? fields : { ...fields, dayOfWeek: unique(week.map((day) => day % 7)) };
}

function valuesOf(cron: string, field: string, low: number, high: number): FieldValues {
  if (field === '*') return undefined;
  return unique(field.split(',').flatMap((part) => rangeOf(cron, part, low, high)));
}

function rangeOf(cron: string, part: string, low: number, high: number): number[] {
  const match = /^(?:\*|(\d+)(?:-(\d+))?)(?:\/(\d+))?$/.exec(part);
  if (match === null) throw cannotSay(cron, `${part} is neither a number, a range nor a step`);
  const [, from, to, step] = match.map((text) => (text === undefined ? undefined : Number(text)));
  const first = from ?? low;
  const last = to ?? (from !== undefined && step === undefined ? from : high);
  const values: number[] = [];
  for (let value = first; value <= last; value += step || 1) values.push(value);
  return values;
}

function unique(values: readonly number[]): number[] {
  return [...new Set(values)].sort((a, b) => a - b);
}

function cannotSay(cron: string, why: string): ClawbackError {
  return new ClawbackError('usage', `translate the cron expression "${cron}": ${why}`, {
    hint: 'use a time of day such as 04:30, or clawback schedule cron',
  });
}
