import { readFileSync } from 'node:fs';

/** Compiled, this file lies one folder deeper below the package than its source does. */
function readVersion(): string {
  for (const path of ['../package.json', '../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as Record<
        string,
        string
      >;
      if (name === 'clawback' && version !== undefined) return version;
    } catch {
      // Not at this depth; the other one has it.
    }
  }
  return '0.0.0';
}

export const VERSION = readVersion();
