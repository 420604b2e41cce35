import { describe, expect, test } from 'vitest';
import { coldStateOf, parseRestoreHeader } from '../../src/objects/s3-cold.ts';

const EXPIRY = 'Fri, 21 Dec 2012 00:00:00 GMT';
const EXPIRY_MS = Date.UTC(2012, 11, 21);

describe('the header x-amz-restore', () => {
  test.each([
    ['ongoing-request="true"', { isOngoing: true }],
    [`ongoing-request="false", expiry-date="${EXPIRY}"`, { isOngoing: false, expiryMs: EXPIRY_MS }],
    [`expiry-date="${EXPIRY}", ongoing-request="false"`, { isOngoing: false, expiryMs: EXPIRY_MS }],
    ['ongoing-request="false"', { isOngoing: false }],
    ['ongoing-request="false", expiry-date="some day"', { isOngoing: false }],
    ['', undefined],
    ['ongoing-request=true', undefined],
    ['not-ongoing-request="true"', undefined],
    [undefined, undefined],
  ])('%j is read as it is meant, or not at all', (header, meant) => {
    expect(parseRestoreHeader(header)).toEqual(meant);
  });
});

describe('what HEAD says', () => {
  const thawed = `ongoing-request="false", expiry-date="${EXPIRY}"`;
  test.each([
    ['an object of Glacier', { StorageClass: 'GLACIER' }, { storage: 'GLACIER', state: 'cold' }],
    [
      'one that is being thawed',
      { StorageClass: 'DEEP_ARCHIVE', Restore: 'ongoing-request="true"' },
      { storage: 'DEEP_ARCHIVE', state: 'thawing' },
    ],
    [
      'one that is thawed',
      { StorageClass: 'GLACIER', Restore: thawed },
      { storage: 'GLACIER', state: 'thawed', coldAgainAtMs: EXPIRY_MS },
    ],
    [
      'one that Intelligent-Tiering has put away',
      { StorageClass: 'INTELLIGENT_TIERING', ArchiveStatus: 'ARCHIVE_ACCESS' },
      { storage: 'ARCHIVE_ACCESS', state: 'cold' },
    ],
    [
      'one whose restore header makes no sense',
      { StorageClass: 'GLACIER', Restore: 'soon' },
      { storage: 'GLACIER', state: 'cold' },
    ],
    ['one of Intelligent-Tiering that is at hand', { StorageClass: 'INTELLIGENT_TIERING' }, undefined],
    ['one of Glacier Instant Retrieval', { StorageClass: 'GLACIER_IR' }, undefined],
    ['one of the standard class, which is not named', {}, undefined],
    ['one that was thawed for good and is standard now', { Restore: thawed }, undefined],
  ])('of %s', (_what, head, cold) => {
    expect(coldStateOf(head)).toEqual(cold);
  });
});
