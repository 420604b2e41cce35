import { InvalidArgumentError } from 'commander';
import { type HighWater, readHighWater, readSize } from '../../config/size.ts';
import { THAW_TIERS, type ThawTier } from '../../objects/cold.ts';

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

export function parseSize(text: string): number {
  const reading = readSize(text);
  if ('bytes' in reading) return reading.bytes;
  throw new InvalidArgumentError(`It ${reading.problem}.`);
}

export function parseHighWater(text: string): HighWater {
  const reading = readHighWater(text);
  if (!('problem' in reading)) return reading;
  throw new InvalidArgumentError(
    `It ${reading.problem}. Allowed: a size such as 1.5GB, or a share such as 80%.`,
  );
}

export function parseTier(text: string): ThawTier {
  const tier = THAW_TIERS.find((one) => one === text);
  if (tier !== undefined) return tier;
  throw new InvalidArgumentError(`Allowed: ${THAW_TIERS.join(', ')}; the selector comes before --thaw.`);
}

export function parseThawDays(text: string): number {
  const days = Number(text);
  if (Number.isInteger(days) && days >= 1 && days <= 365) return days;
  throw new InvalidArgumentError('Allowed: a whole number from 1 to 365.');
}
