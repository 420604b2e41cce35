import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ArchiveJson, ErrorJson, RestoreJson } from './support/answers.ts';
import { DAY_MS, HOUR_MS, Home } from './support/home.ts';
import {
  routingOf,
  threadOf,
  threadRow,
  transcriptName,
  transcriptText,
  writeAged,
  writeThreadStore,
} from './support/rooms.ts';
import { readFileState, readTree } from './support/tree.ts';
import { type TrimmedHome, trimmedHome } from './support/trimmed.ts';

interface CapsJson {
  readonly caps: readonly { readonly storeId: string; readonly warning: string | null }[];
}

const REMOVE = { retention: { protectedPruneAfter: '7d', protectedRemoveAfter: '90d' } };
const FEW = { session: { maintenance: { maxEntries: 2 } } };

/** The user has chosen a model for this thread. */
const SETTINGS = { modelOverride: 'm2', thinkingLevel: 'high', label: 'numbers' };

/** Time passes, and the other thread is talked in all along. */
async function passDays(home: Home, key: string, days: number): Promise<void> {
  home.nowMs += days * DAY_MS;
  const talkedIn = { updatedAt: home.nowMs - 2 * HOUR_MS };
  await home.changeRows((rows) =>
    Object.fromEntries(
      Object.entries(rows).map(([name, row]) => [name, name === key ? row : { ...row, ...talkedIn }]),
    ),
  );
}

/** A home whose old thread was archived 91 days ago; the run that removes its tombstone is still to come. */
async function longArchived(): Promise<TrimmedHome> {
  const trimmed = await trimmedHome({ settings: REMOVE });
  const { home, key, thread, transcript } = trimmed;
  await home.json('restore', key);
  await home.changeRows((rows) => ({ ...rows, [key]: { ...rows[key], ...SETTINGS } }));
  await writeAged(transcript, transcriptText(thread), thread.updatedAtMs);
  const row = (await home.rows())[key] ?? {};
  await passDays(home, key, 8);
  await home.json('archive');
  await passDays(home, key, 91);
  return { ...trimmed, row, state: { ...trimmed.state } };
}

describe('a conversation whose tombstone is due for removal', () => {
  test('is gone from the store with its stub, in the run that the dry run announced', async () => {
    const { home, key } = await longArchived();
    const stub = String((await home.rows())[key]?.sessionFile);
    expect((await home.clawback('status')).expect(0).text).toContain(', and remove 1 tombstone (');
    const dry = (await home.clawback('archive', '--dry-run')).expect(0).text;
    expect(dry).toContain('until somebody writes there, nothing is delivered to it proactively');
    const planned = await home.json<ArchiveJson>('archive', '--dry-run');
    expect(planned.plan[0]).toMatchObject({
      retired: [{ action: 'retire', reason: 'tombstone-age', sessionKey: key }],
    });
    expect(Object.keys(await home.rows())).toContain(key);
    const run = await home.json<ArchiveJson>('archive', '--verbose');
    expect(run.planned).toEqual(planned.planned);
    expect(run.done.tombstonesRemoved).toBe(1);
    expect(Object.keys(await home.rows())).not.toContain(key);
    expect(Object.keys(await readTree(home.sessionsDir()))).not.toContain(stub);
    expect((await home.json<ArchiveJson>('archive')).done.tombstonesRemoved).toBe(0);
  });

  test('comes back whole by restore: settings, routing and transcript', async () => {
    const { home, key, row, transcript, state } = await longArchived();
    await home.json('archive');
    const cat = (await home.clawback('cat', key)).expect(0).text;
    expect(cat).toContain('the quarterly numbers');
    const json = await home.json<RestoreJson>('restore', key);
    expect(json).toMatchObject({ row: 'restored', files: [{ state: 'absent' }] });
    expect((await home.rows())[key]).toEqual(row);
    expect(row).toMatchObject(SETTINGS);
    expect(await readFileState(transcript)).toEqual(state);
  });

  test('keeps the routing of a row that somebody has made by writing there since', async () => {
    const { home, key, row, thread, transcript, state } = await longArchived();
    await home.json('archive');
    const next = { ...thread, sessionId: '33333333-aaaa-4bbb-8ccc-000000000003', updatedAtMs: home.nowMs };
    const fresh = {
      ...threadRow(home.sessionsDir(), next),
      lastTo: 'channel:C0RENAMED',
      displayName: 'slack:#new',
    };
    await writeAged(join(home.sessionsDir(), transcriptName(next)), transcriptText(next), home.nowMs);
    await home.changeRows((rows) => ({ ...rows, [key]: fresh }));
    expect((await home.json<RestoreJson>('restore', key)).row).toBe('revived');
    expect((await home.rows())[key]).toEqual(fresh);
    await home.json('restore', key, '--resume');
    const now = (await home.rows())[key];
    expect(routingOf(now)).toEqual(routingOf(fresh));
    expect(now).toMatchObject({ ...SETTINGS, sessionId: row.sessionId });
    expect(await readFileState(transcript)).toEqual(state);
  });

  test('stays when its pack has lost its end, and the run says so with exit code 3', async () => {
    const { home, key } = await longArchived();
    const packs = Object.keys(await home.objects()).filter((name) => name.includes('/packs/'));
    for (const name of packs) await truncate(join(home.archiveDir, name), 100);
    const { text } = (await home.clawback('archive')).expect(3);
    expect(text).toContain('kept 1 due tombstone: the archive no longer holds the whole conversation');
    expect(text).toMatch(/FAILED batch .*which tombstones stand for: .*it holds 100 bytes/);
    expect((await home.rows())[key]).toHaveProperty('clawback');
  });

  test('stays when it was revived in time', async () => {
    const { home, key, thread } = await longArchived();
    const next = { ...thread, sessionId: '33333333-aaaa-4bbb-8ccc-000000000003', updatedAtMs: home.nowMs };
    await home.changeRows((rows) => ({
      ...rows,
      [key]: { ...rows[key], ...threadRow(home.sessionsDir(), next) },
    }));
    expect((await home.json<ArchiveJson>('archive')).done.tombstonesRemoved).toBe(0);
    expect((await home.rows())[key]).toHaveProperty('sessionId', next.sessionId);
  });
});

test('an age under 30 days is refused', async () => {
  const home = await Home.create({ settings: { retention: { protectedRemoveAfter: '29d' } } });
  const error = (await home.clawback('archive', '--json')).expect(2).json<ErrorJson>();
  expect(error.message).toContain('retention.protectedRemoveAfter');
  expect(error.message).toContain('at least 30d');
});

describe('protected rows that reach session.maintenance.maxEntries', () => {
  test('are spoken of by status and by the report of archive, dry or not', async () => {
    const { home } = await trimmedHome({ openclaw: FEW });
    const warning =
      /2 protected rows reach .*maxEntries \(2\).*evicts every ordinary row.*1 of them are tombstones/s;
    for (const argv of [['status'], ['archive', '--dry-run'], ['archive']]) {
      const { text } = (await home.clawback(...argv)).expect(0);
      expect(text, argv.join(' ')).toMatch(warning);
      expect(text).toContain('Set session.maintenance.maxEntries to 100 or more');
    }
    expect((await home.json<CapsJson>('archive')).caps).toMatchObject([
      { storeId: 'main', protectedRows: 2, tombstones: 1, warning: expect.stringMatching(warning) },
    ]);
  });

  test('of several stores are spoken of once, with a line for each store', async () => {
    const { home } = await trimmedHome({ openclaw: FEW });
    const talk = (channelId: string, ts: string) =>
      threadOf(channelId, ts, { sessionId: ts, updatedAtMs: home.nowMs - 2 * DAY_MS, text: 'x' });
    const threads = ['1763600000.000001', '1763600000.000002', '1763600000.000003'].map((ts) =>
      talk('C0B', ts),
    );
    await writeThreadStore(home.storePath('other'), { other: threads });
    await writeThreadStore(home.storePath('calm'), { calm: [talk('C0C', '1763600000.000004')] });
    for (const argv of [['status'], ['archive', '--dry-run'], ['archive'], ['doctor', '--no-probe']]) {
      const { text } = (await home.clawback(...argv)).expect(0);
      expect(text.match(/session\.maintenance\.maxEntries to 100 or more/g), argv.join(' ')).toHaveLength(1);
      expect(text.match(/cannot start a run/g)).toHaveLength(1);
      expect(text).toMatch(
        /^ +store main: 2 protected rows, 1 of them tombstones; evicts 0 ordinary rows on each write once there are 3 rows$/m,
      );
      expect(text).toMatch(/^ +store other: 3 protected rows; evicts 0 ordinary rows on each write$/m);
      expect(text).not.toMatch(/^ +store calm: 1 protected row;/m);
    }
    const { caps } = await home.json<CapsJson>('archive');
    expect(Object.fromEntries(caps.map(({ storeId, warning }) => [storeId, warning]))).toEqual({
      main: expect.stringMatching(/^2 protected rows reach .* 100 or more/),
      other: expect.stringMatching(/^3 protected rows reach .* 100 or more/),
      calm: null,
    });
  });

  test('are counted after the run: removed tombstones no longer count', async () => {
    const { home } = await longArchived();
    await home.configureOpenClaw(FEW);
    const before = await home.json<CapsJson>('archive', '--dry-run');
    expect(before.caps).toMatchObject([{ protectedRows: 2 }]);
    expect((await home.json<CapsJson>('archive')).caps).toMatchObject([{ protectedRows: 1, warning: null }]);
  });

  test('are no matter while there is room', async () => {
    const { home } = await trimmedHome();
    expect((await home.json<CapsJson>('archive')).caps[0]?.warning).toBeNull();
    expect((await home.clawback('status')).expect(0).text).not.toContain('WARNING');
  });
});
