import { readFile, writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { SeenLeases } from '../../src/state/seen-leases.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const seenIn = (directory: string, url = 's3://bucket/home') => new SeenLeases({ directory }, url, 'oc-1');

it('remembers each store of each archive by itself', async () => {
  const directory = await temporaryFolder();
  expect(await seenIn(directory).numbers()).toEqual(new Map());
  await seenIn(directory).record(new Map([['main', 3]]));
  await seenIn(directory).record(new Map([['other', 1]]));
  await seenIn(directory, 's3://bucket/away').record(new Map([['main', 9]]));
  await seenIn(directory).record(new Map([['main', 4]]));
  const expected = { main: 4, other: 1 };
  expect(await seenIn(directory, 's3://bucket/home/').numbers()).toEqual(new Map(Object.entries(expected)));
});

it.each(['', '{"s3://bucket/home/oc-1":', '[]', '{"s3://bucket/home/oc-1":{"main":"4"}}'])(
  'knows nothing by a file that holds %j, and writes it anew',
  async (text) => {
    const directory = await temporaryFolder();
    const seen = seenIn(directory);
    await writeFile(seen.path, text);
    expect(await seen.numbers()).toEqual(new Map());
    await seen.record(new Map([['main', 1]]));
    expect(JSON.parse(await readFile(seen.path, 'utf8'))).toEqual({ 's3://bucket/home/oc-1': { main: 1 } });
  },
);
