import { describe, expect, it } from 'vitest';
import { catalogueRows, decodeCatalogue, encodeCatalogue } from '../../src/manifest/catalogue.ts';
import { decodeManifest, encodeManifest } from '../../src/manifest/manifest.ts';
import { FILE, manifestOf } from '../support/manifests.ts';
import { orphanEntry, sessionOf } from '../support/sessions.ts';

describe('the catalogue', () => {
  it('has one flat line a session, and nothing else in any column than text, numbers, booleans and null', () => {
    const rows = catalogueRows(manifestOf(1, 3));
    expect(rows).toHaveLength(3);
    for (const row of rows)
      for (const value of Object.values(row)) expect(typeof value === 'object' ? value : null).toBeNull();
    const lines = Buffer.from(encodeCatalogue(rows)).toString().trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual(rows);
  });

  it('is a pure function of the manifests: rebuilt from what was stored, it is the same to the byte', () => {
    const manifest = manifestOf(4, 20);
    const rebuilt = decodeManifest(encodeManifest(manifest), 'k');
    expect(encodeCatalogue(catalogueRows(rebuilt))).toEqual(encodeCatalogue(catalogueRows(manifest)));
  });

  it('comes back as it was written', () => {
    const rows = catalogueRows(manifestOf(1, 50));
    expect(decodeCatalogue(encodeCatalogue(rows), 'k')).toEqual(rows);
    expect(decodeCatalogue(encodeCatalogue([]), 'k')).toEqual([]);
  });

  it('shares the stored bytes of a pack among its sessions by their raw bytes', () => {
    const rows = catalogueRows(manifestOf(1, 4));
    expect(rows.map(({ raw_bytes, stored_bytes }) => [raw_bytes, stored_bytes])).toEqual(
      Array(4).fill([500, 50]),
    );
  });

  it('counts files whose bytes were not kept as stored in nothing', () => {
    const manifest = manifestOf(1, 1, {
      packs: [],
      sessions: [sessionOf(orphanEntry({ lastActivityMs: null }), [{ ...FILE, place: null }])],
    });
    expect(catalogueRows(manifest)).toMatchObject([
      {
        files: 1,
        raw_bytes: 500,
        stored_bytes: 0,
        last_activity_at: null,
        session_key: null,
        kind: 'orphan',
      },
    ]);
  });

  it.each([
    ['not JSON', 'line\n'],
    ['a column missing', '{"archive_id":"x"}\n'],
    ['a column of another type', `${JSON.stringify({ ...catalogueRows(manifestOf())[0], files: '1' })}\n`],
  ])('with a line that is %s is refused, with the number of the line', (_what, line) => {
    const good = Buffer.from(encodeCatalogue(catalogueRows(manifestOf()))).toString();
    expect(() => decodeCatalogue(Buffer.from(good + line), 'i/catalogue/r.jsonl.zst')).toThrowError(
      expect.objectContaining({ code: 'manifest-invalid', message: expect.stringContaining('line 2') }),
    );
  });
});
