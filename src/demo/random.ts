import { createHash } from 'node:crypto';

/** A seeded source of randomness: the same seed and label give the same sequence on every machine. */
export interface Random {
  /** In [0, 1). */
  next(): number;
  /** A whole number between `min` and `max`, both included. */
  int(min: number, max: number): number;
  between(min: number, max: number): number;
  /** `items` must not be empty. */
  pick<T>(items: readonly T[]): T;
  shuffle<T>(items: readonly T[]): T[];
  /** Standard normal. */
  normal(): number;
  hex(digits: number): string;
  /** A version 4 UUID. */
  uuid(): string;
  bytes(length: number): Buffer;
  /** An independent sequence, so that one file's content does not depend on how many others came before it. */
  fork(label: string): Random;
}

const Z_95 = 1.6449;

/** A lognormal value from a standard normal one, described by what people measure: median and 95th percentile. */
export function lognormal(normal: number, median: number, p95: number): number {
  return median * Math.exp((normal * Math.log(p95 / median)) / Z_95);
}

export function createRandom(seed: number | string): Random {
  const draw = sfc32(createHash('sha256').update(String(seed)).digest());
  const next = () => draw() / 0x1_0000_0000;
  const int = (min: number, max: number) => min + Math.floor(next() * (max - min + 1));
  const bytes = (length: number) => {
    const words = new Uint32Array(Math.ceil(length / 4));
    for (let i = 0; i < words.length; i++) words[i] = draw();
    return Buffer.from(words.buffer, 0, length);
  };
  const hex = (digits: number) =>
    bytes(Math.ceil(digits / 2))
      .toString('hex')
      .slice(0, digits);

  return {
    next,
    int,
    between: (min, max) => min + next() * (max - min),
    pick: <T>(items: readonly T[]) => items[Math.floor(next() * items.length)] as T,
    shuffle: <T>(items: readonly T[]) => {
      const shuffled = [...items];
      for (let i = shuffled.length - 1; i > 0; i--) {
        const j = int(0, i);
        [shuffled[i], shuffled[j]] = [shuffled[j] as T, shuffled[i] as T];
      }
      return shuffled;
    },
    // Box-Muller; 1 - next() keeps the logarithm away from zero.
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
    hex,
    uuid: () => {
      const h = hex(32);
      const variant = '89ab'[int(0, 3)];
      return `${h.slice(0, 8)}-${h.slice(8, 12)}-4${h.slice(13, 16)}-${variant}${h.slice(17, 20)}-${h.slice(20)}`;
    },
    bytes,
    fork: (label) => createRandom(`${seed}/${label}`),
  };
}

/** Chris Doty-Humphrey's small fast counting generator, 128 bits of state, 32 bits a draw. */
function sfc32(state: Buffer): () => number {
  let a = state.readInt32LE(0);
  let b = state.readInt32LE(4);
  let c = state.readInt32LE(8);
  let counter = state.readInt32LE(12);
  return () => {
    const drawn = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + drawn) | 0;
    return drawn >>> 0;
  };
}
