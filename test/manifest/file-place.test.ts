import { describe, expect, it } from 'vitest';
import { isMedia, pathOf, placeName } from '../../src/manifest/file-place.ts';
import type { FileKind } from '../../src/manifest/manifest.ts';
import { attachmentId } from '../support/media.ts';

const FOLDERS = { sessionsDir: '/state/agents/main/sessions', mediaDir: '/state/media/outgoing' };
const RECORD = `${attachmentId(1)}.json`;

describe('a file of a session', () => {
  it.each<[FileKind, string, string, string]>([
    ['transcript', 'a.jsonl', '/state/agents/main/sessions/a.jsonl', 'a.jsonl'],
    ['reset', 'a.jsonl.reset.x', '/state/agents/main/sessions/a.jsonl.reset.x', 'a.jsonl.reset.x'],
    ['media-record', RECORD, `/state/media/outgoing/records/${RECORD}`, `media/outgoing/records/${RECORD}`],
    ['media-original', 'x.png', '/state/media/outgoing/originals/x.png', 'media/outgoing/originals/x.png'],
  ])('of kind %s lies where its kind says', (kind, name, path, place) => {
    expect(pathOf({ kind, name }, FOLDERS)).toBe(path);
    expect(placeName({ kind, name })).toBe(place);
    expect(isMedia({ kind })).toBe(place.startsWith('media/'));
  });

  it.each<[FileKind, string]>([
    ['transcript', '../x'],
    ['transcript', 'sessions.json'],
    ['media-original', '../records/x'],
    ['media-original', '..'],
    ['media-original', '/etc/passwd'],
    ['media-original', ''],
    ['media-record', '../../x.json'],
    ['media-record', 'x.json'],
    ['media-record', `${attachmentId(1)}.jsonl`],
  ])('of kind %s is never looked for under %j', (kind, name) => {
    expect(() => pathOf({ kind, name }, FOLDERS)).toThrow('not a plain file name');
  });
});
