import { ClawbackError } from '../errors.ts';
import type { CatalogueRow } from '../manifest/catalogue.ts';
import { parseArchiveId } from '../manifest/keys.ts';
import { parseSlackPermalink, slackKeySuffixes } from '../sessions/slack-permalink.ts';
import { conversationOf, type Generation, numberGenerations } from './generations.ts';

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
  const text = selector.trim();
  const archiveId = parseArchiveId(text) !== undefined;
  if (archiveId && generation !== undefined) {
    throw new ClawbackError('usage', `find ${show(text)}: an archive id names one generation already`, {
      hint: 'leave --generation away, or name the conversation by its session key',
    });
  }
  const ofAgents = rows.filter((row) => agentIds === undefined || agentIds.includes(row.agent_id));
  const numbered = numberGenerations(ofAgents);
  for (const matches of readings(text)) {
    const found = numbered.filter(({ row }) => matches(row));
    if (found.length === 0) continue;
    if (archiveId) return found;
    assertOneConversation(found, text);
    const counted = found.filter(({ number }) => number !== null);
    // A session id may name nothing but loose files of a conversation that was archived under other ids.
    if (generation === undefined) return counted.length > 0 ? counted : found;
    const name = conversationOf((found[0] as Generation).row);
    return [numberedOf(numbered, name, generation, text)];
  }
  throw new ClawbackError('selector-unknown', `find ${show(text)}: nothing in the archive goes by it`, {
    hint: "clawback list shows what is archived; --key 'agent:*:slack:*' narrows it down",
  });
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
      hint: `--generation takes 1 to ${all.length}, the oldest first, or -1 to -${all.length} from the newest`,
    },
  );
}

/** Every way to read the selector, the most exact first. */
function readings(text: string): ((row: CatalogueRow) => boolean)[] {
  const permalink = parseSlackPermalink(text);
  if (permalink !== undefined) return slackKeySuffixes(permalink).map(keyEndsWith);
  const wanted = text.toLowerCase();
  if (parseArchiveId(text) !== undefined) return [(row) => row.archive_id === wanted];
  return [
    (row) => row.session_key === text,
    (row) => row.session_key?.toLowerCase() === wanted,
    (row) => row.session_id?.toLowerCase() === wanted,
    keyEndsWith(wanted),
  ];
}

/** `slack:channel:c1` for `agent:main:slack:channel:c1`: the part behind the agent. */
function keyEndsWith(suffix: string): (row: CatalogueRow) => boolean {
  return (row) =>
    row.session_key !== null && /^agent:[^:]+:(.+)$/i.exec(row.session_key)?.[1]?.toLowerCase() === suffix;
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

/** What the user typed, safe for a terminal and of bounded length. */
function show(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);
}
