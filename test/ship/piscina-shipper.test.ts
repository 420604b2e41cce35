import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { acquireLeases } from '../../src/leases/leases.ts';
import { DirectoryObjectStore } from '../../src/objects/directory.ts';
import { piscinaShipper } from '../../src/ship/piscina-shipper.ts';
import { sourceOf } from '../support/sessions.ts';
import { INSTANCE, SETTINGS, taskOf } from '../support/ship.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const JOBS = 1;
const IN_HAND = 2 * JOBS;

describe('a pool that is told to stop', () => {
  it('finishes the batches in hand, and gives up those that wait for their turn', async () => {
    const root = await temporaryFolder();
    const url = pathToFileURL(join(root, 'archive')).href;
    const objects = DirectoryObjectStore.open(url);
    const leases = await acquireLeases({ objects, instance: INSTANCE }, ['main'], {
      command: 'test',
      clock: { nowMs: () => Date.now() },
    });
    onTestFinished(() => leases.release());
    const pool = piscinaShipper({ ...SETTINGS, archive: { url, s3: {} }, lease: leases.pass }, JOBS);
    onTestFinished(() => pool.close());
    const stop = new AbortController();
    const tasks = [];
    for (let n = 1; n <= 6; n += 1) {
      const source = await sourceOf(root, `${n}.jsonl`, randomBytes(9 * 1024 * 1024));
      tasks.push({ ...taskOf(root, [[source]]), batchId: `20261121t090000z-00000001-000${n}` });
    }
    const outcomes = await Promise.allSettled(
      tasks.map((task) => pool.ship(task, stop.signal, () => stop.abort())),
    );
    const done = outcomes.filter(({ status }) => status === 'fulfilled');
    expect(done).toHaveLength(IN_HAND);
    for (const outcome of outcomes.slice(IN_HAND))
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'interrupted' } });
    expect(await readdir(join(root, 'archive', INSTANCE, 'manifests'))).toHaveLength(IN_HAND);
  });
});
