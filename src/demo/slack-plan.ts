import { agesBetween, DAY_MS, HOUR_MS, MINUTE_MS, olderThanThreshold, recentAges } from './ages.ts';
import { lognormal, type Random } from './random.ts';
import type { Blocker } from './synthetic-store.ts';
import { scaleCount } from './synthetic-store.ts';

/** The report's rows by kind: 17 channels, 543 threads, and 24 that it does not break down. */
const KINDS = [
  ['channel', 17],
  ['thread', 543],
  ['mpim', 10],
  ['mpim-thread', 8],
  // Protected by their metadata only: the key says nothing, `chatType` says channel.
  ['by-chat-type', 6],
] as const;
/** The report's ages: 505 of 584 older than a day, 122 older than seven, none older than fourteen. */
const RECENT_ROWS = 79;
const OLD_ROWS = 122;
const GENERATIONS = 1000;

const NAMES =
  'general random releases incidents billing support-eu support-us design data-eng mobile platform hiring finance legal marketing sales-ops oncall status infra qa customer-success security'.split(
    ' ',
  );
const ID_CHARS = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'];

export type SlackKind = (typeof KINDS)[number][0];

/** An earlier run of the conversation, ended by a reset. */
export interface Generation {
  readonly sessionId: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
}

export interface SlackConversation {
  readonly kind: SlackKind;
  readonly sessionKey: string;
  readonly sessionId: string;
  /** Upper case, as Slack writes it; the key has it in lower case. */
  readonly nativeId: string;
  readonly name: string;
  readonly threadTs?: string;
  readonly ageMs: number;
  readonly startedAtMs: number;
  readonly updatedAtMs: number;
  /** Oldest first. */
  readonly generations: readonly Generation[];
  readonly blocker?: Blocker;
}

/** Where a reply to the conversation goes. */
export function slackTarget(conversation: SlackConversation): string {
  return `channel:${conversation.nativeId}`;
}

/** Draws the conversations of the report: which channel or thread, how old, reset how often. */
export function planSlackConversations(
  random: Random,
  options: { readonly agentId: string; readonly nowMs: number; readonly countScale: number },
): SlackConversation[] {
  const { nowMs, countScale } = options;
  const kinds = random.shuffle(
    KINDS.flatMap(([kind, count]) => Array<SlackKind>(scaleCount(count, countScale)).fill(kind)),
  );
  const recent = scaleCount(RECENT_ROWS, countScale);
  const old = scaleCount(OLD_ROWS, countScale);
  const agesMs = [
    ...recentAges(random, recent, 5 * MINUTE_MS, 22 * HOUR_MS),
    ...agesBetween(random, kinds.length - recent - old, DAY_MS, 7 * DAY_MS),
    ...agesBetween(random, old, 7 * DAY_MS, 14 * DAY_MS),
  ];
  const durationsMs = agesMs.map(() =>
    Math.min(Math.floor(lognormal(random.normal(), 20 * MINUTE_MS, 6 * HOUR_MS)), 10 * HOUR_MS),
  );
  const liveSinceMs = agesMs.map((ageMs, index) => ageMs + (durationsMs[index] ?? 0));
  const generationAges = drawGenerations(random, liveSinceMs, scaleCount(GENERATIONS, countScale));
  const channels = NAMES.map((name) => ({ name, id: slackId(random, 'C0') }));

  return kinds.map((kind, index) => {
    const ageMs = agesMs[index] ?? 0;
    const generations = (generationAges[index] ?? []).map((endedAgeMs) => {
      const startedAtMs = nowMs - endedAgeMs - random.int(MINUTE_MS, HOUR_MS);
      return { sessionId: random.uuid(), startedAtMs, endedAtMs: nowMs - endedAgeMs };
    });
    const startedAtMs = nowMs - (liveSinceMs[index] ?? 0);
    const createdAtMs = (generations[0]?.startedAtMs ?? startedAtMs) - random.int(1000, 5 * MINUTE_MS);
    const where = locate(random, kind, channels, createdAtMs);
    return {
      kind,
      ...where,
      sessionKey: `agent:${options.agentId}:${where.sessionKey}`,
      sessionId: random.uuid(),
      ageMs,
      startedAtMs,
      updatedAtMs: nowMs - ageMs,
      generations,
    };
  });
}

/** Ages at which resets ended earlier generations, per conversation, oldest first. */
function drawGenerations(random: Random, liveSinceMs: readonly number[], count: number): number[][] {
  const horizonMs = 14 * DAY_MS - 3 * HOUR_MS;
  const ages: number[][] = liveSinceMs.map(() => []);
  const eligible = [...liveSinceMs.keys()].filter((index) => (liveSinceMs[index] ?? 0) < horizonMs - DAY_MS);
  for (let drawn = 0; drawn < count; drawn++) {
    const index = random.pick(eligible);
    const youngestMs = (liveSinceMs[index] ?? 0) + HOUR_MS;
    ages[index]?.push(olderThanThreshold(Math.floor(random.between(youngestMs, horizonMs))));
  }
  for (const own of ages) own.sort((a, b) => b - a);
  return ages;
}

function locate(
  random: Random,
  kind: SlackKind,
  channels: readonly { readonly name: string; readonly id: string }[],
  createdAtMs: number,
): Pick<SlackConversation, 'sessionKey' | 'nativeId' | 'name' | 'threadTs'> {
  const threadTs = `${Math.floor(createdAtMs / 1000)}.${String(random.int(0, 999_999)).padStart(6, '0')}`;
  switch (kind) {
    case 'thread': {
      const { id, name } = random.pick(channels);
      return {
        sessionKey: `slack:channel:${id.toLowerCase()}:thread:${threadTs}`,
        nativeId: id,
        name: `#${name}`,
        threadTs,
      };
    }
    case 'channel': {
      const id = slackId(random, 'C0');
      return {
        sessionKey: `slack:channel:${id.toLowerCase()}`,
        nativeId: id,
        name: `#${random.pick(NAMES)}`,
      };
    }
    case 'mpim':
    case 'mpim-thread': {
      const id = slackId(random, 'G0');
      const name = `mpdm-${random.pick(NAMES)}-${random.int(1, 99)}`;
      const base = `slack:group:${id.toLowerCase()}`;
      if (kind === 'mpim') return { sessionKey: base, nativeId: id, name };
      return { sessionKey: `${base}:thread:${threadTs}`, nativeId: id, name, threadTs };
    }
    case 'by-chat-type': {
      const id = slackId(random, 'D0');
      const shape = random.pick(['direct', 'mpdm']);
      return {
        sessionKey: `slack:${shape}:${id.toLowerCase()}`,
        nativeId: id,
        name: `#${random.pick(NAMES)}`,
      };
    }
  }
}

function slackId(random: Random, prefix: string): string {
  return prefix + Array.from({ length: 9 }, () => random.pick(ID_CHARS)).join('');
}
