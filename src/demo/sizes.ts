import { lognormal, type Random } from './random.ts';

/** How large the files of one kind are: a lognormal, clamped, whose sum is a target. */
export interface SizeProfile {
  readonly median: number;
  readonly p95: number;
  readonly max: number;
  /** What one file weighs on average, after the tail has been drawn. */
  readonly mean: number;
}

/** Sizes that follow `profile` and add up to `mean` times their number, give or take the clamp. */
export function drawSizes(normals: readonly number[], profile: SizeProfile): number[] {
  const drawn = normals.map((normal) =>
    Math.min(lognormal(normal, profile.median, profile.p95), profile.max),
  );
  const sum = drawn.reduce((total, size) => total + size, 0);
  const factor = sum === 0 ? 1 : (profile.mean * drawn.length) / sum;
  return drawn.map((size) => Math.min(size * factor, profile.max));
}

export function drawNormals(random: Random, count: number): number[] {
  return Array.from({ length: count }, () => random.normal());
}

/** Normals that lean on others: long conversations have long trajectories, but not in lockstep. */
export function correlated(random: Random, normals: readonly number[]): number[] {
  return normals.map((normal) => 0.8 * normal + 0.6 * random.normal());
}
