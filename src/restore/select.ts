import { ClawbackError } from '../errors.ts';
import type { CatalogueRow } from '../manifest/catalogue.ts';
import { parseArchiveId } from '../manifest/keys.ts';
import { parseSlackPermalink, slackKeySuffixes } from '../sessions/slack-permalink.ts';

/** How many candidates an ambiguous selector lists. */
const SHOWN = 8;

/**
 * The archived session generation that a person means by a session key, a session id, an archive id or a
 * pasted Slack permalink: the newest one, whole conversations before loose files.
 *
 * @param rows the catalogue, oldest first.
 * @throws {ClawbackError} `selector-unknown`, or `selector-ambiguous` if it names several conversations.
 */
export function selectArchived(
  rows: readonly CatalogueRow[],
  selector: string,
  agentIds?: readonly string[],
): CatalogueRow {
  const text = selector.trim();
  const ofAgents = rows.filter((row) => agentIds === undefined || agentIds.includes(row.agent_id));
  for (const matches of readings(text)) {
    const found = ofAgents.filter(matches);
    if (found.length > 0) return newestOfOne(found, text);
  }
  throw new ClawbackError('selector-unknown', `find ${show(text)}: nothing in the archive goes by it`, {
    hint: "clawback list shows what is archived; --key 'agent:*:slack:*' narrows it down",
  });
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

function newestOfOne(found: readonly CatalogueRow[], text: string): CatalogueRow {
  const conversations = new Map<string, CatalogueRow>();
  for (const row of found) {
    const name = row.session_key ?? `${row.agent_id}/${row.session_id}`;
    const known = conversations.get(name);
    // Loose files of an older generation never hide the conversation itself.
    const isFirst = known === undefined;
    if (isFirst || (!isRemnant(row, known) && (row.action !== 'files' || known.action === 'files')))
      conversations.set(name, row);
  }
  const [first, ...others] = conversations.values();
  if (first !== undefined && others.length === 0) return first;
  const candidates = [...conversations.values()].slice(0, SHOWN).map((row) => row.archive_id);
  throw new ClawbackError(
    'selector-ambiguous',
    `find ${show(text)}: ${conversations.size} conversations go by it`,
    {
      hint: `add --agent ID, or name one by its archive id: ${candidates.join(', ')}`,
    },
  );
}

/** The same session once more after its files had gone: a gateway had written the row back from memory. */
function isRemnant(row: CatalogueRow, known: CatalogueRow): boolean {
  return row.session_id === known.session_id && row.files < known.files;
}

/** What the user typed, safe for a terminal and of bounded length. */
function show(text: string): string {
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);
}
