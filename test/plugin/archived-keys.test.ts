import { describe, expect, test } from 'vitest';
import { Archive } from '../../src/archive/archive.ts';
import { CatalogueCache } from '../../src/archive/catalogue-cache.ts';
import { type Clock, systemClock } from '../../src/clock.ts';
import { openCodec } from '../../src/codec/open.ts';
import { ClawbackError } from '../../src/errors.ts';
import type { CatalogueRow } from '../../src/manifest/catalogue.ts';
import { manifestKey } from '../../src/manifest/keys.ts';
import { encodeManifest } from '../../src/manifest/manifest.ts';
import { MemoryObjectStore } from '../../src/objects/memory.ts';
import type { ObjectStat } from '../../src/objects/object-store.ts';
import { ArchivedKeys, newestGenerations } from '../../src/plugin/archived-keys.ts';
import { batchId, manifestOf } from '../support/manifests.ts';
import { INSTANCE } from '../support/ship.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

function rowOf(archiveId: string, more: Partial<CatalogueRow> = {}): CatalogueRow {
  return {
    archive_id: archiveId,
    batch_id: archiveId,
    revision: 0,
    instance: 'oc-1',
    agent_id: 'main',
    store_id: 'main',
    session_key: 'agent:main:slack:channel:c1',
    session_id: archiveId,
    kind: 'channel',
    protected: true,
    action: 'trim',
    last_activity_at: null,
    archived_at: '2026-11-21T04:00:00.000Z',
    files: 3,
    raw_bytes: 1,
    stored_bytes: 1,
    ...more,
  };
}

test('a key leads to the newest generation of its conversation', () => {
  const generations = newestGenerations([
    rowOf('first'),
    rowOf('second'),
    rowOf('x', { session_key: 'other' }),
  ]);
  expect([...generations]).toEqual([
    ['agent:main:slack:channel:c1', 'second'],
    ['other', 'x'],
  ]);
});

test('neither loose files nor what is left of the same session hide it', () => {
  const whole = rowOf('whole', { session_id: 's' });
  const remnant = rowOf('remnant', { session_id: 's', files: 0 });
  const loose = rowOf('loose', { action: 'files' });
  expect(newestGenerations([whole, remnant, loose]).get('agent:main:slack:channel:c1')).toBe('whole');
});

test('a key is matched as it is: one that names a property of every object is a key like any other', () => {
  expect(newestGenerations([rowOf('a')]).get('constructor')).toBeUndefined();
  expect(newestGenerations([rowOf('b', { session_key: '__proto__' })]).get('__proto__')).toBe('b');
});

const KEY = 'agent:main:slack:channel:c1:thread:0.1';
const FOUND = `${batchId(1)}.0`;
const MINUTE_MS = 60_000;

/** An archive that answers when it is let, or not at all. */
class SlowStore extends MemoryObjectStore {
  isAway = false;
  listings = 0;
  #answer: Promise<void> = Promise.resolve();

  /** No listing is answered until what it returns is called. */
  hold(): () => void {
    let answer = () => {};
    this.#answer = new Promise((resolve) => {
      answer = resolve;
    });
    return () => answer();
  }

  override async *list(prefix: string, signal?: AbortSignal): AsyncGenerator<ObjectStat> {
    this.listings += 1;
    await this.#answer;
    signal?.throwIfAborted();
    if (this.isAway) throw new ClawbackError('archive-unreachable', 'list: 503');
    yield* super.list(prefix, signal);
  }
}

async function archiveOfOne() {
  const objects = new SlowStore();
  const codec = await openCodec('auto');
  const cache = new CatalogueCache(await temporaryFolder(), objects.url);
  const archive = new Archive(objects, codec, INSTANCE, cache);
  await objects.put(manifestKey(INSTANCE, batchId(1)), codec.compress(encodeManifest(manifestOf(1)), 3));
  let nowMs = 0;
  const clock: Clock = { ...systemClock, nowMs: () => nowMs };
  const keys = new ArchivedKeys(clock);
  const find = (key = KEY, signal = new AbortController().signal) => keys.find(archive, key, signal);
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { objects, find, pass };
}

describe('the catalogue that messages wait for', () => {
  test('is read once for all of them, and kept for ten minutes', async () => {
    const { objects, find, pass } = await archiveOfOne();
    expect(await Promise.all([find(), find(), find('agent:main:other')])).toEqual([FOUND, FOUND, undefined]);
    const { listings } = objects;
    pass(10 * MINUTE_MS - 1);
    expect(await find()).toBe(FOUND);
    expect(objects.listings).toBe(listings);
    pass(1);
    expect(await find()).toBe(FOUND);
    expect(objects.listings).toBe(2 * listings);
  });

  test('is not taken from the others by the deadline of the one that asked first', async () => {
    const { objects, find } = await archiveOfOne();
    const answer = objects.hold();
    const deadline = new AbortController();
    const first = find(KEY, deadline.signal);
    const second = find();
    deadline.abort(new Error('its deadline'));
    // While the archive has not answered yet.
    await expect(first).rejects.toThrow('its deadline');
    const late = find();
    answer();
    expect(await Promise.all([second, late])).toEqual([FOUND, FOUND]);
  });

  test('keeps a message that came later no longer than until its own deadline', async () => {
    const { objects, find } = await archiveOfOne();
    const answer = objects.hold();
    const first = find();
    const deadline = new AbortController();
    const second = find(KEY, deadline.signal);
    deadline.abort(new Error('its deadline'));
    await expect(second).rejects.toThrow('its deadline');
    answer();
    expect(await first).toBe(FOUND);
  });

  test('that could not be read says nothing of what is archived: the next message reads it again', async () => {
    const { objects, find } = await archiveOfOne();
    objects.isAway = true;
    await expect(find()).rejects.toMatchObject({ code: 'archive-unreachable' });
    await expect(find()).rejects.toMatchObject({ code: 'archive-unreachable' });
    objects.isAway = false;
    expect(await find()).toBe(FOUND);
  });

  test('serves a minute longer while it cannot be read anew', async () => {
    const { objects, find, pass } = await archiveOfOne();
    expect(await find()).toBe(FOUND);
    pass(10 * MINUTE_MS);
    objects.isAway = true;
    await expect(find()).rejects.toMatchObject({ code: 'archive-unreachable' });
    const { listings } = objects;
    expect(await find()).toBe(FOUND);
    expect(objects.listings).toBe(listings);
    pass(MINUTE_MS);
    await expect(find()).rejects.toMatchObject({ code: 'archive-unreachable' });
  });
});
