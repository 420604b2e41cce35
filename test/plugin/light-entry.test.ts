import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const SRC = fileURLToPath(new URL('../../src', import.meta.url));

/** Every file that loading one file loads, and the packages that those name. Types and dynamic imports cost nothing. */
async function staticGraph(entry: string): Promise<{ files: Set<string>; packages: Set<string> }> {
  const files = new Set<string>();
  const packages = new Set<string>();
  const visit = async (file: string): Promise<void> => {
    if (files.has(file)) return;
    files.add(file);
    const source = await readFile(file, 'utf8');
    const statements = source.matchAll(/^(?:import|export)\s(?!type\s)[^;]*?from '([^']+)';/gm);
    for (const [, name = ''] of statements) {
      if (name.startsWith('.')) await visit(join(dirname(file), name));
      else if (!name.startsWith('node:')) packages.add(name);
    }
  };
  await visit(entry);
  return { files, packages };
}

test('a gateway that starts loads no package of ours, only a few small files', async () => {
  const { files, packages } = await staticGraph(join(SRC, 'plugin', 'index.ts'));
  expect([...packages]).toEqual([]);
  expect(files.size).toBeLessThan(16);
});

test('the same look at the command line finds its packages, so it does not look past them', async () => {
  const { packages } = await staticGraph(join(SRC, 'cli', 'archive.ts'));
  expect([...packages]).toEqual(expect.arrayContaining(['zod', 'piscina', 'fast-glob']));
});

test('the plugin manifest and the package name the same id, entry and published files', async () => {
  const read = async (name: string) =>
    JSON.parse(await readFile(join(SRC, '..', name), 'utf8')) as Record<string, never>;
  const manifest = await read('openclaw.plugin.json');
  const own = (await read('package.json')) as unknown as {
    files: string[];
    openclaw: { extensions: string[] };
  };
  expect(manifest).toMatchObject({
    id: 'clawback',
    activation: { onStartup: true },
    cliCommands: ['clawback'],
  });
  expect(own.openclaw.extensions).toEqual(['./dist/src/plugin/index.js']);
  expect(own.files).toContain('openclaw.plugin.json');
});
