import { describe, expect, it } from 'vitest';
import { splitLines, type TranscriptLine } from '../../src/restore/transcript-lines.ts';

const MIB = 1024 * 1024;

async function split(chunks: Iterable<Uint8Array>, maxLineBytes = 1000): Promise<TranscriptLine[]> {
  const lines: TranscriptLine[] = [];
  for await (const line of splitLines(stream(chunks), maxLineBytes)) lines.push(line);
  return lines;
}

describe('splitting a transcript into lines', () => {
  it('takes LF and CRLF, a torn last line, and empty lines in between', async () => {
    expect(await split([Buffer.from('one\ntwo\r\n\nthree')])).toEqual(['one', 'two', '', 'three']);
  });

  it('finds nothing in an empty file, and one empty line in a lone line feed', async () => {
    expect(await split([])).toEqual([]);
    expect(await split([Buffer.alloc(0)])).toEqual([]);
    expect(await split([Buffer.from('\n')])).toEqual(['']);
  });

  it('gives the same lines wherever the chunks end', async () => {
    const bytes = Buffer.from(`Grüße 😀\r\n\r\n${'x'.repeat(50)}\nlast\r`);
    const whole = await split([bytes], 20);
    expect(whole).toEqual(['Grüße 😀', '', { oversizedBytes: 50 }, 'last']);
    for (let size = 1; size < bytes.length; size++) {
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
        bytes.subarray(index * size, (index + 1) * size),
      );
      expect(await split(chunks, 20), `chunks of ${size}`).toEqual(whole);
    }
  });

  it('replaces what is not UTF-8 and keeps the lines around it', async () => {
    const bytes = Buffer.concat([Buffer.from('a'), Buffer.from([0xff, 0xc3]), Buffer.from('\nb\n')]);
    expect(await split([bytes])).toEqual(['a\ufffd\ufffd', 'b']);
  });

  it('holds a line of exactly the limit, and only counts a longer one', async () => {
    expect(await split([Buffer.from('12345\n123456\n1\n')], 5)).toEqual([
      '12345',
      { oversizedBytes: 6 },
      '1',
    ]);
  });

  it('counts a torn line that is too long', async () => {
    expect(await split([Buffer.from('123'), Buffer.from('456')], 5)).toEqual([{ oversizedBytes: 6 }]);
  });

  it('does not hold a line of 1 GiB', async () => {
    const peakKibBefore = process.resourceUsage().maxRSS;
    expect(await split(repeat(Buffer.alloc(MIB, 'x'), 1024), 16 * MIB)).toEqual([
      { oversizedBytes: 1024 * MIB },
    ]);
    expect(process.resourceUsage().maxRSS - peakKibBefore).toBeLessThan(200 * 1024);
  });

  it('may be given the same buffer again and again', async () => {
    const buffer = Buffer.alloc(3);
    function* refilled() {
      for (const text of ['abc', 'd\ne', 'fg\n']) {
        buffer.write(text);
        yield buffer;
      }
    }
    expect(await split(refilled())).toEqual(['abcd', 'efg']);
  });
});

async function* stream(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

function* repeat(chunk: Uint8Array, times: number): Generator<Uint8Array> {
  for (let count = 0; count < times; count++) yield chunk;
}
