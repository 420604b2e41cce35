import { mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ROUTING_FIELDS, tombstoneMark } from '../../src/sessions/row.ts';
import { type Row, readRows } from './support/home.ts';
import { earlierMessages, LiveOpenClaw } from './support/live.ts';
import { packageFolder } from './support/plugin.ts';
import { GATEWAY_RELEASES, installOpenClaw } from './support/release.ts';
import { type FileState, filesOfSession, readFileStates } from './support/sessions-state.ts';
import type { SlackPlace } from './support/slack.ts';
import { stopBeforeCommit } from './support/stopped-run.ts';

const RETENTION = { protectedPruneAfter: '1d' };
const ON_MESSAGE = { retention: RETENTION, restore: { onMessage: '90d' } };
const SHORT = { restore: { onMessage: '90d', deadline: '2s' } };
const THREADS = 10;
const AWHILE = { timeout: 20_000, interval: 50 };

interface ArchiveReport {
  readonly done: { readonly protectedRowsTrimmed: number };
  readonly leftAlone: readonly { readonly sessionKey: string; readonly why: string }[];
}

let parent: string;
let plugin: string;
beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'clawback-package-'));
  plugin = await packageFolder(parent);
});
afterAll(() => rm(parent, { recursive: true, force: true }));

/** Threads go to the archive and come back while their gateway runs, with clawback as its plugin. */
describe.each(GATEWAY_RELEASES)('a live gateway of openclaw@%s', (version) => {
  let live: LiveOpenClaw;
  let rowsBefore: Record<string, Row>;
  let filesBefore: Record<string, FileState>;

  beforeAll(async () => {
    live = await LiveOpenClaw.start(await installOpenClaw(version), plugin, ON_MESSAGE, THREADS);
    rowsBefore = await readRows(live.home);
    filesBefore = await readFileStates(live.home);
  });
  afterAll(() => live?.stop());

  test('a turn that starts between plan and commit keeps its row and files; all others are archived', async () => {
    const busy = live.takeThread();
    const run = await stopBeforeCommit(live.home, live.archiveDir, ['archive']);
    const answer = live.model.hold('are you there?');
    const turn = await live.beginAgent(busy, 'are you there?');
    await answer.asked;
    expect(tombstoneMark((await live.row(busy)) ?? {})).toBeUndefined();

    const { done, leftAlone } = await run.resume<ArchiveReport>();
    expect(done.protectedRowsTrimmed).toBe(THREADS - 1);
    expect(leftAlone).toEqual([
      expect.objectContaining({ why: expect.stringMatching(/^(?:now-active|row-changed)$/) }),
    ]);
    expect(Object.keys(await filesNow(busy))).toEqual(Object.keys(filesOf(busy)));
    answer.release();
    await live.agentEnd(turn);
    expect(live.lastAsked()).toContain('are you there?');
    expect(tombstoneMark((await live.row(busy)) ?? {})).toBeUndefined();
    expect(Object.keys(await filesNow(busy))).toEqual(Object.keys(filesOf(busy)));
  });

  test('archived threads are tombstones with all their routing, and their files are gone', async () => {
    for (const place of live.places.slice(1)) {
      const row = await live.row(place);
      expect(tombstoneMark(row ?? {})).toBeDefined();
      expect(routingOf(row)).toEqual(routingOf(rowsBefore[place.sessionKey]));
      expect(await filesNow(place)).toEqual({});
    }
  });

  test('the agent method does not pass the hook: it is answered afresh, on the old routing', async () => {
    const place = live.takeThread();
    await live.agent(place, 'anybody?');
    expect(live.lastAsked()).toEqual(['anybody?']);
    const row = await live.row(place);
    expect(tombstoneMark(row ?? {})).toBeUndefined();
    expect(routingOf(row)).toEqual(routingOf(rowsBefore[place.sessionKey]));

    await settled(place);
    await live.clawback('restore', place.sessionKey, '--resume');
    await live.agent(place, 'and now?');
    expect(live.lastAsked()).toEqual([...earlierMessages(place), 'and now?']);
    expect((await live.row(place))?.sessionId).toBe(rowsBefore[place.sessionKey]?.sessionId);
    expect(routingOf(await live.row(place))).toEqual(routingOf(rowsBefore[place.sessionKey]));
  });

  test('restore --resume brings an untouched thread back, and the next message continues it', async () => {
    const place = live.takeThread();
    await live.clawback('restore', place.sessionKey, '--resume');
    expect(await filesNow(place)).toEqual(filesOf(place));
    await live.inbound(place, 'where were we?');
    expect(live.lastAsked()).toEqual([...earlierMessages(place), 'where were we?']);
    expect(logLinesOf(place)).toEqual([]);
  });

  test('a message from Slack is answered with the old context in that very turn', async () => {
    const place = live.takeThread();
    const delivered = await live.inbound(place, 'go on');
    expect(live.lastAsked()).toEqual([...earlierMessages(place), 'go on']);
    expect(delivered).toEqual([
      expect.objectContaining({ to: `channel:${place.channelId}`, threadTs: place.threadTs }),
    ]);
    await settled(place);
    const row = await live.row(place);
    expect(row?.sessionId).toBe(rowsBefore[place.sessionKey]?.sessionId);
    expect(row).not.toHaveProperty('clawback');
    expect(routingOf(row)).toEqual(routingOf(rowsBefore[place.sessionKey]));
    expect(Object.keys(await filesNow(place))).toEqual(Object.keys(filesOf(place)));
    expect(logLinesOf(place)).toEqual([expect.stringMatching(/brought back .* 3 files in \d+ ms/)]);
  });

  test('so is one through chat.send, but for the origin, which OpenClaw writes itself', async () => {
    const place = live.takeThread();
    await live.chat(place, 'go on here');
    expect(live.lastAsked()).toEqual([...earlierMessages(place), 'go on here']);
    const { origin: _now, ...routing } = routingOf(await live.row(place));
    const { origin: _then, ...before } = routingOf(rowsBefore[place.sessionKey]);
    expect(routing).toEqual(before);
  });

  test('two messages at once restore once, and none is heard twice', async () => {
    const place = live.takeThread();
    const texts = ['hear me', 'and me'];
    // Not waited for: 2026.5.28 and 2026.6.11 leave two dispatches at once open, on any thread and without clawback,
    // and may not get to the second message at all.
    void Promise.allSettled(texts.map((text) => live.inbound(place, text)));
    const heardTimes = () => texts.map((text) => live.lastAsked().filter((one) => one.includes(text)).length);
    const expected =
      version === '2026.7.35'
        ? [[1, 1]]
        : [
            [1, 1],
            [1, 0],
            [0, 1],
          ];
    await vi.waitFor(() => expect(expected).toContainEqual(heardTimes()), AWHILE);
    await settled(place);
    expect(expected).toContainEqual(heardTimes());
    expect(live.lastAsked().slice(0, 2)).toEqual(earlierMessages(place));
    expect(logLinesOf(place)).toEqual([expect.stringContaining('brought back')]);
  });

  test('a thread whose row is gone comes back with its settings', async () => {
    const place = live.takeThread();
    const { [place.sessionKey]: _gone, ...others } = await readRows(live.home);
    await replaceStore(others);
    await live.inbound(place, 'remember me?');
    expect(live.lastAsked()).toEqual([...earlierMessages(place), 'remember me?']);
    const row = await live.row(place);
    expect(row?.sessionId).toBe(rowsBefore[place.sessionKey]?.sessionId);
    expect(routingOf(row)).toEqual(routingOf(rowsBefore[place.sessionKey]));
  });

  test.each([
    ['a deadline of 1 ms', { restore: { onMessage: '90d', deadline: '1ms' } }, 'not back after 1 ms'],
    [
      'an archive that cannot be reached',
      { archive: 's3://away/x', s3: { endpoint: 'http://127.0.0.1:1', region: 'x' }, ...SHORT },
      'is answered without its archived messages',
    ],
    ['an archive that lost its packs', { restore: { onMessage: '90d' } }, 'not found'],
  ])(
    'with %s it is answered on the tombstone, once, with a line in the log',
    async (what, settings, line) => {
      const place = live.takeThread();
      if (what.endsWith('packs')) await losePacks();
      await live.configure({ retention: RETENTION, ...settings });
      try {
        const delivered = await live.inbound(place, 'hello again');
        expect(delivered).toHaveLength(1);
      } finally {
        await live.configure(ON_MESSAGE);
      }
      expect(live.lastAsked()).toEqual(['hello again']);
      await settled(place);
      expect(await filesNow(place)).toEqual({});
      const row = await live.row(place);
      expect(row?.sessionId).not.toBe(rowsBefore[place.sessionKey]?.sessionId);
      expect(routingOf(row)).toEqual(routingOf(rowsBefore[place.sessionKey]));
      expect(logLinesOf(place)).toEqual([expect.stringContaining(line)]);
      await live.agent(place, 'still there?');
      expect(live.lastAsked()).toEqual(['hello again', 'still there?']);
    },
  );

  /** A turn's row says that it is over a moment after its caller is told. */
  function settled(place: SlackPlace): Promise<void> {
    const isDone = async () => expect(await live.row(place)).toMatchObject({ status: 'done' });
    return vi.waitFor(isDone, AWHILE);
  }

  function filesOf(place: SlackPlace): Record<string, FileState> {
    return filesOfSession(filesBefore, rowsBefore[place.sessionKey]?.sessionId);
  }

  /** What lies there of the session that was archived. */
  async function filesNow(place: SlackPlace): Promise<Record<string, FileState>> {
    return filesOfSession(await readFileStates(live.home), rowsBefore[place.sessionKey]?.sessionId);
  }

  /** What the plugin has said about a thread. */
  function logLinesOf(place: SlackPlace): string[] {
    return live
      .log()
      .split('\n')
      .filter((line) => line.includes('clawback: ') && line.includes(place.sessionKey));
  }

  /** As the removal of a tombstone leaves it. */
  async function replaceStore(rows: Record<string, Row>): Promise<void> {
    const path = join(live.home.sessionsDir, 'sessions.json');
    await writeFile(`${path}.new`, JSON.stringify(rows, null, 2), { mode: 0o600 });
    await rename(`${path}.new`, path);
  }

  async function losePacks(): Promise<void> {
    const [instance = ''] = await readdir(live.archiveDir);
    await rm(join(live.archiveDir, instance, 'packs'), { recursive: true });
  }
});

function routingOf(row: Row | undefined): Row {
  return Object.fromEntries(ROUTING_FIELDS.map((field) => [field, row?.[field]]));
}
