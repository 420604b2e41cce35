import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openHomeArchive } from '../support/fault-stories.ts';
import type { ErrorJson, ListJson } from './support/answers.ts';
import { DAY_MS, HOUR_MS, type Home } from './support/home.ts';
import { type ForgetJson, type GcJson, lifeHome } from './support/life.ts';
import { revive } from './support/revived.ts';
import { transcriptText, writeAged } from './support/rooms.ts';
import { trimmedHome } from './support/trimmed.ts';

/** As OpenClaw hands a message of a group to the model: JSON in the text says who wrote it. */
function said(senderId: string, words: string): string {
  const info = JSON.stringify({ sender_id: senderId, sender: 'somebody' }, null, 2);
  return `Conversation info (untrusted metadata):\n\`\`\`json\n${info}\n\`\`\`\n\n${words}`;
}

/** A file by name: what the user said, and the answer repeats; or all of it. */
type Said = { readonly name: string } & ({ readonly text: string } | { readonly raw: string });

/** Files that no row references, each old enough to be archived. */
async function writeLoose(home: Home, files: readonly Said[]): Promise<void> {
  const updatedAtMs = home.nowMs - 20 * DAY_MS;
  for (const file of files) {
    const [sessionId = ''] = file.name.split('.');
    const body = 'raw' in file ? file.raw : transcriptText({ sessionId, updatedAtMs, text: file.text });
    await writeAged(join(home.sessionsDir(), file.name), body, updatedAtMs);
  }
}

async function sessionIdsOf(home: Home, { sessions }: ForgetJson): Promise<(string | null | undefined)[]> {
  const all = (await home.json<ListJson>('list')).sessions;
  const idOf = (archiveId: string) => all.find((one) => one.archiveId === archiveId)?.sessionId;
  return sessions.map(({ archiveId }) => idOf(archiveId)).sort();
}

/** Three threads in one pack, of which nobody else is named, and what is left of older sessions. */
async function homeWithLoose(): Promise<Home> {
  const { home } = await lifeHome();
  await writeLoose(home, [
    { name: 'old-1.jsonl.reset.2026-10-01T04-00-00.000Z', text: said('U0123', 'hello') },
    { name: 'old-2.jsonl.deleted.2026-10-01T04-00-00.000Z', text: 'ask <@U0123>\nor U0123.' },
    { name: 'old-3.jsonl', text: said('U01234', 'hello') },
    { name: 'old-4.trajectory.jsonl', text: said('U0123', 'hello') },
    {
      name: 'old-6.jsonl',
      raw: '{"type":"session","id":"old-6"}\n{"type":"custom","data":{"from":"u0123"}}',
    },
    { name: 'old-5.jsonl', text: 'nothing' },
    { name: 'old-5.trajectory.jsonl', text: said('U0123', 'hello') },
  ]);
  await home.json('archive');
  return home;
}

describe('an erasure request that looks into transcripts', () => {
  test('finds whoever took part, in what is left of older sessions too, and says in how many lines', async () => {
    const home = await homeWithLoose();
    const search = ['forget', '--subject', 'u0123', '--transcripts'];
    const found = await home.json<ForgetJson>(...search, '--dry-run');
    expect(await sessionIdsOf(home, found)).toEqual(['old-1', 'old-2', 'old-4', 'old-6']);
    expect(found.sessions.map(({ lines }) => lines).sort()).toEqual([1, 2, 2, 2]);
    expect(found.notes.join(' ')).toMatch(/transcripts were searched for the id alone/);
    const text = (await home.clawback(...search)).expect(2).text;
    expect(text).toMatch(/^ +2 lines /m);
    expect(text).toMatch(/^ +1 line /m);

    const marked = await home.json<ForgetJson>(...search, '--yes');
    expect(marked).toMatchObject({ marked: true, problems: [], alreadyForgotten: 0 });
    home.nowMs += 8 * DAY_MS;
    expect((await home.json<GcJson>('gc')).sessions).toHaveLength(4);
    expect(await home.json<ForgetJson>(...search, '--dry-run')).toMatchObject({ sessions: [], problems: [] });
  });

  test('does not read without being asked to, and says how it can be', async () => {
    const home = await homeWithLoose();
    const found = await home.json<ForgetJson>('forget', '--subject', 'U0123', '--dry-run');
    expect(found.sessions).toEqual([]);
    expect(found.notes.join(' ')).toMatch(/add --transcripts/);
    const refused = (await home.clawback('forget', 'x', '--transcripts', '--json')).expect(2);
    expect(refused.json<ErrorJson>()).toMatchObject({ hint: expect.stringContaining('--subject') });
  });

  test('finds those who wrote to an interim session, and tells what key or row name already from the rest', async () => {
    const trimmed = await trimmedHome();
    const { home, key } = trimmed;
    await revive(trimmed, { text: said('U0777', 'the yearly numbers') });
    home.nowMs += HOUR_MS;
    await home.json('restore', key, '--resume');
    const direct = 'agent:main:slack:direct:u0777';
    await home.changeRows((rows) => ({ ...rows, [direct]: { sessionId: 'dm', updatedAt: home.nowMs } }));
    await writeAged(
      join(home.sessionsDir(), 'dm.jsonl'),
      transcriptText({ sessionId: 'dm', updatedAtMs: home.nowMs, text: said('U0777', 'psst') }),
      home.nowMs,
    );
    home.nowMs += 8 * DAY_MS;
    await home.configure({ retention: { protectedPruneAfter: '7d', pruneAfter: '7d' } });
    await home.json('archive');
    const { sessions } = await home.json<ForgetJson>(
      ...['forget', '--subject', 'U0777', '--transcripts', '--dry-run'],
    );
    expect(sessions.map(({ sessionKey, lines }) => [sessionKey, lines])).toEqual([
      [direct, null],
      [key, 2],
    ]);
  });

  test('names what it could not read and ends with 3: what can be read is marked', async () => {
    const home = await homeWithLoose();
    const archive = await openHomeArchive(home);
    const rows = await archive.catalogue();
    const damagedId = rows.find(({ session_id: id }) => id === 'old-1')?.archive_id ?? '';
    const { packs, sessions } = await archive.manifest(damagedId.replace(/\.\d+$/, ''));
    const place = sessions.find(({ archiveId }) => archiveId === damagedId)?.files[0]?.place;
    const path = join(home.archiveDir, packs[0]?.key ?? '');
    const bytes = await readFile(path);
    const at = (packs[0]?.frames[place?.frame ?? 0]?.offset ?? 0) + 20;
    bytes.writeUInt8(bytes.readUInt8(at) ^ 0xff, at);
    await writeFile(path, bytes);

    const search = ['forget', '--subject', 'U0123', '--transcripts', '--yes'];
    const found = (await home.clawback(...search, '--json')).expect(3).json<ForgetJson>();
    expect(found).toMatchObject({ marked: true, problems: [{ what: `a transcript of ${damagedId}` }] });
    expect(found.sessions.map(({ lines }) => lines).sort()).toEqual([1, 2, 2]);
    expect((await home.clawback(...search)).expect(3).text).toContain(`a transcript of ${damagedId}`);
  });
});
