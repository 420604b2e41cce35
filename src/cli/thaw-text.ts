import type { ColdStorage } from '../objects/cold.ts';
import type { Thaw, ThawObject } from '../thaw/thaw.ts';
import { THAW_PRICES, TIERS } from '../thaw/thaw-prices.ts';
import { count, formatBytes, formatMinute, safe, table } from './format.ts';

/** The `thaw` field of `--json`. */
export function thawJson({ state, bytes, days, objects, estimates }: Thaw) {
  const { region, asOf, sources } = THAW_PRICES;
  return {
    state,
    bytes,
    days,
    objects: objects.map(({ key, bytes: size, storage, state: now, coldAgainAtMs, asked }) => ({
      key,
      bytes: size,
      storage,
      state: now,
      coldAgainAt: iso(coldAgainAtMs),
      askedAt: iso(asked?.atMs),
      askedTier: asked?.tier ?? null,
      readyBy: iso(asked?.readyByMs),
    })),
    estimates: estimates.map(({ tier, takes, totalUsd, retrievalUsd, requestsUsd, copiesUsd }) => ({
      tier,
      takes,
      totalUsd: micro(totalUsd),
      retrievalUsd: micro(retrievalUsd),
      requestsUsd: micro(requestsUsd),
      copiesUsd: micro(copiesUsd),
    })),
    prices: { region, asOf, sources },
  };
}

/** `2 objects, 12.3 MB`: what cannot be read yet. */
export function amountOf({ objects, bytes }: Thaw): string {
  return `${count(objects.filter(({ state }) => state !== 'thawed').length, 'object')}, ${formatBytes(bytes)}`;
}

/** What is cold, what can be asked for, what it costs and takes. One line each, without indentation. */
export function thawLines(thaw: Thaw, commands: readonly string[]): string[] {
  const lines = [...thaw.objects.map(objectLine)];
  if (thaw.state === 'needed') {
    const rows = commands.flatMap((command) =>
      thaw.estimates.map(({ tier, takes, totalUsd }) => [
        `${command} --thaw${tier === 'standard' ? '' : ` ${tier}`}`,
        takes,
        formatUsd(totalUsd),
      ]),
    );
    lines.push(
      ...table(rows)
        .split('\n')
        .map((line) => line.trimStart()),
    );
  }
  if (thaw.estimates.length > 0) lines.push(...priceLines(thaw));
  return lines;
}

function objectLine({ key, bytes, storage, state, coldAgainAtMs, asked }: ThawObject): string {
  const about = `${safe(key)}  ${formatBytes(bytes)}  ${storage}`;
  if (state === 'cold') return `${about}, cold`;
  if (state === 'thawed')
    return coldAgainAtMs === undefined
      ? `${about}, thawed`
      : `${about}, thawed until ${minute(coldAgainAtMs)}`;
  return asked === undefined
    ? `${about}, thawing; it was not asked for from here: ${tiersOf(storage)}`
    : `${about}, thawing since ${minute(asked.atMs)} (${asked.tier}), due by ${minute(asked.readyByMs)}`;
}

function tiersOf(storage: ColdStorage): string {
  const { makesCopy, ...tiers } = TIERS[storage];
  return Object.entries(tiers)
    .map(([tier, { takes }]) => `${tier} takes ${takes}`)
    .join(', ');
}

function priceLines({ objects, days }: Thaw): string[] {
  const makesCopy = objects.some(({ storage }) => TIERS[storage].makesCopy);
  const { region, asOf } = THAW_PRICES;
  return [
    ...(makesCopy ? [`what is thawed can be read for ${count(days, 'day')} (--thaw-days)`] : []),
    `prices of ${region} as of ${asOf}, yours may differ: retrieval, requests and the thawed copies, without transfer`,
  ];
}

/** `about $1.25`. */
export function formatUsd(usd: number): string {
  if (usd === 0) return 'free';
  return usd < 0.01 ? 'under $0.01' : `about $${usd.toFixed(2)}`;
}

/** When all that is under way is there at the latest. Undefined where it was not asked for from here. */
export function readyByMs({ objects }: Thaw): number | undefined {
  const thawing = objects.filter(({ state }) => state === 'thawing');
  const times = thawing.flatMap(({ asked }) => (asked === undefined ? [] : [asked.readyByMs]));
  return times.length === thawing.length && times.length > 0 ? Math.max(...times) : undefined;
}

/** `2026-11-21 14:30 UTC`. */
export function minute(ms: number): string {
  return `${formatMinute(new Date(ms).toISOString())} UTC`;
}

function iso(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}

function micro(usd: number): number {
  return Math.round(usd * 1e6) / 1e6;
}
