import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Codec } from '../../src/codec/codec.ts';
import { openCodec } from '../../src/codec/open.ts';
import { randomBytes, repetitiveBytes, SIZES, sha256 } from '../conformance/codec.ts';

const MIB = 1024 * 1024;
const hasZstdCommand = spawnSync('zstd', ['--version']).status === 0;

let node: Codec;
let wasm: Codec;
beforeAll(async () => {
  node = await openCodec('node');
  wasm = await openCodec('wasm');
});

describe('opening an engine', () => {
  it('takes the one that the config names', () => {
    expect([node.engine, wasm.engine]).toEqual(['node', 'wasm']);
  });

  it('takes the engine of this Node by itself, as this Node has one', async () => {
    expect((await openCodec('auto')).engine).toBe('node');
  });
});

describe('each engine reads what the other wrote', () => {
  it.each(SIZES)('%i bytes', (size) => {
    for (const raw of [randomBytes(size), repetitiveBytes(size)]) {
      expect(sha256(wasm.decompress(node.compress(raw, 3), size))).toBe(sha256(raw));
      expect(sha256(node.decompress(wasm.compress(raw, 3), size))).toBe(sha256(raw));
    }
  });

  it('at the highest levels, whose own windows the wasm heap could not hold', () => {
    const raw = Buffer.concat([randomBytes(MIB), repetitiveBytes(14 * MIB), randomBytes(MIB)]);
    for (const level of [9, 12, 16]) {
      expect(sha256(wasm.decompress(node.compress(raw, level), raw.length)), `${level}`).toBe(sha256(raw));
    }
    const small = raw.subarray(0, 2 * MIB);
    expect(sha256(wasm.decompress(node.compress(small, 19), small.length))).toBe(sha256(small));
    expect(sha256(node.decompress(wasm.compress(small, 9), small.length))).toBe(sha256(small));
  });
});

describe.skipIf(!hasZstdCommand)('the zstd command reads what the engines wrote', () => {
  it.each(SIZES)('one frame of %i bytes', (size) => {
    for (const raw of [randomBytes(size), repetitiveBytes(size)]) {
      for (const codec of [node, wasm]) expect(sha256(zstd(codec.compress(raw, 3)))).toBe(sha256(raw));
    }
  });

  it('frames of both behind each other, as a pack holds them', () => {
    const parts = [repetitiveBytes(MIB), Buffer.alloc(0), randomBytes(1000), repetitiveBytes(5 * MIB)];
    const frames = parts.flatMap((raw) => [node.compress(raw, 3), wasm.compress(raw, 3)]);
    const content = Buffer.concat(parts.flatMap((raw) => [raw, raw]));
    expect(sha256(zstd(Buffer.concat(frames)))).toBe(sha256(content));
  });
});

function zstd(input: Uint8Array): Buffer {
  const result = spawnSync('zstd', ['-d', '-c'], { input, maxBuffer: 64 * MIB });
  expect(result.stderr.toString()).toBe('');
  return result.stdout;
}
