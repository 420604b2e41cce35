const FACTORS = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3, tb: 1024 ** 4 } as const;

/** One number and one unit of 1024, as `du -h` counts: `500MB`, `1.5 GiB`, `2g`. */
export const SIZE_PATTERN = /^(\d+(?:\.\d+)?) ?([kmgt]?)(i?b)?$/i;

export type SizeReading = { readonly bytes: number } | { readonly problem: string };

/** Reads `500MB`, `1.5GB` or `2 GiB`. The problem says what is wrong and what to type instead. */
export function readSize(value: unknown): SizeReading {
  if (typeof value === 'number') return { problem: withoutUnit(String(value)) };
  if (typeof value !== 'string') return { problem: 'is not a size' };
  const text = value.trim();
  if (text !== '' && Number.isFinite(Number(text))) return { problem: withoutUnit(text) };
  const match = SIZE_PATTERN.exec(text);
  if (match === null) return { problem: 'is not a size; type one number and one unit, such as 500MB' };
  const unit = `${match[2]}b`.toLowerCase() as keyof typeof FACTORS;
  const bytes = Math.round(Number(match[1]) * FACTORS[unit]);
  if (!Number.isSafeInteger(bytes) || bytes < 1) return { problem: 'is not between 1 byte and 8 PB' };
  return { bytes };
}

/** Meant for megabytes and read as bytes, it would have everything archived. */
function withoutUnit(number: string): string {
  const typed = Number(number) > 0 ? number : '500';
  return `is a number without a unit; type "${typed}MB" for megabytes`;
}

/** A size, or a share of another one. */
export type HighWater = { readonly bytes: number } | { readonly percent: number };

const PERCENT = /^(\d+(?:\.\d+)?) ?%$/;

/** Reads `80%` or a size. */
export function readHighWater(value: unknown): HighWater | { readonly problem: string } {
  const percent = typeof value === 'string' ? PERCENT.exec(value.trim())?.[1] : undefined;
  if (percent === undefined) return readSize(value);
  if (Number(percent) > 0 && Number(percent) <= 100) return { percent: Number(percent) };
  return { problem: 'is not above 0% and up to 100%' };
}

export function highWaterBytes(highWater: HighWater, maxDiskBytes: number): number {
  return 'bytes' in highWater ? highWater.bytes : Math.floor((maxDiskBytes * highWater.percent) / 100);
}
