import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { LeaseRecord } from '../../src/leases/lease-record.ts';
import { leaseKey } from '../../src/manifest/keys.ts';
import { DirectoryObjectStore } from '../../src/objects/directory.ts';
import { sweepUploads } from '../../src/recover/sweep-uploads.ts';
import { LeaseWorld, recordOf } from '../support/leases.ts';
import { INSTANCE } from '../support/ship.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const OVER = '20261120t020000z-00000001';
const OTHERS = '20261121t020000z-00000002';
const PACK = `packs/${OVER}-0001.tar.zst`;
const OF_OTHERS = `packs/${OTHERS}-0001.tar.zst`;
const REVISION = `packs/${OVER}-0001.r1.tar.zst`;

/** A folder with something half-written under each of these keys, and a run that holds the store `main`. */
async function folderWith(...names: string[]) {
  const root = await temporaryFolder();
  const objects = DirectoryObjectStore.open(pathToFileURL(root).href);
  for (const name of names) {
    const path = join(root, INSTANCE, name.replace(/[^/]+$/, '.$&.0123456789abcdef.tmp'));
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, 'half');
  }
  const world = new LeaseWorld(objects);
  const leases = await world.acquire({ runId: '20261121t093000z-00000009' });
  const sweep = async (revisions = false) => {
    await sweepUploads({ objects, instance: INSTANCE }, { ownId: leases.pass.id, revisions });
    const left: string[] = [];
    for await (const key of objects.openUploads('')) left.push(key.slice(INSTANCE.length + 1));
    return left.sort();
  };
  const leaseOfOther = (changes: Partial<LeaseRecord>, number = 1) =>
    world.log('other').append(number, recordOf(changes));
  return { world, objects, sweep, leaseOfOther };
}

describe('what has been begun in the archive and never ended', () => {
  test('goes once no holder of a lease can be at work on it: packs, manifests, catalogues and reports', async () => {
    const names = [PACK, `manifests/${OVER}-0001.json.zst`, `catalogue/${OVER}.jsonl.zst`];
    const { sweep } = await folderWith(...names, `reports/${OVER}.json.zst`);
    expect(await sweep()).toEqual([]);
  });

  test('stays while its run holds a lease, also one that has expired: its clock may be a slow one', async () => {
    const { sweep, leaseOfOther } = await folderWith(PACK, OF_OTHERS);
    await leaseOfOther({ runId: OTHERS, expiresAt: '2020-01-01T00:00:00.000Z' });
    expect(await sweep()).toEqual([OF_OTHERS]);
  });

  test('goes once its run has given the lease back, or another has taken it', async () => {
    const { sweep, leaseOfOther } = await folderWith(OF_OTHERS);
    await leaseOfOther({ runId: OTHERS });
    expect(await sweep()).toEqual([OF_OTHERS]);
    await leaseOfOther({ runId: '20261121t030000z-00000003' }, 2);
    expect(await sweep()).toEqual([]);
  });

  test('stays while anybody is at work who does not say as which run', async () => {
    const { sweep, leaseOfOther } = await folderWith(PACK);
    await leaseOfOther({ command: 'clawback gc' });
    expect(await sweep()).toEqual([PACK]);
    await leaseOfOther({ command: 'clawback gc', state: 'released' }, 2);
    expect(await sweep()).toEqual([]);
  });

  test('stays while a lease cannot be read', async () => {
    const { sweep, objects } = await folderWith(PACK);
    await objects.put(leaseKey(INSTANCE, 'other', 1), Buffer.from('{"format":"clawback.lease/2"}'));
    expect(await sweep()).toEqual([PACK]);
  });

  test('is for gc alone to clear away where gc has begun it', async () => {
    const { sweep } = await folderWith(REVISION);
    expect(await sweep()).toEqual([REVISION]);
    expect(await sweep(true)).toEqual([]);
  });

  test('is left alone where it is named after no run: a mark, a lease, what doctor writes', async () => {
    const names = [
      'doctor/20261121t093000z-00000001.large',
      'leases/other/000000000001.json',
      'marks/20261121t093000z-00000001.json.zst',
    ];
    const { sweep } = await folderWith(...names);
    expect(await sweep(true)).toEqual(names);
  });
});
