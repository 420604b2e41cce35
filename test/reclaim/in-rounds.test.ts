import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { inRounds } from '../../src/reclaim/in-rounds.ts';

import { DAY_MS, fileOf, planOf } from '../support/snapshot.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

async function sizesOfRounds(sessionsDir: string, archiveUrl: string, sizes: readonly number[]) {
  const files = sizes.map((sizeBytes, n) => fileOf(`${n}.jsonl`, 30 * DAY_MS, { sizeBytes }));
  const { selected } = planOf({ files });
  const chosen = selected.map((session) => ({ store: { sessionsDir }, session, diskBytes: 4096 }));
  const rounds: number[][] = [];
  for await (const round of inRounds(chosen, archiveUrl))
    rounds.push(round.map(({ session }) => session.files[0]?.sizeBytes ?? 0));
  return rounds;
}

const HUGE = 2 ** 50;

it('where the archive is on the same disk, a round is what fits there, or one session', async () => {
  const folder = await temporaryFolder();
  // It need not be there yet.
  const url = pathToFileURL(join(folder, 'archive', 'deep')).href;
  expect(await sizesOfRounds(folder, url, [1, 2, HUGE, 3, HUGE, HUGE])).toEqual([
    [1, 2],
    [HUGE],
    [3],
    [HUGE],
    [HUGE],
  ]);
});

it('where it is elsewhere, all goes in one', async () => {
  const sizes = [1, HUGE, HUGE];
  expect(await sizesOfRounds(await temporaryFolder(), 's3://bucket/prefix', sizes)).toEqual([sizes]);
});
