import { describe, expect, it } from 'vitest';
import { hasZstd, nodeCodec } from '../../src/codec/node-zlib.ts';
import { describeCodec, randomBytes, repetitiveBytes, sha256 } from '../conformance/codec.ts';

describeCodec('node', () => nodeCodec());

describe('the node engine', () => {
  it('writes content size and checksum, with a window of 8 MiB', () => {
    const frame = nodeCodec().compress(repetitiveBytes(16 * 1024 * 1024), 3);
    const [sizeOf4BytesAndChecksum, windowOf23Bits] = [0b1000_0100, (23 - 10) << 3];
    expect([...frame.subarray(4, 6)]).toEqual([sizeOf4BytesAndChecksum, windowOf23Bits]);
    expect(Buffer.from(frame).readUInt32LE(6)).toBe(16 * 1024 * 1024);
  });

  it('never takes a frame with a flipped bit for other content', () => {
    const raw = Buffer.concat([repetitiveBytes(3000), randomBytes(300)]);
    const frame = nodeCodec().compress(raw, 3);
    for (let bit = 0; bit < frame.length * 8; bit++) {
      const damaged = Buffer.from(frame);
      damaged.writeUInt8(damaged.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      try {
        // Only a bit that means nothing, such as the unused one of the header, is not noticed.
        expect(sha256(nodeCodec().decompress(damaged, raw.length)), `bit ${bit}`).toBe(sha256(raw));
      } catch (error) {
        expect(error).toMatchObject({ code: 'frame-corrupt' });
      }
    }
  });

  it('is not there on a Node without zstd, and says what to do', () => {
    expect(hasZstd({})).toBe(false);
    expect(() => nodeCodec({})).toThrow(
      expect.objectContaining({
        code: 'engine-unavailable',
        message: `open the node engine: Node ${process.version} has no zstd`,
        hint: expect.stringContaining('22.15'),
      }),
    );
  });
});
