import { ClawbackError } from '../errors.ts';
import type { Codec } from './codec.ts';

/** @throws {ClawbackError} `config-invalid` if the engine does not have that level. */
export function requireLevel(codec: Codec, level: number): void {
  if (Number.isInteger(level) && level >= codec.minLevel && level <= codec.maxLevel) return;
  throw new ClawbackError('config-invalid', `compress with the ${codec.engine} engine: no level ${level}`, {
    hint: `set compression.level to a whole number from ${codec.minLevel} to ${codec.maxLevel}`,
  });
}
