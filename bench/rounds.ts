import { type Command, type Cost, type MeasureOptions, measure } from './measure.ts';

/** Something to run again and again beside others. */
export interface Entrant {
  readonly name: string;
  prepare(): Promise<void>;
  commands(): readonly Command[];
}

export interface RoundOptions extends MeasureOptions {
  readonly rounds: number;
  /** Rounds before the first that counts: they fill the page cache. */
  readonly warmUps: number;
}

/**
 * A B C, A B C, …: what else the machine does while it runs falls on all of them alike.
 * Returns the costs of each entrant, in its order.
 */
export async function interleave(
  entrants: readonly Entrant[],
  { rounds, warmUps, ...options }: RoundOptions,
): Promise<Cost[][]> {
  const costs: Cost[][] = entrants.map(() => []);
  for (let round = -warmUps; round < rounds; round += 1) {
    for (const [index, entrant] of entrants.entries()) {
      await entrant.prepare();
      const cost = await measure(entrant.commands(), options);
      if (round >= 0) costs[index]?.push(cost);
    }
  }
  return costs;
}

export function medianWallMs(costs: readonly Cost[]): number {
  return median(costs.map(({ wallMs }) => wallMs));
}

/** The highest of all rounds. */
export function peakBytes(costs: readonly Cost[]): number | undefined {
  const peaks = costs.flatMap((cost) => cost.peakBytes ?? []);
  return peaks.length === 0 ? undefined : Math.max(...peaks);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1] ?? Number.NaN;
  const high = sorted[Math.floor(middle)] ?? Number.NaN;
  return (low + high) / 2;
}
