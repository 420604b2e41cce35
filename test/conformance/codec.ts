import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Codec } from '../../src/codec/codec.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const MAX_BLOCK_BYTES = 128 * KIB;

export const SIZES = [0, 1, 64 * KIB, MIB - 1, MIB, MIB + 1, 8 * MIB, 16 * MIB];

/** The same incompressible bytes on every machine. */
export function randomBytes(size: number, seed = 'clawback'): Buffer {
  return createHash('shake256', { outputLength: size }).update(seed).digest();
}

/** A transcript's shape: the same words again and again, an id in between. */
export function repetitiveBytes(size: number): Buffer {
  const record = '{"type":"message","message":{"role":"user","content":[{"type":"text","text":"hello"}]}}\n';
  const records = [...randomBytes(2 * KIB)].map((byte) => `${byte}${record}`).join('');
  return Buffer.alloc(size, records);
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** A frame of `blocks` × 128 KiB zeros at 4 bytes a block, written by hand as no engine would. */
export function bomb(blocks: number): Buffer {
  const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0x58]);
  const block = Buffer.alloc(4);
  block.writeUIntLE((MAX_BLOCK_BYTES << 3) | 0b010, 0, 3);
  const last = Buffer.from(block);
  last.writeUInt8(last.readUInt8(0) | 1, 0);
  return Buffer.concat([header, Buffer.alloc((blocks - 1) * 4, block), last]);
}

/** What every engine must do. */
export function describeCodec(name: string, open: () => Codec | Promise<Codec>): void {
  describe(`codec ${name}`, () => {
    let codec: Codec;
    beforeAll(async () => {
      codec = await open();
    });

    describe.each([
      ['random', randomBytes],
      ['repetitive', repetitiveBytes],
    ])('%s bytes', (_kind, make) => {
      it.each(SIZES)('come back equal: %i of them', (size) => {
        const raw = make(size);
        const frame = codec.compress(raw, 3);
        expect(sha256(codec.decompress(frame, size))).toBe(sha256(raw));
      });
    });

    it('leaves the bytes that it was given as they were', () => {
      const raw = repetitiveBytes(MIB);
      const frame = codec.compress(raw, 3);
      const [rawHash, frameHash] = [sha256(raw), sha256(frame)];
      codec.decompress(frame, raw.length);
      expect([sha256(raw), sha256(frame)]).toEqual([rawHash, frameHash]);
    });

    it('reads and writes in the middle of a larger buffer', () => {
      const around = Buffer.concat([randomBytes(1000), repetitiveBytes(5000), randomBytes(1000)]);
      const frame = codec.compress(around.subarray(1000, 6000), 3);
      const padded = Buffer.concat([randomBytes(77), frame, randomBytes(77)]);
      const content = codec.decompress(padded.subarray(77, 77 + frame.length), 5000);
      expect(sha256(content)).toBe(sha256(repetitiveBytes(5000)));
    });

    it('compresses 200 times in a row as well as the first time', () => {
      const raw = repetitiveBytes(MIB);
      const first = sha256(codec.compress(raw, 3));
      for (let run = 0; run < 200; run++) expect(sha256(codec.compress(raw, 3))).toBe(first);
    });

    it('has every level from its lowest to its highest', () => {
      const raw = repetitiveBytes(256 * KIB);
      for (let level = codec.minLevel; level <= codec.maxLevel; level++) {
        const frame = codec.compress(raw, level);
        expect(sha256(codec.decompress(frame, raw.length)), `level ${level}`).toBe(sha256(raw));
      }
    });

    it('refuses a level outside of them, and says which there are', () => {
      for (const level of [codec.minLevel - 1, codec.maxLevel + 1, 3.5, Number.NaN]) {
        expect(() => codec.compress(Buffer.from('x'), level)).toThrow(
          expect.objectContaining({
            code: 'config-invalid',
            hint: expect.stringContaining(`${codec.minLevel} to ${codec.maxLevel}`),
          }),
        );
      }
    });

    it('refuses content of one byte more than allowed', () => {
      for (const raw of [repetitiveBytes(1), repetitiveBytes(MIB), randomBytes(MIB)]) {
        const frame = codec.compress(raw, 3);
        expect(() => codec.decompress(frame, raw.length - 1)).toThrow(
          expect.objectContaining({ code: 'frame-corrupt', message: expect.stringContaining('more than') }),
        );
      }
    });

    it('stops a bomb of 1 GiB where the content should have ended', () => {
      const frame = bomb(8 * KIB);
      const peakKibBefore = process.resourceUsage().maxRSS;
      expect(() => codec.decompress(frame, 2 * MIB)).toThrow(
        expect.objectContaining({ code: 'frame-corrupt' }),
      );
      expect(process.resourceUsage().maxRSS - peakKibBefore).toBeLessThan(400 * KIB);
    });

    it('decodes an unusual but honest frame, and goes on after a bomb', () => {
      const content = codec.decompress(bomb(16), 2 * MIB);
      expect(sha256(content)).toBe(sha256(Buffer.alloc(2 * MIB)));
    });

    it('refuses a frame cut short at any point', () => {
      const frame = codec.compress(repetitiveBytes(300 * KIB), 3);
      for (let length = 0; length < frame.length; length += Math.ceil(frame.length / 500)) {
        expect(() => codec.decompress(frame.subarray(0, length), MIB), `${length} bytes`).toThrow(
          expect.objectContaining({ code: 'frame-corrupt', message: expect.stringContaining('cut short') }),
        );
      }
      expect(() => codec.decompress(frame.subarray(0, -1), MIB)).toThrow(
        expect.objectContaining({ code: 'frame-corrupt' }),
      );
    });

    it('refuses a frame with anything behind it, another frame too', () => {
      const frame = codec.compress(repetitiveBytes(64 * KIB), 3);
      for (const tail of [Buffer.from([0]), Buffer.from('xyz'), frame]) {
        expect(() => codec.decompress(Buffer.concat([frame, tail]), MIB)).toThrow(
          expect.objectContaining({ code: 'frame-corrupt', message: expect.stringContaining('follow') }),
        );
      }
    });

    it('refuses what is not a frame, and a window above 8 MiB', () => {
      const hugeWindow = Buffer.from(bomb(16));
      hugeWindow.writeUInt8(0xff, 5);
      for (const frame of [Buffer.from('hello hello hello'), Buffer.alloc(100), hugeWindow]) {
        expect(() => codec.decompress(frame, 2 * MIB)).toThrow(
          expect.objectContaining({ code: 'frame-corrupt' }),
        );
      }
    });

    it('notices a flipped bit, or leaves it to the SHA-256 to notice, and works on', () => {
      const raw = Buffer.concat([repetitiveBytes(20 * KIB), randomBytes(4 * KIB)]);
      const frame = codec.compress(raw, 3);
      let noticed = 0;
      const flips = Math.min(600, frame.length * 8);
      for (let flip = 0; flip < flips; flip++) {
        const bit = Math.floor((flip * frame.length * 8) / flips);
        const damaged = Buffer.from(frame);
        damaged.writeUInt8(damaged.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        try {
          expect(codec.decompress(damaged, raw.length).length).toBeLessThanOrEqual(raw.length);
        } catch (error) {
          expect(error).toMatchObject({ code: 'frame-corrupt' });
          noticed++;
        }
      }
      expect(noticed).toBeGreaterThan(0);
      expect(sha256(codec.decompress(frame, raw.length))).toBe(sha256(raw));
    });

    it('keeps content out of its error messages', () => {
      const frame = codec.compress(Buffer.from('the secret word'), 3);
      const damaged = Buffer.concat([frame, Buffer.from('another secret')]);
      expect(() => codec.decompress(damaged, 100)).toThrow(/^decode a frame of \d+ bytes: 14 bytes follow/);
    });
  });
}
