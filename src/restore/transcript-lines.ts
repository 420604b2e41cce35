/** One line without its ending, or the size of one that was too long to hold. */
export type TranscriptLine = string | { readonly oversizedBytes: number };

const LF = 0x0a;
const CR = 0x0d;

/**
 * Splits bytes into lines, ended by LF or CRLF; a torn last line counts as one. Bytes that
 * are not UTF-8 become U+FFFD. Holds at most `maxLineBytes` of a line: of a longer one it
 * holds nothing and reports the size.
 */
export async function* splitLines(
  chunks: AsyncIterable<Uint8Array>,
  maxLineBytes: number,
): AsyncGenerator<TranscriptLine> {
  const line = new PartialLine(maxLineBytes);
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(LF); end !== -1; end = chunk.indexOf(LF, start)) {
      line.append(chunk.subarray(start, end));
      yield line.take();
      start = end + 1;
    }
    line.append(chunk.subarray(start));
  }
  if (line.bytes > 0) yield line.take();
}

class PartialLine {
  bytes = 0;
  readonly #maxBytes: number;
  #held = Buffer.alloc(0);
  #endsWithCr = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  append(part: Uint8Array): void {
    if (part.length === 0) return;
    const heldBytes = this.bytes;
    this.bytes += part.length;
    this.#endsWithCr = part.at(-1) === CR;
    if (this.bytes > this.#maxBytes) {
      this.#held = Buffer.alloc(0);
      return;
    }
    if (this.#held.length < this.bytes) this.#grow(heldBytes);
    this.#held.set(part, heldBytes);
  }

  take(): TranscriptLine {
    const bytes = this.#endsWithCr ? this.bytes - 1 : this.bytes;
    const line =
      this.bytes > this.#maxBytes ? { oversizedBytes: bytes } : this.#held.toString('utf8', 0, bytes);
    this.bytes = 0;
    this.#endsWithCr = false;
    return line;
  }

  /** Doubles, so that a line arriving byte by byte is not copied each time. */
  #grow(heldBytes: number): void {
    const room = Math.min(Math.max(this.bytes, 2 * this.#held.length), this.#maxBytes);
    const grown = Buffer.alloc(room);
    grown.set(this.#held.subarray(0, heldBytes));
    this.#held = grown;
  }
}
