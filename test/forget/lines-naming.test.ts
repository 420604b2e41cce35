import { describe, expect, test } from 'vitest';
import { countLinesNaming } from '../../src/forget/lines-naming.ts';

async function* inPieces(text: string, size: number) {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const count = (text: string, subject: string, size = 1 << 20) =>
  countLinesNaming(inPieces(text, size), subject);

/** As OpenClaw writes a message of a group: what it knows of the sender is JSON in the text. */
const message = (text: string) =>
  JSON.stringify({ type: 'message', message: { role: 'user', content: [{ type: 'text', text }] } });
const sentBy = (info: object) =>
  message(
    `Conversation info (untrusted metadata):\n\`\`\`json\n${JSON.stringify(info, null, 2)}\n\`\`\`\n\nhello`,
  );

describe('lines of a transcript that name a user', () => {
  test.each([
    ['the sender of a Slack message', sentBy({ sender_id: 'U0123ABCD', sender: 'alice' }), 'U0123ABCD'],
    ['the sender of a Telegram message', sentBy({ sender_id: '12345678' }), '12345678'],
    ['a number as JSON has it', '{"senderId":12345678}', '12345678'],
    ['one of several numbers', '{"ids":[1,12345678,2]}', '12345678'],
    ['a label', sentBy({ label: 'Alice (U0123ABCD)' }), 'u0123abcd'],
    ['a mention', message('ask <@U0123ABCD> or <@U9>'), 'U0123ABCD'],
    ['the end of a sentence', message('That was U0123ABCD.'), 'U0123ABCD'],
    ['the beginning of a line', message('Who?\nU0123ABCD'), 'U0123ABCD'],
    [
      'a line within JSON within JSON',
      message(JSON.stringify({ text: 'Who?\nU0123ABCD\tthen' })),
      'U0123ABCD',
    ],
    ['brackets as other programs write them', String.raw`{"text":"\u003cU0123ABCD\u003e"}`, 'U0123ABCD'],
    ['a mail address', message('from: alice@example.org, to: all'), 'alice@example.org'],
    ['a phone number', message('+4915112345678 joined'), '+4915112345678'],
    ['a line that is no JSON', 'torn "sender_id":"U0123ABCD', 'U0123ABCD'],
  ])('%s', async (_what, line, subject) => expect(await count(`${line}\n`, subject)).toBe(1));

  test.each([
    ['a longer id', message('U0123ABCDE and XU0123ABCD and U0123ABCD_2'), 'U0123ABCD'],
    ['another mail address', message('malice@example.org'), 'alice@example.org'],
    ['a number within another', message('1712345678.901234, 0.12345678, 12345678.5'), '12345678'],
    ['a pattern', message('u0x23'), 'u0.23'],
  ])('not %s', async (_what, line, subject) => expect(await count(`${line}\n`, subject)).toBe(0));

  test('count once each, however often they do, and the last one needs no end', async () => {
    const line = message('<@U1> <@U1> U1');
    expect(await count(`${line}\n${message('U2')}\n${line}\n\n${line}`, 'U1')).toBe(3);
  });

  test('are the same however the bytes arrive', async () => {
    const text = [
      message('Zoë 🦀 asks\nU0123ABCD'),
      message('U0123ABCDE, xU0123ABCD'),
      sentBy({ sender_id: 'U0123ABCD' }),
      message('<@U0123ABCD> twice: U0123ABCD'),
      message(JSON.stringify({ a: '\nU0123ABCD' })),
      message('1712345678.901234 U0123ABCD'),
    ].join('\n');
    for (const subject of ['U0123ABCD', '1712345678', '901234']) {
      const whole = await count(text, subject);
      for (let size = 1; size <= 40; size += 1)
        expect(await count(text, subject, size), `${subject} in pieces of ${size}`).toBe(whole);
    }
  });

  test('may be of any length', async () => {
    const image = 'QUJD'.repeat(1 << 20);
    const line = `{"data":"${image}","by":"U0123ABCD","again":"${image} U0123ABCD"}\n`;
    expect(await count(line + line, 'U0123ABCD', 1 << 18)).toBe(2);
  });
});
