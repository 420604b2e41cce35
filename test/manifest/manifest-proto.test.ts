import { expect, it } from 'vitest';
import { decodeManifest, encodeManifest } from '../../src/manifest/manifest.ts';
import { rowSha256 } from '../../src/sessions/canonical-json.ts';
import { manifestOf } from '../support/manifests.ts';

it('a row comes back whole, even with a field named __proto__', () => {
  const row = JSON.parse('{"sessionId":"s","__proto__":{"x":1}}');
  const manifest = manifestOf();
  const full = {
    ...manifest,
    sessions: manifest.sessions.map((session) => ({ ...session, row, rowSha256: rowSha256(row) })),
  };
  expect(rowSha256(decodeManifest(encodeManifest(full), 'k').sessions[0]?.row)).toBe(rowSha256(row));
});
