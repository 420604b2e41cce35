import { ClawbackError } from '../errors.ts';
import type { CatalogueRow } from '../manifest/catalogue.ts';
import { parseArchiveId } from '../manifest/keys.ts';
import { parseSlackPermalink, slackKeySuffixes } from '../sessions/slack-permalink.ts';
import { conversationOf, type Generation, isRecorder, numberGenerations } from './generations.ts';

/** How many candidates an ambiguous selector lists. */
const SHOWN = 8;

/**
 * The archived generation that a person means by a session key, a session id, an archive id or a pasted Slack
 * permalink: the newest one, whole conversations before loose files; or the one of that number.
 *
 * @param rows the catalogue, oldest first.
 * @throws {ClawbackError} `selector-unknown`, or `selector-ambiguous` if it names several conversations.
 */
export function selectArchived(
  rows: readonly CatalogueRow[],
  selector: string,
  agentIds?: readonly string[],
  generation?: number,
): CatalogueRow {
  const found = selectGenerations(rows, selector, agentIds, generation).at(-1);
  if (found !== undefined) return found.row;
  throw new ClawbackError('internal', `find ${show(selector)}: nothing was selected`);
}

/**
 * All generations of one conversation that a person means, oldest first; with `generation` the one of that number, from
 * 1 for the oldest, or counted from the newest if negative.
 * @throws {ClawbackError} as `selectArchived`.
 */
export function selectGenerations(
  rows: readonly CatalogueRow[],
  selector: string,
  agentIds?: readonly string[],
  generation?: number,
): Generation[] {
  const { found } = selectEvery(rows, selector, agentIds, generation);
  const counted = found.filter(({ number }) => number !== null);
  if (counted.length > 0) return counted;
  // A session id may name nothing but loose files of a conversation that was archived under other ids.
  const loose = found.filter(({ row }) => !isRecorder(row));
  // The newest flight recorder has those before it.
  return loose.length > 0 ? loose : found.slice(-1);
}

/** All that goes by a selector, loose files too. */
export interface Selected {
  readonly found: readonly Generation[];
  /** False: one generation, or those of one session id, were named. */
  readonly isConversation: boolean;
}

/** The same with the loose files of the conversation. @throws {ClawbackError} as `selectArchived`. */
export function selectEvery(
  rows: readonly CatalogueRow[],
  selector: string,
  agentIds?: readonly string[],
  generation?: number,
): Selected {
  const text = selector.trim();
  const isArchiveId = parseArchiveId(text) !== undefined;
  if (isArchiveId && generation !== undefined) {
    throw new ClawbackError('usage', `find ${show(text)}: an archive id names one generation already`, {
      hint: 'leave --generation away, or name the conversation by its session key',
    });
  }
  const ofAgents = rows.filter((row) => agentIds === undefined || agentIds.includes(row.agent_id));
  const numbered = numberGenerations(ofAgents);
  for (const { matches, isConversation } of readings(text)) {
    const found = numbered.filter(({ row }) => matches(row)).map(isArchiveId ? recorderAlone : (one) => one);
    if (found.length === 0) continue;
    if (!isArchiveId) assertOneConversation(found, text);
    if (generation === undefined) return { found, isConversation };
    const name = conversationOf((found[0] as Generation).row);
    return { found: [numberedOf(numbered, name, generation, text)], isConversation: false };
  }
  throw new ClawbackError('selector-unknown', `find ${show(text)}: nothing in the archive goes by it`, {
    hint: `what was never archived is still in OpenClaw; ${searchFor(text)}`,
  });
}

/** The only way to one of several recorders of the same name. */
function recorderAlone(one: Generation): Generation {
  return isRecorder(one.row) ? { ...one, recorders: [] } : one;
}

function numberedOf(
  numbered: readonly Generation[],
  conversation: string,
  generation: number,
  text: string,
): Generation {
  const all = numbered.filter(({ row, number }) => number !== null && conversationOf(row) === conversation);
  const found = all.at(generation < 0 ? generation : generation - 1);
  if (found !== undefined && generation !== 0) return found;
  throw new ClawbackError(
    'selector-unknown',
    `find generation ${generation} of ${show(text)}: it has ${all.length}`,
    {
      hint:
        all.length === 0
          ? 'only flight recorders of it are archived: leave --generation away'
          : `--generation takes 1 to ${all.length}, the oldest first, or -1 to -${all.length} from the newest`,
    },
  );
}

interface Reading {
  readonly matches: (row: CatalogueRow) => boolean;
  /** It names a conversation by its key, not a single session of it. */
  readonly isConversation: boolean;
}

/** Every way to read the selector, the most exact first. */
function readings(text: string): Reading[] {
  const permalink = parseSlackPermalink(text);
  if (permalink !== undefined) return slackKeySuffixes(permalink).map(keyEndsWith);
  const wanted = text.toLowerCase();
  const session = (matches: Reading['matches']): Reading => ({ matches, isConversation: false });
  const conversation = (matches: Reading['matches']): Reading => ({ matches, isConversation: true });
  if (parseArchiveId(text) !== undefined) return [session((row) => row.archive_id === wanted)];
  return [
    conversation((row) => row.session_key === text),
    conversation((row) => row.session_key?.toLowerCase() === wanted),
    session((row) => row.session_id?.toLowerCase() === wanted),
    keyEndsWith(wanted),
  ];
}

/** `slack:channel:c1` for `agent:main:slack:channel:c1`: the part behind the agent. */
function keyEndsWith(suffix: string): Reading {
  const matches = (row: CatalogueRow) =>
    row.session_key !== null && /^agent:[^:]+:(.+)$/i.exec(row.session_key)?.[1]?.toLowerCase() === suffix;
  return { matches, isConversation: true };
}

function assertOneConversation(found: readonly Generation[], text: string): void {
  // Of each the newest generation, and loose files only where there is nothing else.
  const conversations = new Map<string, CatalogueRow>();
  for (const { row, number } of found) {
    if (number !== null || !conversations.has(conversationOf(row)))
      conversations.set(conversationOf(row), row);
  }
  if (conversations.size === 1) return;
  const candidates = [...conversations.values()].slice(0, SHOWN).map((row) => row.archive_id);
  throw new ClawbackError(
    'selector-ambiguous',
    `find ${show(text)}: ${conversations.size} conversations go by it`,
    {
      hint: `add --agent ID, or name one by its archive id: ${candidates.join(', ')}`,
    },
  );
}

/** A command that finds it by a part of its key. */
function searchFor(text: string): string {
  const part = parseSlackPermalink(text)?.channelId ?? text;
  return /^[\w:.-]+$/.test(part)
    ? `clawback list --key '*${part.toLowerCase()}*' shows what resembles it`
    : 'clawback list shows all';
}

/** What the user typed, safe for a terminal and of bounded length. */
function show(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);
}
