import { describe, expect, it } from 'vitest';
import {
  decodeManifest,
  encodeManifest,
  type Manifest,
  type ManifestFile,
} from '../../src/manifest/manifest.ts';
import { rowSha256 } from '../../src/sessions/canonical-json.ts';
import { FILE, manifestOf } from '../support/manifests.ts';

function decoded(value: unknown): Manifest {
  return decodeManifest(
    Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
    'i/manifests/m.json.zst',
  );
}

function withFile(changes: Partial<Record<keyof ManifestFile, unknown>>): unknown {
  const manifest = manifestOf();
  return {
    ...manifest,
    sessions: manifest.sessions.map((session) => ({ ...session, files: [{ ...FILE, ...changes }] })),
  };
}

const invalid = expect.objectContaining({
  code: 'manifest-invalid',
  message: expect.stringContaining('i/manifests/m.json.zst'),
});

describe('a manifest', () => {
  it('comes back as it was written, rows with unknown fields and all', () => {
    const manifest = manifestOf(1, 3);
    const row = JSON.parse('{"deep":{"a":[1,null,{"b":"\\ud800"}]},"-0":-0.5,"updatedAt":1e21}');
    const full = {
      ...manifest,
      sessions: manifest.sessions.map((session) => ({ ...session, row, rowSha256: rowSha256(row) })),
    };
    expect(decodeManifest(encodeManifest(full), 'k')).toEqual(full);
  });

  it('is one line of JSON that any tool reads', () => {
    const text = Buffer.from(encodeManifest(manifestOf())).toString();
    expect(text.endsWith('}\n')).toBe(true);
    expect(text.trimEnd().split('\n')).toHaveLength(1);
  });

  it('is read out of the middle of a larger buffer', () => {
    const bytes = encodeManifest(manifestOf());
    const around = Buffer.concat([Buffer.from('xx'), bytes, Buffer.from('yy')]);
    expect(decodeManifest(around.subarray(2, 2 + bytes.length), 'k')).toEqual(manifestOf());
  });

  it.each(['clawback.manifest/2', 'clawback.manifest/1.1', 'clawback.manifest/9'])(
    'of the format %s asks for a newer clawback',
    (format) => {
      expect(() => decoded({ ...manifestOf(), format })).toThrowError(
        expect.objectContaining({ code: 'manifest-newer', hint: 'update clawback' }),
      );
    },
  );

  it.each([
    ['nothing', ''],
    ['a torn one', '{"format":"clawback.manifest/1"'],
    ['a page', '<html></html>'],
    ['null', 'null'],
    ['an array', '[]'],
    ['no format', { ...manifestOf(), format: undefined }],
    ['another format', { ...manifestOf(), format: 'restic/1' }],
    [
      'an encryption that it cannot undo',
      { ...manifestOf(), packs: manifestOf().packs.map((pack) => ({ ...pack, encryption: 'aes' })) },
    ],
    ['a source that it does not know', { ...manifestOf(), source: { kind: 'sqlite', storeId: 'main' } }],
    [
      'a frame of no bytes',
      {
        ...manifestOf(),
        packs: manifestOf().packs.map((pack) => ({
          ...pack,
          frames: [{ offset: 0, storedBytes: 1, rawBytes: 0 }],
        })),
      },
    ],
    [
      'a frame before the pack',
      {
        ...manifestOf(),
        packs: manifestOf().packs.map((pack) => ({
          ...pack,
          frames: [{ offset: -1, storedBytes: 1, rawBytes: 1 }],
        })),
      },
    ],
    [
      'an action that it does not know',
      { ...manifestOf(), sessions: [{ ...manifestOf().sessions[0], action: 'shred' }] },
    ],
    ['a row that is no object', { ...manifestOf(), sessions: [{ ...manifestOf().sessions[0], row: ['x'] }] }],
    ['a date without a zone', { ...manifestOf(), createdAt: '2026-11-21 09:00' }],
  ])('that is %s is refused', (_what, value) => {
    expect(() => decoded(value)).toThrowError(invalid);
  });
});

describe('a file name in a manifest', () => {
  it.each(['a', '.hidden.jsonl', 'x'.repeat(255), 'ü🙂.jsonl', '-rf', 'a..b', '...', 'session.json'])(
    '%j is accepted',
    (name) => {
      expect(decoded(withFile({ name })).sessions[0]?.files[0]?.name).toBe(name);
    },
  );

  it.each([
    '',
    '.',
    '..',
    '../x',
    '../../etc/passwd',
    '/abs',
    'a/b',
    'a\\b',
    '..\\x',
    'a\0b',
    'a.jsonl/',
    'sessions.json',
    'sessions.json.bak.1',
    'sessions.json.1.tmp',
    'x'.repeat(256),
  ])('%j is refused', (name) => {
    expect(() => decoded(withFile({ name }))).toThrowError(invalid);
  });
});

describe('a file in a manifest', () => {
  it.each([
    ['a negative size', { size: -1 }],
    ['a size of half a byte', { size: 0.5 }],
    ['a size beyond exact numbers', { size: 2 ** 60 }],
    ['a size as text', { size: '5' }],
    ['a short hash', { sha256: 'abc' }],
    ['a hash in capitals', { sha256: 'A'.repeat(64) }],
    ['a mode with a file type', { mode: 0o100600 }],
    ['a kind that is not archived', { kind: 'store' }],
    ['a place in a negative frame', { place: { frame: -1, offset: 0 } }],
    ['no place at all', { place: undefined }],
    ['no time', { mtimeMs: null }],
  ])('with %s is refused', (_what, changes) => {
    expect(() => decoded(withFile(changes))).toThrowError(invalid);
  });
});
