import { InvalidArgumentError } from 'commander';

export function parsePercent(text: string): number {
  const percent = Number(text.replace(/%$/, ''));
  if (percent > 0 && percent <= 100) return percent;
  throw new InvalidArgumentError('Allowed: a percentage above 0, up to 100.');
}

/** How many of something. */
export function parseWhole(text: string): number {
  const whole = Number(text);
  if (Number.isSafeInteger(whole) && whole >= 1) return whole;
  throw new InvalidArgumentError('Allowed: a whole number from 1.');
}

export function parseGeneration(text: string): number {
  const generation = Number(text);
  if (Number.isInteger(generation) && generation !== 0) return generation;
  throw new InvalidArgumentError('Allowed: 1 for the oldest, 2, …, or -1 for the newest, -2, ….');
}
