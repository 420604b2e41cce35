import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clawbackJson, configureClawback } from './support/clawback.ts';
import { startGateway } from './support/gateway.ts';
import { type OpenClawHome, type Row, readRows, type SessionRows } from './support/home.ts';
import { MODEL_RUNS, type OwnStore, sendMessage, writeOwnStore } from './support/own-store.ts';
import { installOpenClaw, OPENCLAW_RELEASES, type OpenClawRelease } from './support/release.ts';
import { ageSessions, type FileState, filesOfSession, readFileStates } from './support/sessions-state.ts';
import { resolveDelivery } from './support/slack.ts';

const DAY_MS = 86_400_000;

interface ArchiveReport {
  readonly road: { readonly name: string };
  readonly leftAlone: readonly unknown[];
  readonly done: { readonly modelRunRowsRemoved: number; readonly protectedRowsTrimmed: number };
}

/** A store that a real gateway wrote goes to the archive and comes back, and the gateway goes on with it. */
describe.each(OPENCLAW_RELEASES)('a store that openclaw@%s wrote', (version) => {
  let release: OpenClawRelease;
  let store: OwnStore;
  let home: OpenClawHome;
  let filesBefore: Record<string, FileState>;
  let rowsBefore: SessionRows;
  let modelRuns: string[];
  /** Continued with --resume; restored as it was; spoken to before it is restored. */
  let resumed: string;
  let plain: string;
  let revived: string;

  beforeAll(async () => {
    release = await installOpenClaw(version);
    store = await writeOwnStore(release);
    home = store.home;
    await ageSessions(home, 2 * DAY_MS);
    filesBefore = await readFileStates(home);
    rowsBefore = await readRows(home);
    modelRuns = Object.keys(rowsBefore).filter((key) => key.includes(':model-run-'));
    [resumed = '', plain = ''] = store.threads.map(({ sessionKey }) => sessionKey);
    revived = store.channel.sessionKey;
    await configureClawback(home, { modelRunPruneAfter: '24h', protectedPruneAfter: '1d' });
  });

  afterAll(() => store?.remove());

  test('beside its running gateway model runs are removed and Slack conversations trimmed; the main session stays', async () => {
    await duringGateway(async () => {
      const report = await clawbackJson<ArchiveReport>(home, ['archive']);
      expect(report).toMatchObject({
        road: { name: 'outside' },
        done: { modelRunRowsRemoved: MODEL_RUNS, protectedRowsTrimmed: 3 },
        leftAlone: [],
      });
    });

    const rows = await readRows(home);
    expect(Object.keys(rows).sort()).toEqual(
      Object.keys(rowsBefore)
        .filter((key) => !modelRuns.includes(key))
        .sort(),
    );
    expect(rows['agent:main:main']).toEqual(rowsBefore['agent:main:main']);
    const files = await readFileStates(home);
    for (const key of [...modelRuns, resumed, plain, revived]) {
      expect(filesOfSession(files, rowsBefore[key]?.sessionId)).toEqual({});
    }
    expect(filesOfSession(files, rowsBefore['agent:main:main']?.sessionId)).toEqual(
      filesOfSession(filesBefore, rowsBefore['agent:main:main']?.sessionId),
    );
  });

  test('a second run does nothing', async () => {
    const before = [await readRows(home), await readFileStates(home)];
    const { done } = await clawbackJson<ArchiveReport>(home, ['archive']);
    expect(done).toMatchObject({ modelRunRowsRemoved: 0, protectedRowsTrimmed: 0 });
    expect([await readRows(home), await readFileStates(home)]).toEqual(before);
  });

  test('a conversation that went on meanwhile keeps its new transcript beside the restored one', async () => {
    await duringGateway(() => sendMessage(release, home, revived, 'news in the channel'));
    const goingOn = (await readRows(home))[revived];
    const filesThen = await readFileStates(home);
    await clawbackJson(home, ['restore', revived]);

    expect((await readRows(home))[revived]).toEqual(goingOn);
    const files = await readFileStates(home);
    expect(Object.keys(filesOfSession(files, goingOn?.sessionId))).toHaveLength(3);
    expect(filesOfSession(files, goingOn?.sessionId)).toEqual(filesOfSession(filesThen, goingOn?.sessionId));
    expect(restoredFiles(files, revived)).toEqual(restoredFiles(filesBefore, revived));
  });

  test('every file comes back byte for byte with mode and mtime, and its row as it was', async () => {
    const keys = [...modelRuns, plain];
    for (const key of keys) await clawbackJson(home, ['restore', key]);
    const [files, rows] = [await readFileStates(home), await readRows(home)];
    for (const key of keys) {
      expect(Object.keys(restoredFiles(files, key))).toHaveLength(3);
      expect(restoredFiles(files, key)).toEqual(restoredFiles(filesBefore, key));
      expect(rows[key]).toEqual(rowsBefore[key]);
    }
  });

  test('--resume also moves the dates of the row to now, and nothing else', async () => {
    await clawbackJson(home, ['restore', resumed, '--resume']);
    const row = (await readRows(home))[resumed];
    expect(restoredFiles(await readFileStates(home), resumed)).toEqual(restoredFiles(filesBefore, resumed));
    expect(undated(row)).toEqual(undated(rowsBefore[resumed]));
    for (const field of ['updatedAt', 'sessionStartedAt', 'lastInteractionAt']) {
      expect(row?.[field]).toBeGreaterThan(Date.now() - DAY_MS / 24);
    }
  });

  test('the next message continues a thread restored with --resume, where the reset policy would not', async () => {
    const requestsBefore = store.model.requests.length;
    await duringGateway(async () => {
      await sendMessage(release, home, resumed, 'go on');
      await sendMessage(release, home, plain, 'start again');
    });
    const [toResumed, toPlain] = store.model.requests
      .slice(requestsBefore)
      .map(({ messages }) =>
        messages.filter(({ role }) => role === 'user').map(({ text }) => text.replace(/^\[[^\]]*\] /, '')),
      );
    const threadTs = store.threads[0]?.threadTs;
    expect(toResumed).toEqual([`message 1 to ${threadTs}`, `message 2 to ${threadTs}`, 'go on']);
    expect(toPlain).toEqual(['start again']);

    const rows = await readRows(home);
    expect(rows[resumed]?.sessionId).toBe(rowsBefore[resumed]?.sessionId);
    expect(rows[plain]?.sessionId).not.toBe(rowsBefore[plain]?.sessionId);
    expect(await deliveryOf([resumed, plain, revived])).toEqual(
      [...store.threads, store.channel].map(({ channelId }) => `slack channel:${channelId}`),
    );
  });

  async function duringGateway(work: () => Promise<void>): Promise<void> {
    const gateway = await startGateway(release, home);
    try {
      await work();
    } finally {
      await gateway.stop();
    }
  }

  async function deliveryOf(keys: readonly string[]): Promise<string[]> {
    const targets = await resolveDelivery(release, home, keys);
    return keys.map(
      (key) => `${targets[key]?.deliveryContext?.channel} ${targets[key]?.deliveryContext?.to}`,
    );
  }

  function restoredFiles(files: Record<string, FileState>, key: string): Record<string, FileState> {
    return filesOfSession(files, rowsBefore[key]?.sessionId);
  }
});

function undated(row: Row | undefined): Row {
  const { updatedAt, sessionStartedAt, lastInteractionAt, ...rest } = row ?? {};
  return rest;
}
