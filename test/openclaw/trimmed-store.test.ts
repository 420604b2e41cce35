import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeSlackStore } from '../../src/demo/slack-store.ts';
import type { SyntheticStore } from '../../src/demo/synthetic-store.ts';
import { clawbackJson, configureClawback } from './support/clawback.ts';
import { describeRun, openclawJson, runOpenClaw } from './support/cli.ts';
import { freePort, startGateway } from './support/gateway.ts';
import {
  createOpenClawHome,
  type OpenClawHome,
  type Row,
  readRows,
  type SessionRows,
} from './support/home.ts';
import { type MockModel, startMockModel } from './support/mock-model.ts';
import { sendMessage } from './support/own-store.ts';
import { installOpenClaw, OPENCLAW_RELEASES, type OpenClawRelease } from './support/release.ts';
import { type DeliveryTarget, resolveDelivery } from './support/slack.ts';

const DAY_MS = 86_400_000;
const ROUTING = [
  'deliveryContext',
  'lastChannel',
  'lastTo',
  'lastAccountId',
  'lastThreadId',
  'origin',
  'groupId',
];

interface CleanupReport {
  readonly beforeCount: number;
  readonly afterCount: number;
  readonly missing: number;
  readonly pruned: number;
  readonly capped: number;
}

/** The store of the Slack report, trimmed by clawback, under every command that could remove a row. */
describe.each(OPENCLAW_RELEASES)('openclaw@%s on a store that clawback trimmed', (version) => {
  let release: OpenClawRelease;
  let model: MockModel;
  let home: OpenClawHome;
  let synthetic: SyntheticStore;
  let trimmedKeys: string[];
  let rows: SessionRows;
  /** One trimmed conversation in four: each lookup parses the whole store. */
  let sampledKeys: string[];
  let targetsBefore: Record<string, DeliveryTarget>;

  beforeAll(async () => {
    release = await installOpenClaw(version);
    model = await startMockModel();
    home = await createOpenClawHome({ gateway: await freePort(), model: model.port });
    synthetic = await writeSlackStore({
      stateDir: home.stateDir,
      nowMs: Date.now(),
      sizeScale: 0.01,
      orphans: false,
    });
    trimmedKeys = synthetic.sessions
      .filter(({ ageMs, blocker }) => ageMs > 7 * DAY_MS && blocker === undefined)
      .map(({ sessionKey }) => sessionKey);
    sampledKeys = trimmedKeys.filter((_, index) => index % 4 === 0);
    targetsBefore = await resolveDelivery(release, home, sampledKeys);
    await configureClawback(home, { protectedPruneAfter: '7d' });
    await clawbackJson(home, ['archive']);
    rows = await readRows(home);
  });

  afterAll(async () => {
    await model?.close();
    await home?.remove();
  });

  test('the old idle conversations are tombstones with a stub, and nothing else is', () => {
    const tombstones = Object.keys(rows).filter((key) => rows[key]?.clawback !== undefined);
    expect(tombstones.sort()).toEqual(trimmedKeys.toSorted());
    expect(trimmedKeys.length).toBeGreaterThan(100);
    for (const key of tombstones)
      expect(rows[key]).toMatchObject({ updatedAt: 0, sessionFile: expect.any(String) });
  });

  test('`sessions --json` lists every row', async () => {
    const listed = await openclawJson<{ count: number; sessions: { key: string }[] }>(release, home, [
      'sessions',
      '--limit',
      'all',
    ]);
    expect(listed.sessions.map(({ key }) => key).sort()).toEqual(Object.keys(rows).sort());
  });

  test.each(['--dry-run', '--enforce', '--dry-run --fix-missing', '--enforce --fix-missing'])(
    '`sessions cleanup %s` keeps every row',
    async (flags) => {
      const report = await openclawJson<CleanupReport>(release, home, [
        'sessions',
        'cleanup',
        ...flags.split(' '),
      ]);
      const count = synthetic.rowCount;
      expect(report).toMatchObject({
        beforeCount: count,
        afterCount: count,
        missing: 0,
        pruned: 0,
        capped: 0,
      });
      await expectTombstonesKept();
    },
  );

  test('`doctor --non-interactive` keeps every row', async () => {
    const result = await runOpenClaw(release, home, ['doctor', '--non-interactive']);
    expect(result.exitCode, describeRun(['doctor'], result)).toBe(0);
    await expectTombstonesKept();
  });

  test('its own code delivers to trimmed conversations as it did before the trim', async () => {
    const targets = await resolveDelivery(release, home, sampledKeys);
    expect(targets).toEqual(targetsBefore);
    const threads = sampledKeys.filter((key) => key.includes(':thread:'));
    expect(threads.length).toBeGreaterThan(20);
    for (const key of threads) {
      expect(targets[key]?.deliveryContext).toMatchObject({
        channel: 'slack',
        threadId: key.split(':thread:')[1],
      });
    }
  });

  test('the next message of a trimmed thread is answered, starts afresh, and keeps the routing', async () => {
    const key = sampledKeys.find((one) => one.includes(':thread:')) ?? '';
    const gateway = await startGateway(release, home);
    try {
      await sendMessage(release, home, key, 'anybody there?');
    } finally {
      await gateway.stop();
    }
    const said = model.requests.at(-1)?.messages.filter(({ role }) => role !== 'system');
    expect(said?.map(({ role, text }) => `${role}: ${text.replace(/^\[[^\]]*\] /, '')}`)).toEqual([
      'user: anybody there?',
    ]);
    const revived = (await readRows(home))[key];
    expect(revived?.updatedAt).toBeGreaterThan(Date.now() - DAY_MS);
    expect(routingOf(revived)).toEqual(routingOf(rows[key]));
    expect(await resolveDelivery(release, home, [key])).toEqual({ [key]: targetsBefore[key] });
    await expectTombstonesKept(trimmedKeys.filter((other) => other !== key));
  });

  async function expectTombstonesKept(keys = trimmedKeys): Promise<void> {
    const now = await readRows(home);
    expect(Object.keys(now).sort()).toEqual(Object.keys(rows).sort());
    for (const key of keys) expect(withoutDerived(now[key])).toEqual(withoutDerived(rows[key]));
  }
});

/** Releases from 2026.5.28 on write this field into every row that older ones wrote, out of the other routing. */
function withoutDerived(row: Row | undefined): Row {
  const { route, ...rest } = row ?? {};
  return rest;
}

function routingOf(row: Row | undefined): Row {
  return Object.fromEntries(ROUTING.map((field) => [field, row?.[field]]));
}
