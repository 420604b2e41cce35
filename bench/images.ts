import { appendFileSync, readdirSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { createRandom } from '../src/demo/random.ts';

/** Base64 characters for every byte of a conversation: with them a real store compresses about six to one. */
const IMAGE_SHARE = 1.2;

/** As a phone's screenshots come in. Base64 of what is already compressed; nothing makes it smaller than 3/4. */
const IMAGE_CHARS = 400_000;

/** Live transcripts, and those that a reset or a deletion has renamed; not trajectories and checkpoints. */
const CONVERSATION = /^[^.]+(?:\.\d+)?\.jsonl(?:$|\.reset\.|\.deleted\.)/;

/**
 * Appends messages with images to the larger conversations. The generated stores are text alone and compress
 * 24 to one, which would measure how fast a tool is at finding that there is nothing to do.
 */
export function addImages(sessionsDir: string): void {
  let owedChars = 0;
  for (const name of readdirSync(sessionsDir).sort()) {
    if (!CONVERSATION.test(name)) continue;
    const path = join(sessionsDir, name);
    const { size, mtime } = statSync(path);
    owedChars += size * IMAGE_SHARE;
    const random = createRandom(`image/${size}/${name.length}`);
    for (; owedChars >= IMAGE_CHARS; owedChars -= IMAGE_CHARS) appendFileSync(path, imageLine(random));
    utimesSync(path, mtime, mtime);
  }
}

function imageLine(random: ReturnType<typeof createRandom>): string {
  const data = random.bytes((IMAGE_CHARS * 3) / 4).toString('base64');
  const content = [{ type: 'image', data, mimeType: 'image/png' }];
  const message = { role: 'user', content, timestamp: 0 };
  return `${JSON.stringify({ type: 'message', id: random.hex(8), parentId: null, timestamp: new Date(0), message })}\n`;
}
