import { describe, expect, it } from 'vitest';
import { judgeLines } from '../../src/drill/prove-file.ts';
import { readJsonLines } from '../../src/drill/read-json-lines.ts';

const HEADER = '{"type":"session","id":"s-1"}';

/** In pieces of three bytes, so that every line is cut somewhere. */
async function* inPieces(text: string): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += 3) yield bytes.subarray(at, at + 3);
}

const judge = async (text: string, isAsArchived = true, needsHeader = true) =>
  judgeLines(await readJsonLines(inPieces(text)), isAsArchived, needsHeader);

describe('the lines of a transcript', () => {
  it.each([
    ['with an end of its last line', `${HEADER}\n{"a":"ä"}\n`],
    ['without it', `${HEADER}\n{"a":1}`],
    ['with blank lines and CRLF', `${HEADER}\r\n\r\n{"a":1}\r\n  \n`],
  ])('are well %s', async (_what, text) => {
    expect(await judge(text)).toEqual({ differences: [], notes: [] });
  });

  it('that are no JSON are counted, and named by number alone', async () => {
    const { differences } = await judge(`${HEADER}\nour secret\n{"a":1}\n{"b":\n`);
    expect(differences).toEqual([{ what: 'line', text: '2 lines are no JSON, the first is line 2' }]);
  });

  it.each(['{"type":"message","id":"1"}', '{"type":"session"}', '[]', 'null', '5'])(
    'must begin with a session header, which %s is not',
    async (first) => {
      expect((await judge(`${first}\n{"a":1}\n`)).differences).toEqual([
        { what: 'header', text: 'its first line is no session header' },
      ]);
      expect((await judge(`${first}\n{"a":1}\n`, true, false)).differences).toEqual([]);
    },
  );
});

describe('a torn last line', () => {
  it('was archived so, where the bytes are the recorded ones', async () => {
    const { differences, notes } = await judge(`${HEADER}\n{"a":1}\n{"b":`);
    expect(differences).toEqual([]);
    expect(notes).toEqual(['its last line is torn: archived so, the SHA-256 is the recorded one']);
  });

  it('is a difference where they are not', async () => {
    expect((await judge(`${HEADER}\n{"b":`, false)).differences).toEqual([
      { what: 'line', text: 'its last line is torn' },
    ]);
  });

  it('excuses no other line', async () => {
    const { differences, notes } = await judge(`${HEADER}\n{"a":\n{"b":`);
    expect(differences).toEqual([{ what: 'line', text: 'a line is no JSON, the first is line 2' }]);
    expect(notes).toHaveLength(1);
  });

  it('may be the only one', async () => {
    const { differences, notes } = await judge('{"type":"sess');
    expect([differences, notes.length]).toEqual([[], 1]);
  });

  it('with an end is none: it is broken', async () => {
    expect((await judge(`${HEADER}\n{"b":\n`)).differences).toHaveLength(1);
  });
});

it('an empty transcript is odd and was archived so', async () => {
  expect(await judge('')).toEqual({
    differences: [],
    notes: [expect.stringContaining('it is empty: archived so')],
  });
});
