import { appendFile, link, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { removeTemporaries, staleTemporaries } from '../../src/reclaim/stale-temporaries.ts';
import { classifyFileName } from '../../src/scan/file-kind.ts';
import { describeStats, lstatIfThere } from '../../src/scan/file-stats.ts';
import type { ScannedFile } from '../../src/scan/scan.ts';
import { HOUR_MS, MINUTE_MS, NOW_MS, snapshotOf, uuid } from '../support/snapshot.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const TEMPORARY = `sessions.json.4711.${uuid(1)}.tmp`;

async function scanned(folder: string): Promise<ScannedFile[]> {
  const files: ScannedFile[] = [];
  for (const name of await readdir(folder)) {
    const stats = await lstatIfThere(join(folder, name));
    if (stats !== undefined)
      files.push({ name, ...classifyFileName(name, 'sessions.json'), ...describeStats(stats) });
  }
  return files;
}

async function stale(folder: string): Promise<ScannedFile[]> {
  return staleTemporaries(snapshotOf({ files: await scanned(folder) }), NOW_MS);
}

async function write(folder: string, name: string, ageMs: number): Promise<void> {
  await writeFile(join(folder, name), 'x'.repeat(5000));
  const seconds = (NOW_MS - ageMs) / 1000;
  await utimes(join(folder, name), seconds, seconds);
}

describe('a half-written sessions.json', () => {
  it('goes when it is older than an hour, and nothing else does', async () => {
    const folder = await temporaryFolder();
    await write(folder, TEMPORARY, 2 * HOUR_MS);
    await write(folder, `sessions.json.${uuid(2)}.tmp`, 59 * MINUTE_MS);
    await write(folder, 'sessions.json', 2 * HOUR_MS);
    await write(folder, 'sessions.json.bak.1', 2 * HOUR_MS);
    await write(folder, 'other.tmp', 2 * HOUR_MS);
    const found = await stale(folder);
    expect(found.map(({ name }) => name)).toEqual([TEMPORARY]);
    const { files, freedBytes, left } = await removeTemporaries(folder, found);
    expect({ files, freedBytes, left }).toEqual({ files: 1, freedBytes: found[0]?.diskBytes, left: [] });
    expect((await readdir(folder)).includes(TEMPORARY)).toBe(false);
    expect(await readdir(folder)).toHaveLength(4);
  });

  it('stays while somebody writes to it, and where it has a second name', async () => {
    const folder = await temporaryFolder();
    await write(folder, TEMPORARY, 2 * HOUR_MS);
    const found = await stale(folder);
    await appendFile(join(folder, TEMPORARY), 'more');
    expect(await removeTemporaries(folder, found)).toMatchObject({ files: 0, freedBytes: 0 });
    await write(folder, TEMPORARY, 2 * HOUR_MS);
    await link(join(folder, TEMPORARY), join(folder, 'second'));
    expect(await stale(folder)).toEqual([]);
  });

  it('that is gone by then is no failure', async () => {
    const folder = await temporaryFolder();
    await write(folder, TEMPORARY, 2 * HOUR_MS);
    const found = await stale(folder);
    await removeTemporaries(folder, found);
    expect(await removeTemporaries(folder, found)).toEqual({ files: 0, freedBytes: 0, left: [] });
  });
});
