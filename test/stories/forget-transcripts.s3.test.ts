import { describe, expect, test } from 'vitest';
import { hasS3 } from '../support/s3-provided.ts';
import { ColdHome } from './support/cold-home.ts';
import type { ForgetJson } from './support/life.ts';

describe.skipIf(!hasS3)('an erasure request that looks into transcripts of which some are cold', () => {
  test('marks what it can read, names what it cannot, and ends with 3', async () => {
    const cold = await ColdHome.create(['main', 'ops']);
    const [first = ''] = cold.keysOf('packs');
    const batchId = first.split('/').at(-1)?.replace('.tar.zst', '');
    const search = ['forget', '--subject', 'heard', '--transcripts', '--json'];
    const both = await cold.home.json<ForgetJson>(...search, '--dry-run');
    expect(both.sessions.map(({ lines }) => lines)).toEqual([2, 2]);
    cold.freeze('GLACIER', [first]);
    const found = (await cold.home.clawback(...search, '--yes')).expect(3).json<ForgetJson>();
    expect(found).toMatchObject({
      marked: true,
      sessions: [{ lines: 2 }],
      problems: [{ what: `transcripts of 1 session in batch ${batchId}`, error: { code: 'object-cold' } }],
    });
    // A manifest that is cold hides what key and row say, too.
    cold.freeze('GLACIER', cold.keysOf('manifests'));
    const hidden = (await cold.home.clawback(...search, '--dry-run')).expect(3).json<ForgetJson>();
    expect(hidden).toMatchObject({ sessions: [] });
    expect(hidden.problems).toHaveLength(2);
  });
});
