import { execFileSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  FRAME_BYTES,
  type LayoutFile,
  layoutFrames,
  MAX_FRAME_BYTES,
  TRANSCRIPT_FRAME_BYTES,
} from '../../src/packs/frame-layout.ts';
import { tarHeader, tarPadding } from '../../src/packs/tar-entry.ts';
import { randomBytes } from '../conformance/codec.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const MTIME_MS = Date.parse('2026-11-01T12:34:56.000Z');

function fileOf(path: string, size: number, isTranscript = false): LayoutFile {
  return { path, size, mode: 0o600, mtimeMs: MTIME_MS, isTranscript };
}

const HEADER = tarHeader(fileOf('main/a', 0)).length;

/** The raw bytes of every frame, filled from the files' contents. */
function rawFrames(files: readonly LayoutFile[], contents: readonly Uint8Array[]): Buffer[] {
  return layoutFrames(files).frames.map(({ pieces }) =>
    Buffer.concat(
      pieces.map((piece) =>
        piece.kind === 'bytes'
          ? piece.bytes
          : (contents[piece.file] as Uint8Array).subarray(piece.offset, piece.offset + piece.length),
      ),
    ),
  );
}

const NAMES = [
  'main/plain.jsonl',
  `main/${'n'.repeat(249)}.jsonl`,
  `main/${'ü'.repeat(120)}.jsonl`,
  'main/日本語 🙂.jsonl',
  'main/with space and "quotes".jsonl',
  "main/'$(touch x)'.jsonl",
  'main/-dash.jsonl',
];
const SMALL_SIZES = [0, 1, 511, 512, 513, 1023, 1024, 4096, 100_000];
const EDGE_SIZES = [-1, 0, 1].flatMap((d) => [
  FRAME_BYTES + d,
  FRAME_BYTES - HEADER + d,
  TRANSCRIPT_FRAME_BYTES + d,
  TRANSCRIPT_FRAME_BYTES - HEADER + d,
]);

describe('the frames of a pack', () => {
  it('are together a tar that the system lists and extracts byte for byte, with mode and time', async () => {
    const folder = await temporaryFolder();
    const files = [
      ...NAMES.map((name, n) => fileOf(name, n * 300, n % 2 === 0)),
      ...SMALL_SIZES.map((size) => fileOf(`main/${size}`, size)),
    ];
    const contents = files.map(({ size }, n) => randomBytes(size, `file ${n}`));
    writeFileSync(join(folder, 'pack.tar'), Buffer.concat(rawFrames(files, contents)));
    const env = { ...process.env, LC_ALL: 'C.UTF-8' };
    const listed = execFileSync('tar', ['--quoting-style=literal', '-tf', 'pack.tar'], {
      cwd: folder,
      env,
      encoding: 'utf8',
    });
    expect(listed.trimEnd().split('\n')).toEqual(files.map(({ path }) => path));
    execFileSync('tar', ['-xpf', 'pack.tar'], { cwd: folder, env });
    for (const [n, { path }] of files.entries()) {
      expect(readFileSync(join(folder, path)).equals(contents[n] as Buffer), path).toBe(true);
      const { mode, mtimeMs } = statSync(join(folder, path));
      expect([mode & 0o7777, mtimeMs]).toEqual([0o600, MTIME_MS]);
    }
  });

  it.each(EDGE_SIZES)('hold a file of %i bytes whole, in its place', (size) => {
    for (const isTranscript of [false, true]) {
      const files = [
        fileOf('main/before', 100),
        fileOf('main/a', size, isTranscript),
        fileOf('main/after', 1),
      ];
      const { frames, places, rawBytes } = layoutFrames(files);
      expect(rawBytes).toBe(
        files.reduce((sum, file) => sum + HEADER + file.size + tarPadding(file.size), 0) + 1024,
      );
      for (const [n, file] of files.entries()) {
        const pieces = frames.flatMap(({ pieces: all }, frame) =>
          all.flatMap((piece) => (piece.kind === 'file' && piece.file === n ? [{ frame, ...piece }] : [])),
        );
        expect(
          pieces.reduce((end, piece) => (piece.offset === end ? end + piece.length : Number.NaN), 0),
        ).toBe(file.size);
        expect(pieces[0]?.frame).toBe(places[n]?.frame);
      }
    }
  });

  it.each([...SMALL_SIZES, ...EDGE_SIZES, 3 * FRAME_BYTES + 77])(
    'of a file of %i bytes stay below the limit',
    (size) => {
      for (const isTranscript of [false, true]) {
        const { frames } = layoutFrames([
          fileOf('main/x', 513),
          fileOf('main/a', size, isTranscript),
          fileOf('main/b', 0),
        ]);
        for (const frame of frames) {
          expect(frame.rawBytes).toBeGreaterThan(0);
          expect(frame.rawBytes).toBeLessThanOrEqual(MAX_FRAME_BYTES);
          expect(frame.rawBytes).toBe(
            frame.pieces.reduce(
              (sum, piece) => sum + (piece.kind === 'bytes' ? piece.bytes.length : piece.length),
              0,
            ),
          );
        }
      }
    },
  );

  it('put transcripts into frames of their own, and let the others share', () => {
    const files = [
      fileOf('main/t1', 10, true),
      fileOf('main/x1', 10),
      fileOf('main/t2', 0, true),
      fileOf('main/x2', 10),
      fileOf('main/x3', 10),
      fileOf('main/t3', TRANSCRIPT_FRAME_BYTES * 2, true),
    ];
    const { frames, places } = layoutFrames(files);
    for (const [n, file] of files.entries()) {
      if (!file.isTranscript) continue;
      const mine = frames.filter(({ pieces }) =>
        pieces.some((piece) => piece.kind === 'file' && piece.file === n),
      );
      for (const { pieces } of mine)
        expect(pieces.filter((piece) => piece.kind === 'file' && piece.file !== n)).toEqual([]);
    }
    expect(places[3]?.frame).toBe(places[4]?.frame);
    expect(
      new Set([places[0]?.frame, places[1]?.frame, places[2]?.frame, places[3]?.frame, places[5]?.frame])
        .size,
    ).toBe(5);
  });

  it('place every file where its bytes begin, an empty one where they would', () => {
    const files = [fileOf('main/a', 5), fileOf('main/b', 0), fileOf('main/c', 5)];
    expect(layoutFrames(files).places).toEqual([
      { frame: 0, offset: HEADER },
      { frame: 0, offset: HEADER + 512 + HEADER },
      { frame: 0, offset: HEADER + 512 + HEADER + HEADER },
    ]);
  });

  it('of no file are none', () => {
    expect(layoutFrames([])).toEqual({ frames: [], rawBytes: 0, places: [] });
  });
});
