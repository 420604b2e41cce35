/** What a match may need to its left: an escape like `\u003c`, and a little more. */
const BEFORE = 8;
/** And to its right: a decimal point with a digit. */
const AFTER = 2;

/**
 * In how many lines the id of a user stands as a word of its own: also in a mention, in what a channel tells of a
 * sender, in JSON within JSON, in a line that is no JSON. Holds one chunk at a time, however long a line is.
 */
export async function countLinesNaming(chunks: AsyncIterable<Uint8Array>, subject: string): Promise<number> {
  const decoder = new TextDecoder();
  const lines = new LinesNaming(subject);
  for await (const chunk of chunks) lines.add(decoder.decode(chunk, { stream: true }), false);
  lines.add(decoder.decode(), true);
  return lines.count;
}

class LinesNaming {
  count = 0;
  readonly #anywhere: RegExp;
  /** What follows is not known yet where the text ends for now. */
  readonly #before: RegExp;
  readonly #keep: number;
  #kept = '';
  /** What is new begins here in `#kept`; before it everything has been looked at. */
  #from = 0;
  /** The line that goes on has been counted. */
  #isCounted = false;

  constructor(subject: string) {
    const pattern = wordPattern(subject);
    this.#anywhere = new RegExp(pattern, 'giu');
    this.#before = new RegExp(`${pattern}(?=[^]{${AFTER}})`, 'giu');
    this.#keep = subject.length + AFTER + BEFORE;
  }

  add(more: string, isLast: boolean): void {
    const text = this.#kept + more;
    const pattern = isLast ? this.#anywhere : this.#before;
    let at = this.#from;
    if (this.#isCounted) {
      const end = text.indexOf('\n', at);
      this.#isCounted = end === -1;
      at = end;
    }
    while (at !== -1) {
      pattern.lastIndex = at;
      const found = pattern.exec(text);
      if (found === null) break;
      this.count += 1;
      at = text.indexOf('\n', found.index);
      this.#isCounted = at === -1;
    }
    this.#kept = text.slice(-this.#keep);
    this.#from = this.#kept.length < text.length ? BEFORE : 0;
    // A line end among what is kept has been passed already.
    if (this.#isCounted) this.#from = this.#kept.length;
    else if (at > 0) this.#from = Math.max(this.#from, at - (text.length - this.#kept.length));
  }
}

/**
 * Letters, digits and `_` continue a word, but for the letters of an escape (`\nU123`); a number is not a part of another
 * that has a fraction. More generous than in keys: whoever reads a list finds what is too much, not what is missing.
 */
function wordPattern(subject: string): string {
  const escaped = String.raw`(?<=\\[bfnrt]|\\u[0-9a-f]{4})`;
  const start = String.raw`(?:(?<![\p{L}\p{N}_])(?<!\p{N}\.)|${escaped})`;
  return String.raw`${start}${literally(subject)}(?![\p{L}\p{N}_])(?!\.\p{N})`;
}

/** For a pattern with the flag `u`. */
export function literally(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
