import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { AskedThaws } from '../../src/state/asked-thaws.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2026, 10, 21);
const thawAt = (atMs: number) => ({ atMs, tier: 'standard', readyByMs: atMs + DAY_MS }) as const;

test('a thaw is known by its object and archive, for a week', async () => {
  const directory = join(await temporaryFolder(), 'not', 'there', 'yet');
  const asked = new AskedThaws({ directory }, 's3://bucket/a');
  expect(await asked.of('k')).toBeUndefined();
  await asked.record('k', thawAt(NOW_MS));
  expect(await asked.of('k')).toEqual(thawAt(NOW_MS));
  expect(await asked.of('other')).toBeUndefined();
  expect(await new AskedThaws({ directory }, 's3://bucket/b').of('k')).toBeUndefined();
  await asked.record('other', thawAt(NOW_MS + 6 * DAY_MS));
  expect(await asked.of('k')).toEqual(thawAt(NOW_MS));
  await asked.record('other', thawAt(NOW_MS + 8 * DAY_MS));
  expect(await asked.of('k')).toBeUndefined();
  expect(await asked.of('other')).toEqual(thawAt(NOW_MS + 8 * DAY_MS));
});

test('a torn file counts as none, and is written anew', async () => {
  const directory = await temporaryFolder();
  const asked = new AskedThaws({ directory }, 's3://bucket/a');
  await asked.record('k', thawAt(NOW_MS));
  const path = join(directory, 'asked-thaws.json');
  for (const text of [(await readFile(path, 'utf8')).slice(0, 20), '[]', '{"k":{"atMs":"now"}}', '']) {
    await writeFile(path, text);
    expect(await asked.of('k')).toBeUndefined();
    await asked.record('k', thawAt(NOW_MS));
    expect(await asked.of('k')).toEqual(thawAt(NOW_MS));
  }
});
