import { describe, expect, it } from 'vitest';
import { loadWasmCodec } from '../../src/codec/wasm.ts';
import { bomb, describeCodec, randomBytes, repetitiveBytes, sha256 } from '../conformance/codec.ts';

describeCodec('wasm', loadWasmCodec);

const MIB = 1024 * 1024;

describe('the wasm engine', () => {
  it('writes neither content size nor checksum', async () => {
    const frame = (await loadWasmCodec()).compress(repetitiveBytes(MIB), 3);
    expect(frame[4]).toBe(0);
  });

  it('can return other bytes of the right length for a flipped bit, so that the SHA-256 decides', async () => {
    const codec = await loadWasmCodec();
    const raw = randomBytes(1000);
    const frame = Buffer.from(codec.compress(raw, 3));
    frame.writeUInt8(frame.readUInt8(500) ^ 1, 500);
    const content = codec.decompress(frame, raw.length);
    expect(content.length).toBe(raw.length);
    expect(sha256(content)).not.toBe(sha256(raw));
  });

  it('keeps room in its heap for the largest tables and windows in turn', async () => {
    const codec = await loadWasmCodec();
    const raw = Buffer.concat([randomBytes(4 * MIB), repetitiveBytes(4 * MIB)]);
    for (let turn = 0; turn < 5; turn++) {
      const frame = codec.compress(raw, codec.maxLevel);
      expect(sha256(codec.decompress(frame, raw.length))).toBe(sha256(raw));
      expect(() => codec.decompress(bomb(1000), MIB)).toThrow(
        expect.objectContaining({ code: 'frame-corrupt' }),
      );
    }
  });

  it('works in several copies side by side', async () => {
    const [one, other] = await Promise.all([loadWasmCodec(), loadWasmCodec()]);
    const raw = repetitiveBytes(MIB);
    expect(sha256(other.decompress(one.compress(raw, 3), raw.length))).toBe(sha256(raw));
  });
});
