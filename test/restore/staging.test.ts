import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect, it } from 'vitest';
import { makeStaging, sweepLeftovers } from '../../src/restore/staging.ts';
import { StoreLock } from '../../src/state/store-lock.ts';
import { NOW_MS } from '../support/snapshot.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

it('what dead processes left goes, and nothing else: staging folders, half-made locks', async () => {
  const folder = await temporaryFolder();
  const staging = await makeStaging(folder);
  await writeFile(join(staging, 'a.jsonl'), 'x');
  await writeFile(join(folder, '.clawback.lock.6f0c6b0e-half-made'), '{');
  await writeFile(join(folder, '.clawback.lock.stale-6f0c6b0e'), '{}');
  await writeFile(join(folder, 'a.jsonl.clawback-aside-2026'), 'kept: somebody may want it');
  await mkdir(join(folder, 'clawback-restore-of-mine'));
  const lock = await StoreLock.acquire(folder, 'clawback archive', NOW_MS);
  await sweepLeftovers(folder);
  expect((await readdir(folder)).sort()).toEqual([
    '.clawback.lock',
    'a.jsonl.clawback-aside-2026',
    'clawback-restore-of-mine',
  ]);
  await lock.assertHeld();
  await lock.release();
});

it('archived files that waited when their run died get their places back, and what is not ours in the folder stays', async () => {
  const folder = await temporaryFolder();
  const staged = join(folder, '.clawback-staged-6f0c6b0e-0000-4000-8000-000000000000');
  await mkdir(staged);
  await writeFile(join(staged, 'journal.json'), '{}');
  await writeFile(join(staged, 'a.jsonl'), 'waited');
  await writeFile(join(staged, 'sessions.json'), 'no run puts this here');
  await sweepLeftovers(folder);
  expect(await readFile(join(folder, 'a.jsonl'), 'utf8')).toBe('waited');
  expect(await readdir(staged)).toEqual(['sessions.json']);
  expect((await readdir(folder)).sort()).toEqual([basename(staged), 'a.jsonl']);
});
