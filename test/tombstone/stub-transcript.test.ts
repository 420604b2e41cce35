import { readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { removeOwnStub, stubTranscript, writeStub } from '../../src/tombstone/stub-transcript.ts';
import { entryOf } from '../support/sessions.ts';
import { NOW_MS } from '../support/snapshot.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const ENTRY = entryOf({ tombstone: { sessionId: 'new', updatedAt: 0, sessionFile: 'new.jsonl' } });
const TEXT = stubTranscript({
  sessionId: 'new',
  archiveId: ENTRY.archiveId,
  lastActivityMs: ENTRY.lastActivityMs,
});

describe('a stub transcript', () => {
  const [header, message, ...rest] = TEXT.split('\n');

  it('is a version 3 header and one message, each on a line', () => {
    expect(JSON.parse(header ?? '')).toMatchObject({ type: 'session', version: 3, id: 'new' });
    expect(JSON.parse(message ?? '')).toMatchObject({
      type: 'message',
      parentId: null,
      message: { role: 'user' },
    });
    expect(rest).toEqual(['']);
  });

  it('tells people where the conversation is', () => {
    expect(message).toContain(ENTRY.archiveId);
  });

  it('bears the date of the last activity, so that a daily reset starts afresh as it would have', () => {
    expect(JSON.parse(header ?? '').timestamp).toBe(new Date(NOW_MS - 1000).toISOString());
    expect(stubTranscript({ sessionId: 'x', archiveId: 'y', lastActivityMs: null })).toContain(
      '1970-01-01T00:00:00.000Z',
    );
  });

  it('is the same whenever it is made', () => {
    expect(
      stubTranscript({ sessionId: 'new', archiveId: ENTRY.archiveId, lastActivityMs: NOW_MS - 1000 }),
    ).toBe(TEXT);
  });
});

describe('writing the stub', () => {
  it('makes a file that only its owner can read', async () => {
    const folder = await temporaryFolder();
    await writeStub(folder, ENTRY);
    expect(await readFile(join(folder, 'new.jsonl'), 'utf8')).toBe(TEXT);
    expect((await stat(join(folder, 'new.jsonl'))).mode & 0o777).toBe(0o600);
  });

  it.each([0, 1, 40, TEXT.length])(
    'finishes what a run that died after %i bytes has begun',
    async (length) => {
      const folder = await temporaryFolder();
      await writeFile(join(folder, 'new.jsonl'), TEXT.slice(0, length));
      await writeStub(folder, ENTRY);
      expect(await readFile(join(folder, 'new.jsonl'), 'utf8')).toBe(TEXT);
    },
  );

  it.each([
    ['another file', 'somebody else'],
    ['a stub that was written on', `${TEXT}{"type":"message"}\n`],
  ])('never touches %s of that name', async (_what, content) => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'new.jsonl'), content);
    await expect(writeStub(folder, ENTRY)).rejects.toMatchObject({ code: 'restore-conflict' });
    expect(await readFile(join(folder, 'new.jsonl'), 'utf8')).toBe(content);
  });

  it('never writes through a link', async () => {
    const folder = await temporaryFolder();
    const outside = join(await temporaryFolder(), 'outside');
    await symlink(outside, join(folder, 'new.jsonl'));
    await expect(writeStub(folder, ENTRY)).rejects.toThrow();
    await expect(stat(outside)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it.each([['../new.jsonl'], ['/tmp/new.jsonl'], ['a/b.jsonl']])(
    'ignores a forged name such as %s',
    async (sessionFile) => {
      const folder = await temporaryFolder();
      await writeStub(folder, entryOf({ tombstone: { sessionId: 'new', updatedAt: 0, sessionFile } }));
      expect(await readdir(folder)).toEqual([]);
    },
  );

  it('makes none for a tombstone without a stub, or a removed row', async () => {
    const folder = await temporaryFolder();
    await writeStub(folder, entryOf());
    await writeStub(folder, entryOf({ action: 'remove', tombstone: null }));
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('removing the stub', () => {
  it('leaves nothing, and a second time finds nothing to do', async () => {
    const folder = await temporaryFolder();
    await writeStub(folder, ENTRY);
    await removeOwnStub(folder, ENTRY);
    await removeOwnStub(folder, ENTRY);
    expect(await readdir(folder)).toEqual([]);
  });

  it('leaves a stub alone that the conversation went on in', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'new.jsonl'), `${TEXT}{"type":"message"}\n`);
    await removeOwnStub(folder, ENTRY);
    expect(await readdir(folder)).toEqual(['new.jsonl']);
  });
});
