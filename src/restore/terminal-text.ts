/** Decimal, for people: `120 KB`, `1.2 MB`. */
export function sizeText(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`;
  const [value, unit] = bytes < 1_000_000 ? [bytes / 1000, 'KB'] : [bytes / 1_000_000, 'MB'];
  return `${value < 10 ? value.toFixed(1).replace('.0', '') : Math.round(value)} ${unit}`;
}

// Everything that a terminal may take for a command or that reorders what stands beside it:
// C0 except tab and line feed, DEL, C1, line and paragraph separators, bidirectional embeddings.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones to find
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

/**
 * Text that cannot drive a terminal. Control characters become their visible pictures
 * (ESC is ␛), C1 and bidirectional embeddings U+FFFD; all other Unicode stays.
 */
export function neutralise(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(UNSAFE, (character) => {
    const code = character.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return code === 0x7f ? '\u2421' : '\ufffd';
  });
}

/** `neutralise`, on one line of at most `maxCharacters`. */
export function oneLine(text: string, maxCharacters = 100): string {
  // Cut before the expensive work, and again after it: white space may shrink.
  const line = neutralise(text.slice(0, 20 * maxCharacters))
    .replace(/\s+/g, ' ')
    .trim();
  const characters = [...line];
  if (characters.length <= maxCharacters) return line;
  return `${characters.slice(0, maxCharacters - 1).join('')}…`;
}

const DATA_URI = /data:([a-z0-9.+-]+\/[a-z0-9.+-]+)?(?:;[a-z0-9=._-]+)*;base64,([A-Za-z0-9+/_=-]*)/gi;
const BARE_BASE64 = /[A-Za-z0-9+/]{512,}={0,2}/g;

/** Replaces base64 within text by a placeholder with its kind and decoded size. */
export function elideBase64(text: string): string {
  return text
    .replace(DATA_URI, (_all, mimeType: string | undefined, data: string) => dataPlaceholder(mimeType, data))
    .replace(BARE_BASE64, (data) => dataPlaceholder(undefined, data));
}

/** `[image image/png, 120 KB]`, `[application/pdf, 3 MB]`, `[base64 data, 512 bytes]`. */
export function dataPlaceholder(mimeType: string | undefined, base64: string): string {
  const size = sizeText(Math.floor((base64.length * 3) / 4));
  if (mimeType === undefined) return `[base64 data, ${size}]`;
  const kind = oneLine(mimeType, 60);
  return kind.startsWith('image/') ? `[image ${kind}, ${size}]` : `[${kind}, ${size}]`;
}
