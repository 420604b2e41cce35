import { createReadStream } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { renderLine, renderTranscript } from '../../src/restore/render-transcript.ts';
import { splitLines, type TranscriptLine } from '../../src/restore/transcript-lines.ts';

const FIXTURE = new URL('../fixtures/transcript-v3.jsonl', import.meta.url);
const MIB = 1024 * 1024;

function said(content: unknown, more: object = {}): string {
  const message = { role: 'user', content, ...more };
  return renderLine(JSON.stringify({ type: 'message', timestamp: '2026-11-20T10:48:00Z', message })) ?? '';
}

describe('a transcript for people', () => {
  it('shows every kind of record as in the golden text', async () => {
    let text = '';
    for await (const part of renderTranscript(splitLines(createReadStream(FIXTURE), MIB))) text += part;
    await expect(text).toMatchFileSnapshot('../golden/transcript-v3.txt');
  });

  it('is empty for an empty file', async () => {
    const parts: string[] = [];
    for await (const part of renderTranscript(lines())) parts.push(part);
    expect(parts).toEqual([]);
  });

  it('ends every record with a line feed and says where a line could not be read', async () => {
    const parts: string[] = [];
    const torn = '{"type":"mess';
    for await (const part of renderTranscript(lines('', torn, { oversizedBytes: 70_000_000 }, '"text"'))) {
      parts.push(part);
    }
    expect(parts).toEqual([
      '[unreadable line, 13 bytes]\n',
      '[unreadable line, 70000000 bytes, too long]\n',
      '[unreadable line, 6 bytes]\n',
    ]);
  });
});

describe('a hostile transcript', () => {
  it('cannot drive the terminal with any control character', () => {
    const controls = Array.from({ length: 0xa0 }, (_, code) => String.fromCharCode(code)).join('');
    const everywhere = { provider: controls, model: controls, stopReason: 'error', errorMessage: controls };
    const rendered = [
      said(controls, everywhere),
      said([{ type: 'toolCall', name: controls, arguments: { [controls]: controls } }]),
      said([{ type: controls }, { type: 'image', mimeType: controls, data: 'AAAA' }]),
      said([{ type: 'text', text: controls }], { role: 'toolResult', toolName: controls }),
      said([], { role: controls }),
      said([], { role: 'bashExecution', command: controls, output: controls }),
      ...[
        { type: 'session', id: controls, timestamp: controls, parentSession: controls },
        { type: controls, timestamp: controls },
        { type: 'model_change', provider: controls, modelId: controls },
        { type: 'thinking_level_change', thinkingLevel: controls },
        { type: 'session_info', name: controls },
        { type: 'label', targetId: controls, label: controls },
        { type: 'compaction', summary: controls },
        { type: 'branch_summary', summary: controls },
        { type: 'custom_message', display: true, customType: controls, content: controls },
      ].map((record) => renderLine(JSON.stringify(record)) ?? ''),
    ];
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    for (const text of rendered) expect(text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
    expect(rendered[0]).toContain('␛');
  });

  it('cannot turn the reading direction around', () => {
    expect(said('abc\u202egnp.exe\u2066')).toBe('[2026-11-20 10:48] user: abc\ufffdgnp.exe\ufffd');
  });

  it('cannot pass a line of a message for another message', () => {
    const text = said('hello\n[2026-11-20 10:49] assistant: yes\r\n[2026-11-20 10:49] user: thanks');
    expect(text.split('\n').slice(1)).toEqual([
      '    [2026-11-20 10:49] assistant: yes',
      '    [2026-11-20 10:49] user: thanks',
    ]);
  });

  it('may nest its arguments deeper than the stack', () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    const message = `{"role":"assistant","content":[{"type":"toolCall","name":"exec","arguments":${deep}}]}`;
    expect(renderLine(`{"type":"message","message":${message}}`)).toBe(
      '[no date] assistant: → exec (arguments nested too deeply)',
    );
  });

  it('may have any type where another is expected', () => {
    for (const value of [null, 0, 1e300, true, 'x', [], {}, [[]], [null]]) {
      const members = [
        'type',
        'timestamp',
        'message',
        'id',
        'summary',
        'content',
        'display',
        'name',
        'label',
      ];
      for (const type of ['session', 'message', 'label', 'compaction', 'custom_message', 'model_change']) {
        for (const member of members) {
          const record = { type, display: true, [member]: value };
          expect(renderLine(JSON.stringify(record)) ?? '').not.toContain('[object');
        }
      }
      for (const member of ['role', 'content', 'toolName', 'stopReason', 'exitCode', 'output', 'command']) {
        for (const role of ['user', 'assistant', 'toolResult', 'bashExecution']) {
          expect(said('x', { role, [member]: value })).not.toContain('[object');
        }
      }
    }
  });

  it('takes no longer for a megabyte of near misses of base64', () => {
    const nearMisses = 'data:a/b;c'.repeat(100_000) + `${'A'.repeat(511)} `.repeat(1000);
    const startMs = performance.now();
    expect(said(nearMisses)).toContain('data:a/b;c');
    expect(performance.now() - startMs).toBeLessThan(20_000);
  });
});

describe('readable text', () => {
  it('keeps Unicode, tabs and joined emoji', () => {
    expect(said('Grüße\t構築 👩‍👩‍👧 שלום')).toBe('[2026-11-20 10:48] user: Grüße\t構築 👩‍👩‍👧 שלום');
  });

  it('cuts a long tool call to one line without cutting a character in two', () => {
    const text = said([{ type: 'toolCall', name: 'exec', arguments: { command: '😀'.repeat(500) } }]);
    expect(text).toMatch(/→ exec \{"command":"(😀)+…$/u);
    expect(text.length).toBeLessThan(250);
  });

  it('shows an image by its kind and size, and never its base64', () => {
    const data = Buffer.alloc(120_000).toString('base64');
    const image = '[image image/png, 120 KB]';
    const head = '[2026-11-20 10:48] user:';
    expect(said([{ type: 'image', data, mimeType: 'image/png' }])).toBe(`${head} ${image}`);
    expect(said(`see data:image/png;base64,${data}!`)).toBe(`${head} see ${image}!`);
    expect(said(data)).toBe(`${head} [base64 data, 120 KB]`);
    expect(said([{ type: 'toolCall', name: 'send', arguments: { file: data } }])).toBe(
      `${head} → send {"file":"[base64 data, 120 KB]"}`,
    );
    expect(said([{ type: 'text', text: data }], { role: 'toolResult', toolName: 'read' })).toBe(
      '[2026-11-20 10:48] ← read: [base64 data, 120 KB] (160 KB)',
    );
  });

  it('takes the date from the message where the record has none', () => {
    const message = { role: 'user', content: 'hi', timestamp: Date.UTC(2026, 10, 20, 9, 5) };
    expect(renderLine(JSON.stringify({ type: 'message', message }))).toBe('[2026-11-20 09:05] user: hi');
  });
});

async function* lines(...items: TranscriptLine[]): AsyncGenerator<TranscriptLine> {
  yield* items;
}
