import { scaleLinear, scaleUtc } from 'd3-scale';
import { BYTE_UNITS, formatCount } from '../format.ts';

export interface Tick {
  readonly at: number;
  /** Empty for a line without a label. */
  readonly label: string;
}

/** Values to pixels, and where to write which. */
export interface Axis {
  readonly ticks: readonly Tick[];
  at(value: number): number;
}

export type Unit = 'count' | 'bytes';

const VALUE_TICKS = 4;
const TIME_LABELS = 5;
const WIDEST_VALUE = 800;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** From 0 to a round number above `max`, in the unit in which people say it. */
export function valueAxis(max: number, unit: Unit, [from, to]: readonly [number, number]): Axis {
  const power = unit === 'count' ? 0 : powerOf(max);
  const size = 1024 ** power;
  const scale = scaleLinear()
    .domain([0, max === 0 ? 1 : max / size])
    .nice(VALUE_TICKS)
    .range([from, to]);
  const name = unit === 'bytes' ? ` ${BYTE_UNITS[power]}` : '';
  const isShown = (tick: number) => max > 0 && (size > 1 || Number.isInteger(tick));
  const ticks = max === 0 ? [0] : scale.ticks(VALUE_TICKS).filter(isShown);
  return {
    ticks: ticks.map((tick) => ({ at: scale(tick), label: `${formatCount(tick)}${name}` })),
    at: (value) => scale(value / size),
  };
}

/** `0.9 GB`, not `900 MB`: with the round number above it, no label has four digits. */
function powerOf(bytes: number): number {
  const power = bytes < 1 ? 0 : Math.floor(Math.log(bytes / WIDEST_VALUE) / Math.log(1024)) + 1;
  return Math.min(Math.max(0, power), BYTE_UNITS.length - 1);
}

/** UTC. A single moment stands in the middle of its day. */
export function timeAxis(fromMs: number, toMs: number, range: readonly [number, number]): Axis {
  const pad = toMs > fromMs ? 0 : DAY_MS / 2;
  const scale = scaleUtc()
    .domain([fromMs - pad, toMs + pad])
    .range(range);
  const dates = scale.ticks(TIME_LABELS);
  const every = Math.ceil(dates.length / TIME_LABELS);
  const stepMs = ((dates[1]?.getTime() ?? 0) - (dates[0]?.getTime() ?? 0)) * every;
  return {
    ticks: dates.map((date, index) => ({
      at: scale(date),
      label: index % every === 0 ? timeLabel(date, stepMs) : '',
    })),
    at: (ms) => scale(ms),
  };
}

/** As exact as the steps are: `04:00`, `Nov 21`, `Nov 2026`, `2026`. */
function timeLabel(date: Date, stepMs: number): string {
  const isMidnight = date.getTime() % DAY_MS === 0;
  if (stepMs > 0 && stepMs < DAY_MS && !isMidnight) return date.toISOString().slice(11, 16);
  const parts: Intl.DateTimeFormatOptions =
    stepMs > 300 * DAY_MS
      ? { year: 'numeric' }
      : stepMs > 25 * DAY_MS
        ? { month: 'short', year: 'numeric' }
        : { month: 'short', day: 'numeric' };
  return date.toLocaleString('en-US', { ...parts, timeZone: 'UTC' });
}
