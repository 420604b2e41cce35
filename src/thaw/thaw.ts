import { ClawbackError } from '../errors.ts';
import { isUnreadable, type ThawAnswer, type ThawTier } from '../objects/cold.ts';
import type { ObjectStore } from '../objects/object-store.ts';
import type { AskedThaw, AskedThaws } from '../state/asked-thaws.ts';
import { type ColdObject, findCold } from './cold-objects.ts';
import { estimateThaw, type ThawEstimate } from './estimate-thaw.ts';
import { TIERS } from './thaw-prices.ts';

/** A cold object, and when its thaw was asked for from here, if it was. */
export type ThawObject = ColdObject & { readonly asked?: AskedThaw };

/** How it stands with what a reader needs. */
export interface Thaw {
  /**
   * `needed`: something is cold, and nobody has asked for it. `requested`: this call has asked. `in-progress`: all that
   * cannot be read was asked for before. `ready`: all can be read.
   */
  readonly state: 'needed' | 'requested' | 'in-progress' | 'ready';
  /** Those in storage that must be thawed. */
  readonly objects: readonly ThawObject[];
  /** Of those that cannot be read yet. */
  readonly bytes: number;
  /** What it costs to ask for those that nobody had asked for; with a tier, of that one. */
  readonly estimates: readonly ThawEstimate[];
  readonly days: number;
}

export interface ThawOptions {
  readonly objects: ObjectStore;
  /** What the reader needs, and nothing else. */
  readonly keys: readonly string[];
  readonly days: number;
  /** Asks for what is cold. Without it nothing is changed. */
  readonly tier?: ThawTier | undefined;
  readonly asked: AskedThaws;
  readonly nowMs: number;
  readonly signal?: AbortSignal;
}

/**
 * Looks whether everything can be read, and asks for what cannot. Running it again asks for nothing twice.
 *
 * @returns undefined where nothing lies in storage that must be thawed.
 * @throws {ClawbackError} `usage` for a tier that the storage has not, before anything is asked for.
 */
export async function thaw(options: ThawOptions): Promise<Thaw | undefined> {
  const { objects, keys, tier, days, asked, signal } = options;
  const found = await findCold(objects, keys, signal);
  if (found.length === 0) return undefined;
  const cold = found.filter(({ state }) => state === 'cold');
  if (tier !== undefined) assertTier(cold, tier);
  const answers = tier === undefined ? new Map<string, ThawAnswer>() : await ask(cold, tier, options);
  const now = found.map((one): ColdObject => {
    const answer = answers.get(one.key);
    if (answer === undefined) return one;
    return { ...one, state: answer === 'ready' ? 'thawed' : 'thawing' };
  });
  return {
    state: stateOf(now, answers),
    objects: await Promise.all(now.map((one) => withAsked(one, asked))),
    bytes: now.filter(isUnreadable).reduce((sum, { bytes }) => sum + bytes, 0),
    estimates:
      cold.length === 0 ? [] : estimateThaw(cold, days).filter((one) => one.tier === (tier ?? one.tier)),
    days,
  };
}

function assertTier(cold: readonly ColdObject[], tier: ThawTier): void {
  const without = cold.find(({ storage }) => TIERS[storage][tier] === undefined);
  if (without === undefined) return;
  throw new ClawbackError('usage', `thaw ${without.key}: ${without.storage} has no ${tier} thaw`, {
    hint: 'use --thaw standard, or --thaw bulk, which takes longer and costs least; nothing was asked for',
  });
}

async function ask(
  cold: readonly ColdObject[],
  tier: ThawTier,
  { objects, days, asked, nowMs, signal }: ThawOptions,
): Promise<Map<string, ThawAnswer>> {
  const answers = new Map<string, ThawAnswer>();
  for (const { key, storage } of cold) {
    // Where nothing can be thawed nothing was found to be cold.
    const answer = (await objects.thaw?.(key, { tier, days }, signal)) ?? 'ready';
    answers.set(key, answer);
    if (answer !== 'requested') continue;
    const readyByMs = nowMs + (TIERS[storage][tier]?.atMostMs ?? 0);
    await asked.record(key, { atMs: nowMs, tier, readyByMs });
  }
  return answers;
}

function stateOf(now: readonly ColdObject[], answers: ReadonlyMap<string, ThawAnswer>): Thaw['state'] {
  if (!now.some(isUnreadable)) return 'ready';
  if (now.some(({ state }) => state === 'cold')) return 'needed';
  return [...answers.values()].includes('requested') ? 'requested' : 'in-progress';
}

/** Only of a thaw that is under way: an older note would speak of another one. */
async function withAsked(object: ColdObject, asked: AskedThaws): Promise<ThawObject> {
  const note = object.state === 'thawing' ? await asked.of(object.key) : undefined;
  return note === undefined ? object : { ...object, asked: note };
}
