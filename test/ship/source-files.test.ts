import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  renameSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeStats } from '../../src/scan/scan.ts';
import { SourceFault, SourceReader } from '../../src/ship/source-files.ts';
import type { SourceFile } from '../../src/ship/task.ts';
import { foldersOf, sha256, sourceOf } from '../support/sessions.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

function readAll(folder: string, source: SourceFile, between: () => void = () => {}): string {
  const reader = new SourceReader(foldersOf(folder));
  try {
    reader.begin(source, 7);
    const half = Math.floor(Number(source.identity.size) / 2);
    reader.read(Buffer.alloc(half));
    between();
    reader.read(Buffer.alloc(Number(source.identity.size) - half));
    return reader.end();
  } finally {
    reader.close();
  }
}

function faultOf(run: () => unknown): SourceFault {
  try {
    run();
  } catch (error) {
    if (error instanceof SourceFault) return error;
    throw error;
  }
  throw new Error('no fault');
}

describe('a source file', () => {
  it('is read once from front to back and hashed on the way', async () => {
    const folder = await temporaryFolder();
    expect(readAll(folder, await sourceOf(folder, 'a.jsonl', 'conversation'))).toBe(sha256('conversation'));
  });

  it('of no bytes has the hash of no bytes', async () => {
    const folder = await temporaryFolder();
    expect(readAll(folder, await sourceOf(folder, 'a.jsonl', ''))).toBe(sha256(''));
  });

  it.each<[string, string, (path: string) => void]>([
    ['grew', 'source-changed', (path) => appendFileSync(path, 'x')],
    ['shrank', 'source-changed', (path) => truncateSync(path, 2)],
    ['was rewritten', 'source-changed', (path) => writeFileSync(path, 'CONVERSATION')],
    ['is gone', 'source-changed', (path) => renameSync(path, `${path}.gone`)],
    [
      'became a folder',
      'source-changed',
      (path) => {
        renameSync(path, `${path}.gone`);
        mkdirSync(path);
      },
    ],
    [
      'became a link',
      'source-unreadable',
      (path) => {
        renameSync(path, `${path}.real`);
        symlinkSync(`${path}.real`, path);
      },
    ],
    [
      'became a pipe',
      'source-changed',
      (path) => {
        renameSync(path, `${path}.gone`);
        execFileSync('mkfifo', [path]);
      },
    ],
  ])('that %s since the plan is a fault of its session', async (_what, code, happen) => {
    const folder = await temporaryFolder();
    const source = await sourceOf(folder, 'a.jsonl', 'conversation');
    happen(join(folder, 'a.jsonl'));
    const fault = faultOf(() => readAll(folder, source));
    expect([fault.session, fault.reason.code]).toEqual([7, code]);
    expect(fault.reason.message).toMatch(/^archive a\.jsonl: /);
  });

  it.each<[string, (path: string) => void]>([
    ['grows', (path) => appendFileSync(path, 'x')],
    ['shrinks', (path) => truncateSync(path, 7)],
    ['is rewritten', (path) => writeFileSync(path, 'CONVERSATION')],
  ])('that %s while it is read is a fault too', async (_what, happen) => {
    const folder = await temporaryFolder();
    const source = await sourceOf(folder, 'a.jsonl', 'conversation');
    const fault = faultOf(() => readAll(folder, source, () => happen(join(folder, 'a.jsonl'))));
    expect(fault.reason.code).toBe('source-changed');
  });

  it('can only be read while it is open', () => {
    expect(() => new SourceReader(foldersOf('/nowhere')).read(Buffer.alloc(1))).toThrow('none is open');
  });

  it.skipIf(process.platform !== 'linux')(
    'that the disk will not give back costs its session, not the batch',
    () => {
      // The first page of our own memory is a file whose reading is an input/output error.
      const held = openSync('/proc/self/mem', 'r');
      const reader = new SourceReader(foldersOf('/proc/self'));
      try {
        const { identity } = describeStats(fstatSync(held, { bigint: true }));
        reader.begin({ kind: 'transcript', name: 'mem', identity } as SourceFile, 7);
        const { session, reason } = faultOf(() => reader.read(Buffer.alloc(10)));
        expect(session).toBe(7);
        expect(reason).toMatchObject({
          code: 'source-unreadable',
          message: 'archive mem: EIO: i/o error, read',
        });
      } finally {
        reader.close();
        closeSync(held);
      }
    },
  );
});
