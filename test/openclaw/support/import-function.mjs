import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * A function of OpenClaw's own that no plugin-sdk entry exports, found in the package's dist by its name.
 * @param {string} packageDir
 * @param {string} name
 */
export async function importFunction(packageDir, name) {
  const dist = join(packageDir, 'dist');
  for (const file of readdirSync(dist)) {
    if (!file.endsWith('.js')) continue;
    const source = readFileSync(join(dist, file), 'utf8');
    if (!source.includes(`function ${name}(`)) continue;
    const alias = new RegExp(`\\b${name}(?: as (\\w+))?[,\\s}]`).exec(
      source.slice(source.lastIndexOf('export {')),
    );
    if (alias === null) continue;
    const module = await import(pathToFileURL(join(dist, file)).href);
    return module[alias[1] ?? name];
  }
  throw new Error(`find ${name} in ${dist}: no file defines and exports it`);
}
