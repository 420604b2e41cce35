/** What a link to one Slack message names. */
export interface SlackPermalink {
  /** In lower case, as session keys have it. */
  readonly channelId: string;
  /** `1712345678.901234`: seconds and microseconds, Slack's id of a message in its channel. */
  readonly messageTs: string;
  /** The id of the thread's first message, where the link says that the message is a reply. */
  readonly threadTs?: string;
}

const MAX_LENGTH = 2048;
const HOST = /^(?:[a-z0-9-]+\.)+slack(?:-gov)?\.com$/;
const PATH = /^\/archives\/([CGD][A-Z0-9]{2,20})\/p(\d{10})(\d{6})\/?$/i;
const TIMESTAMP = /^\d{10}\.\d{6}$/;

/**
 * Reads a link as Slack's "Copy link" gives it, also in the `<link>` and `<link|label>` of
 * message text. Anything else is undefined, a link with a damaged `thread_ts` too: rather
 * no conversation than the wrong one.
 */
export function parseSlackPermalink(text: string): SlackPermalink | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const link = unwrap(text.trim());
  // The URL parser would drop tabs and line breaks in silence.
  if (/\s/.test(link) || !link.startsWith('https://') || !URL.canParse(link)) return undefined;
  const url = new URL(link);
  if (!HOST.test(url.hostname) || url.username !== '' || url.password !== '' || url.port !== '')
    return undefined;
  const [, channelId, seconds, micros] = PATH.exec(url.pathname) ?? [];
  if (channelId === undefined) return undefined;
  const permalink = { channelId: channelId.toLowerCase(), messageTs: `${seconds}.${micros}` };
  const threadTs = url.searchParams.get('thread_ts');
  if (threadTs === null) return permalink;
  return TIMESTAMP.test(threadTs) ? { ...permalink, threadTs } : undefined;
}

/** `<link|label>` → link. In such text Slack also writes `&` as `&amp;`. */
function unwrap(text: string): string {
  const inner = text.startsWith('<') && text.endsWith('>') ? text.slice(1, -1) : text;
  return (inner.split('|', 1)[0] ?? '').trim().replaceAll('&amp;', '&');
}

/**
 * How session keys that hold this message can end, the likeliest first: the thread, then the
 * channel itself. A link to a thread's first message has no `thread_ts`, and a private channel's
 * id does not tell whether OpenClaw called it a channel or a group, so each is tried as both.
 */
export function slackKeySuffixes(permalink: SlackPermalink): string[] {
  const { channelId, messageTs, threadTs = messageTs } = permalink;
  const rooms = [`slack:channel:${channelId}`, `slack:group:${channelId}`];
  return [...rooms.map((room) => `${room}:thread:${threadTs}`), ...rooms];
}
