import { describe, expect, it } from 'vitest';
import {
  archivedAtMs,
  archiveIdOf,
  assertInstance,
  batchIdOf,
  catalogueKey,
  cataloguePrefix,
  leaseKey,
  leasePrefix,
  MANIFEST_SUFFIX,
  manifestKey,
  manifestPrefix,
  PACK_SUFFIX,
  packKey,
  packPrefix,
  parseArchiveId,
  parseLeaseNumber,
  parseRevisionKey,
  reportKey,
  reportPrefix,
  runIdAt,
} from '../../src/manifest/keys.ts';
import { isObjectKey } from '../../src/objects/object-store.ts';

const RUN_ID = runIdAt(Date.parse('2026-11-21T04:15:00.999Z'), '3f9a2c1d');

describe('a key', () => {
  it.each([
    packKey('oc-1', batchIdOf(RUN_ID, 1)),
    manifestKey('oc-1', batchIdOf(RUN_ID, 99_999)),
    catalogueKey('a'.repeat(41), RUN_ID),
    reportKey('oc-1', RUN_ID),
    leaseKey('a'.repeat(41), 'b'.repeat(64), 1),
  ])('%s is safe in every object store', (key) => {
    expect(key).toMatch(/^[a-z0-9/_.=-]+$/);
    expect(isObjectKey(key)).toBe(true);
  });

  it('lies below the prefix that lists its kind, and below its instance', () => {
    expect(packKey('i1', 'b')).toBe(`${packPrefix('i1')}b.tar.zst`);
    expect(manifestKey('i1', 'b')).toBe(`${manifestPrefix('i1')}b.json.zst`);
    expect(catalogueKey('i1', 'r')).toBe(`${cataloguePrefix('i1')}r.jsonl.zst`);
    expect(reportKey('i1', 'r')).toBe(`${reportPrefix('i1')}r.json.zst`);
    for (const prefix of [packPrefix('i1'), manifestPrefix('i1'), cataloguePrefix('i1'), reportPrefix('i1')])
      expect(prefix.startsWith('i1/')).toBe(true);
  });
});

describe('the keys of leases', () => {
  it('sort as their numbers do, and give them back', () => {
    const numbers = [1, 2, 9, 10, 99, 1000, 123_456_789_012];
    const keys = numbers.map((number) => leaseKey('i1', 'main', number));
    expect([...keys].sort()).toEqual(keys);
    const prefix = leasePrefix('i1', 'main');
    expect(keys.map((key) => parseLeaseNumber(key.slice(prefix.length)))).toEqual(numbers);
  });

  it.each([
    '',
    '1.json',
    '000000000001',
    '000000000001.json.zst',
    '0000000000001.json',
    'a/000000000001.json',
  ])('are not %j', (name) => {
    expect(parseLeaseNumber(name)).toBeUndefined();
  });
});

describe('a run id', () => {
  it('tells the second, in UTC', () => {
    expect(RUN_ID).toBe('20261121t041500z-3f9a2c1d');
  });

  it('sorts by time, and so do batches of a run up to 9,999', () => {
    const times = [
      '2026-01-01T00:00:00Z',
      '2026-09-30T23:59:59Z',
      '2026-10-01T00:00:00Z',
      '2030-01-01T00:00:00Z',
    ];
    const ids = times.map((time) => runIdAt(Date.parse(time), 'ffffffff'));
    expect(ids.toSorted()).toEqual(ids);
    const batches = [1, 2, 10, 999, 9999].map((n) => batchIdOf(RUN_ID, n));
    expect(batches.toSorted()).toEqual(batches);
  });
});

describe('an archive id', () => {
  it('tells the batch and the place in it', () => {
    const batchId = batchIdOf(RUN_ID, 12);
    expect(parseArchiveId(archiveIdOf(batchId, 345))).toEqual({ batchId, index: 345 });
    expect(parseArchiveId(archiveIdOf(batchId, 0).toUpperCase())).toEqual({ batchId, index: 0 });
    expect(parseArchiveId(archiveIdOf(batchIdOf(RUN_ID, 123_456), 1))?.batchId).toBe(`${RUN_ID}-123456`);
  });

  it.each([
    '',
    'x',
    batchIdOf(RUN_ID, 1),
    `${batchIdOf(RUN_ID, 1)}.`,
    `${batchIdOf(RUN_ID, 1)}.-1`,
    `../${batchIdOf(RUN_ID, 1)}.0`,
    `${batchIdOf(RUN_ID, 1)}.0/..`,
    '20261121t041500z-xyz-0001.0',
  ])('is not %j', (text) => {
    expect(parseArchiveId(text)).toBeUndefined();
  });
});

describe('the name of an instance', () => {
  it.each(['oc-0123456789ab', 'a1', '0x', `a${'-'.repeat(40)}`])('may be %s', (name) => {
    expect(assertInstance(name)).toBe(name);
  });

  it.each(['', 'a', '-a', 'A', 'a/b', '..', 'a.b', 'ü1', 'a b', `a${'b'.repeat(41)}`, 'a\n'])(
    'may not be %j',
    (name) => {
      expect(() => assertInstance(name)).toThrowError(expect.objectContaining({ code: 'config-invalid' }));
    },
  );
});

describe('the age of an archived generation', () => {
  it('is told by its archive id, to the second', () => {
    expect(archivedAtMs(archiveIdOf(batchIdOf(RUN_ID, 12), 3))).toBe(Date.parse('2026-11-21T04:15:00Z'));
  });

  it.each(['', 'x.0', RUN_ID, '20261321t041500z-3f9a2c1d-0001.0', '20261121t256161z-3f9a2c1d-0001.0'])(
    'is not told by %j',
    (text) => {
      expect(archivedAtMs(text)).toBeUndefined();
    },
  );
});

describe('the keys of a batch from which sessions were taken', () => {
  it.each([0, 1, 2, 10, 123_456_789])('say that it is revision %i, and of which batch', (revision) => {
    const batchId = batchIdOf(RUN_ID, 1);
    expect(parseRevisionKey(packKey('oc-1', batchId, revision), packPrefix('oc-1'), PACK_SUFFIX)).toEqual({
      batchId,
      revision,
    });
    expect(
      parseRevisionKey(manifestKey('oc-1', batchId, revision), manifestPrefix('oc-1'), MANIFEST_SUFFIX),
    ).toEqual({
      batchId,
      revision,
    });
  });

  it.each(['oc-1/packs/b.r0.tar.zst', 'oc-1/packs/b.r01.tar.zst', 'oc-1/packs/b.rx.tar.zst'])(
    '%s is no revision of b',
    (key) => expect(parseRevisionKey(key, packPrefix('oc-1'), PACK_SUFFIX)?.batchId).not.toBe('b'),
  );

  it('of another prefix or suffix are none', () => {
    expect(parseRevisionKey('oc-2/packs/b.tar.zst', packPrefix('oc-1'), PACK_SUFFIX)).toBeUndefined();
    expect(parseRevisionKey('oc-1/packs/readme.txt', packPrefix('oc-1'), PACK_SUFFIX)).toBeUndefined();
  });
});
