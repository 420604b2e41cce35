import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { LeaseRecord } from '../../src/leases/lease-record.ts';
import { LEASE_TIMES } from '../../src/leases/lease-times.ts';
import { leaseKey } from '../../src/manifest/keys.ts';
import { MemoryObjectStore } from '../../src/objects/memory.ts';
import type { ObjectStore } from '../../src/objects/object-store.ts';
import { readProcessStart } from '../../src/openclaw/process-alive.ts';
import { LeaseWorld, localRecord, recordOf } from '../support/leases.ts';
import { RecordingStore } from '../support/recording-store.ts';
import { INSTANCE } from '../support/ship.ts';
import { NOW_MS } from '../support/snapshot.ts';

const { ttlMs, skewMs } = LEASE_TIMES;
const LOST = { code: 'lease-lost', retryable: true };

/** The pid of a process that has just ended. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'close');
  return child.pid as number;
}

async function worldWith(record: LeaseRecord): Promise<LeaseWorld> {
  const world = new LeaseWorld();
  await world.log().append(7, record);
  return world;
}

/** Lets everybody list before anybody writes. */
class Crowd extends MemoryObjectStore {
  readonly #size: number;
  #listed = 0;
  #go: () => void = () => {};
  readonly #all = new Promise<void>((resolve) => {
    this.#go = resolve;
  });

  constructor(size: number) {
    super();
    this.#size = size;
  }

  override async *list(prefix: string, signal?: AbortSignal) {
    yield* super.list(prefix, signal);
    this.#listed += 1;
    if (this.#listed >= this.#size) this.#go();
    await this.#all;
  }
}

describe('the lease of a store', () => {
  it('goes to one, and to the next when it is given back', async () => {
    const world = new LeaseWorld();
    const first = await world.acquire();
    await expect(world.acquire()).rejects.toMatchObject({
      code: 'locked',
      retryable: true,
      message: expect.stringMatching(
        /store main: held by clawback archive, process \d+ on .+ since 2026-.+, until 2026-.+ at least/,
      ),
      hint: expect.stringContaining(new Date(NOW_MS + ttlMs + skewMs).toISOString()),
    });
    await first.assertHeld();
    await first.release();
    const second = await world.acquire();
    await second.assertHeld('main');
    await second.release();
  });

  it('goes to exactly one of many who want it at once', async () => {
    for (const expired of [false, true]) {
      const world = new LeaseWorld(new Crowd(8));
      if (expired) await world.log().append(3, recordOf({ expiresAt: new Date(0).toISOString() }));
      const results = await Promise.allSettled(Array.from({ length: 8 }, () => world.acquire()));
      const won = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
      expect(won).toHaveLength(1);
      await won[0]?.assertHeld();
      for (const result of results)
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'locked' });
      await won[0]?.release();
    }
  });

  it('of several stores is taken for all or none', async () => {
    const world = new LeaseWorld();
    await world.log('ops').append(1, recordOf());
    await expect(world.acquire({}, ['web', 'ops', 'main'])).rejects.toMatchObject({
      code: 'locked',
      message: expect.stringContaining('store ops'),
    });
    const both = await world.acquire({}, ['main', 'web']);
    await both.assertHeld();
    await both.release();
  });

  it('costs three requests and one to clear up, one a commit, and two to give back', async () => {
    const world = new LeaseWorld();
    await (await world.acquire()).release();
    const objects = new RecordingStore(world.objects);
    const leases = await new LeaseWorld(objects).acquire();
    const verbs = () => objects.calls.splice(0).map((call) => call.split(' ')[0]);
    expect(verbs()).toEqual(['list', 'get', 'put', 'delete']);
    await leases.assertHeld();
    expect(verbs()).toEqual(['list', 'get']);
    await leases.assertHeld();
    expect(verbs()).toEqual(['list']);
    await leases.release();
    expect(verbs()).toEqual(['put', 'delete']);
  });
});

describe('a lease that another run has left behind', () => {
  const minutesLater = (minutes: number) => ({
    expiresAt: new Date(NOW_MS + minutes * 60_000).toISOString(),
  });

  it.each<[string, () => LeaseRecord | Promise<LeaseRecord>]>([
    ['it was given back', () => recordOf({ state: 'released' })],
    ['its process on this machine has ended', async () => localRecord({ pid: await deadPid() })],
    ['another process has its pid', () => localRecord({ pid: 1, processStart: -1 })],
    ['this very process has given it up', () => localRecord({})],
    [
      'it ran out, and any error of the clocks with it',
      () => recordOf({ expiresAt: new Date(NOW_MS - skewMs - 1).toISOString() }),
    ],
  ])('is taken over if %s', async (_why, record) => {
    const world = await worldWith(await record());
    const leases = await world.acquire();
    await leases.assertHeld();
    await leases.release();
  });

  it.each<[string, () => LeaseRecord | Promise<LeaseRecord>]>([
    [
      'its process runs',
      () => localRecord({ pid: process.ppid, processStart: readProcessStart(process.ppid) }),
    ],
    [
      'it is on another machine of the same name',
      async () => localRecord({ machine: 'fedcba9876543210', pid: await deadPid() }),
    ],
    ['it is on another host', async () => recordOf({ pid: await deadPid() })],
    [
      'it ran out, and a clock may be wrong',
      () => recordOf({ expiresAt: new Date(NOW_MS - skewMs).toISOString() }),
    ],
    ['the clock of its host is a year ahead', () => recordOf(minutesLater(365 * 24 * 60))],
  ])('is left alone if %s', async (_why, record) => {
    const world = await worldWith(await record());
    const keys = await world.keys();
    await expect(world.acquire()).rejects.toMatchObject({ code: 'locked' });
    expect(await world.keys()).toEqual(keys);
  });
});

describe('what is no lease among the leases', () => {
  const valid = JSON.stringify(recordOf({ state: 'released' }));
  it.each([
    ['an empty object', '000000000008.json', ''],
    ['half a record', '000000000008.json', valid.slice(0, 80)],
    ['null', '000000000008.json', 'null'],
    ['a record of a later clawback', '000000000008.json', valid.replace('lease/1', 'lease/2')],
    ['a record without an end', '000000000008.json', valid.replace('expiresAt', 'expires')],
    ['something large', '000000000008.json', `${valid}${' '.repeat(5000)}`],
    ['a name of somebody else', 'readme.txt', 'hello'],
    ['a number that is too short', '8.json', valid],
  ])('keeps everybody out: %s', async (_what, name, text) => {
    const world = await worldWith(recordOf({ state: 'released' }));
    const key = `${INSTANCE}/leases/main/${name}`;
    await world.objects.put(key, Buffer.from(text));
    const keys = await world.keys();
    await expect(world.acquire()).rejects.toMatchObject({
      code: 'locked',
      message: expect.stringContaining(key),
      hint: expect.stringContaining('remove that object'),
    });
    expect(await world.keys()).toEqual(keys);
  });

  it('keeps a holder from committing that meets it', async () => {
    const world = new LeaseWorld();
    const leases = await world.acquire();
    await world.objects.put(`${INSTANCE}/leases/main/000000000009.json`, Buffer.from('junk'));
    await expect(leases.assertHeld()).rejects.toMatchObject({ code: 'locked' });
    await leases.release();
  });
});

describe('a holder', () => {
  afterEach(() => void vi.useRealTimers());

  it('renews from time to time, so that nobody takes its lease from it', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const world = new LeaseWorld();
    const leases = await world.acquire();
    for (let minutes = 0; minutes < 60; minutes += 2) {
      world.pass(LEASE_TIMES.renewMs);
      await vi.advanceTimersByTimeAsync(LEASE_TIMES.renewMs);
    }
    await leases.assertHeld();
    await expect(world.acquire()).rejects.toMatchObject({ code: 'locked' });
    await leases.release();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('tells its threads that it has renewed', async () => {
    const world = new LeaseWorld();
    const leases = await world.acquire();
    const inThread = world.fence(leases);
    await inThread.assertHeld('main');
    world.pass(ttlMs - 1);
    await leases.renew();
    world.pass(ttlMs - 1);
    await inThread.assertHeld('main');
    await leases.release();
    await expect(inThread.assertHeld('main')).rejects.toMatchObject(LOST);
  });

  it('goes on while renewals fail, until its time is over', async () => {
    const objects = new MemoryObjectStore();
    const world = new LeaseWorld(objects);
    const leases = await world.acquire();
    const put = objects.put.bind(objects);
    objects.put = async () => {
      throw new Error('the archive is away');
    };
    world.pass(ttlMs - 1);
    await leases.renew();
    await leases.assertHeld();
    world.pass(1);
    await expect(leases.assertHeld()).rejects.toMatchObject({
      ...LOST,
      message: expect.stringContaining('the archive is away'),
    });
    objects.put = put;
    await leases.renew();
    await expect(leases.assertHeld()).rejects.toMatchObject(LOST);
    await leases.release();
  });

  it('knows its own renewal again, the answer to which was lost', async () => {
    const objects = new MemoryObjectStore();
    const world = new LeaseWorld(objects);
    const leases = await world.acquire();
    const put = objects.put.bind(objects);
    objects.put = async (...args) => {
      await put(...args);
      throw new Error('connection reset');
    };
    world.pass(1000);
    await leases.renew();
    objects.put = put;
    world.pass(ttlMs - 2000);
    await leases.renew();
    world.pass(ttlMs - 1000);
    await leases.assertHeld();
    await leases.release();
    expect(await world.keys()).toEqual([leaseKey(INSTANCE, 'main', 4)]);
  });

  it.each([
    ['both clocks went on', (ms: number) => ({ wallMs: NOW_MS + ms, monotonicMs: 1000 + ms })],
    ['one clock stood still', (ms: number) => ({ wallMs: NOW_MS + ms, monotonicMs: 1000 })],
    ['the other was set back', (ms: number) => ({ wallMs: NOW_MS - ms, monotonicMs: 1000 + ms })],
  ])('that slept past its time commits nothing, whoever else is there or not: %s', async (_how, at) => {
    const objects = new RecordingStore(new MemoryObjectStore());
    const world = new LeaseWorld(objects);
    const leases = await world.acquire();
    const inThread = world.fence(leases);
    await inThread.assertHeld('main');
    world.moment = at(ttlMs);
    objects.calls.splice(0);
    await expect(leases.assertHeld()).rejects.toMatchObject({
      ...LOST,
      message: expect.stringContaining('was stopped for long'),
    });
    expect(() => inThread.assertNotKnownLost('main')).toThrow(/ran out/);
    await leases.renew();
    world.moment = at(0);
    // For good: it has said so to somebody.
    await expect(leases.assertHeld()).rejects.toMatchObject(LOST);
    expect(objects.calls).toEqual([]);
    await leases.release();
  });

  it('from whom another has taken it commits nothing, and does not take it back', async () => {
    const world = new LeaseWorld();
    const slow = await world.acquire();
    const inThread = world.fence(slow);
    // The other's clock is far ahead.
    const fast = await world.acquire({ clock: { nowMs: () => NOW_MS + 86_400_000 } });
    await expect(slow.assertHeld()).rejects.toMatchObject({
      ...LOST,
      message: expect.stringMatching(/taken over by clawback archive, process \d+ on/),
    });
    await slow.renew();
    await slow.release();
    await fast.assertHeld();
    const calls = new RecordingStore(world.objects);
    const known = world.fence(slow, calls);
    await expect(known.assertHeld('main')).rejects.toMatchObject({
      message: expect.stringContaining('taken over'),
    });
    await expect(inThread.assertHeld('main')).rejects.toMatchObject(LOST);
    calls.calls.splice(0);
    expect(() => known.assertNotKnownLost('main')).toThrow(/lease of store main/);
    await expect(known.assertHeld('main')).rejects.toMatchObject(LOST);
    expect(calls.calls).toEqual([]);
    await fast.release();
  });

  it('whose lease was removed commits nothing', async () => {
    const world = new LeaseWorld();
    const leases = await world.acquire();
    for (const key of await world.keys()) await world.objects.delete(key);
    await expect(leases.assertHeld()).rejects.toMatchObject(LOST);
    await leases.release();
  });

  it('that slept between its look and its claim finds that others have been here', async () => {
    const objects = new MemoryObjectStore();
    const world = new LeaseWorld(objects);
    const put = objects.put.bind(objects);
    let isAsleep = true;
    objects.put = async (...args) => {
      if (isAsleep) {
        isAsleep = false;
        // Its number is given out, and removed, while it sleeps.
        await (await world.acquire()).release();
        await (await world.acquire()).release();
      }
      return put(...args);
    };
    const late = await world.acquire();
    const holder = await world.acquire();
    await expect(late.assertHeld()).rejects.toMatchObject(LOST);
    await holder.assertHeld();
    await late.release();
    await holder.assertHeld();
    await holder.release();
  });

  it('whose record was overwritten by a server without conditions commits nothing', async () => {
    const objects = new MemoryObjectStore();
    const world = new LeaseWorld(objects);
    const first = await world.acquire();
    const [key = ''] = await world.keys();
    const other = recordOf();
    await objects.delete(key);
    await world.log().append(1, other);
    await expect(first.assertHeld()).rejects.toMatchObject(LOST);
    await first.release();
    expect((await world.log().newest())?.record).toEqual(other);
  });
});

describe('giving back', () => {
  it('leaves one object a store, after a thousand runs of which some die', async () => {
    const world = new LeaseWorld();
    let most = 0;
    for (let run = 0; run < 1000; run += 1) {
      const leases = await world.acquire({}, ['main', 'ops']);
      for (let renewals = run % 3; renewals > 0; renewals -= 1) await leases.renew();
      most = Math.max(most, (await world.keys()).length);
      if (run % 7 !== 0) await leases.release();
      // As a process that is killed: nobody renews any more, and in time others take over.
      else world.pass(ttlMs + skewMs + 1);
    }
    expect(most).toBeLessThanOrEqual(4);
    expect(await world.keys()).toHaveLength(2);
  });

  it('works where nothing may be removed', async () => {
    const objects = new MemoryObjectStore();
    objects.delete = async () => {
      throw new Error('denied');
    };
    const world = new LeaseWorld(objects);
    for (let run = 0; run < 3; run += 1) {
      const leases = await world.acquire();
      await leases.renew();
      await leases.assertHeld();
      await leases.release();
    }
    expect(await world.keys()).toHaveLength(9);
  });

  it('that fails is told; then this process may go on at once, and others wait', async () => {
    const objects = new MemoryObjectStore();
    const world = new LeaseWorld(objects);
    const told: [string, unknown][] = [];
    const leases = await world.acquire({ onStuck: (storeId, error) => void told.push([storeId, error]) });
    const put = objects.put.bind(objects);
    objects.put = async () => {
      throw new Error('away');
    };
    await leases.release();
    await leases.release();
    expect(told).toEqual([['main', expect.objectContaining({ message: 'away' })]]);
    objects.put = put;
    expect((await world.log().newest())?.record.state).toBe('held');
    await (await world.acquire()).release();
  });

  it('of what was not got writes nothing', async () => {
    const world = await worldWith(recordOf());
    const objects: ObjectStore = new RecordingStore(world.objects);
    await expect(new LeaseWorld(objects).acquire()).rejects.toMatchObject({ code: 'locked' });
    expect((objects as RecordingStore).of('put')).toEqual([]);
  });
});
