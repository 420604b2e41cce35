// Run with an OpenClaw home's environment: prints, for each session key given, where OpenClaw's own
// code would deliver a message. `extractDeliveryInfo` is what its proactive sends and restart notices
// use; no plugin-sdk entry exports it, so it is found in the package's dist by its name.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [packageDir, ...sessionKeys] = process.argv.slice(2);
const dist = join(packageDir, 'dist');
const extractDeliveryInfo = await importFunction('extractDeliveryInfo');

process.stdout.write(
  JSON.stringify(Object.fromEntries(sessionKeys.map((key) => [key, extractDeliveryInfo(key)]))),
);

async function importFunction(name) {
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
