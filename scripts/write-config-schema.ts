import { readFile, writeFile } from 'node:fs/promises';
import { configJsonSchema, withKeyTable } from '../src/config/config-docs.ts';

// Writes what is generated from src/config/config-schema.ts: config.schema.json and the table of docs/config.md.
// A unit test fails when either is not what this would write.

const root = new URL('..', import.meta.url);
const docs = new URL('docs/config.md', root);
await writeFile(new URL('config.schema.json', root), `${JSON.stringify(configJsonSchema(), null, 2)}\n`);
await writeFile(docs, withKeyTable(await readFile(docs, 'utf8')));
