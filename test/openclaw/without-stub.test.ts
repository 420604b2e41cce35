import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeSlackStore } from '../../src/demo/slack-store.ts';
import { clawbackJson, configureClawback } from './support/clawback.ts';
import { openclawJson } from './support/cli.ts';
import { freePort } from './support/gateway.ts';
import { createOpenClawHome, type OpenClawHome, readRows } from './support/home.ts';
import { installOpenClaw, OPENCLAW_RELEASES, type OpenClawRelease } from './support/release.ts';

/** Why tombstones come with a stub transcript unless `tombstone.stub` is off. */
describe.each(OPENCLAW_RELEASES)('openclaw@%s on tombstones without stubs', (version) => {
  let release: OpenClawRelease;
  let home: OpenClawHome;
  let rowCount: number;

  beforeAll(async () => {
    release = await installOpenClaw(version);
    home = await createOpenClawHome({ gateway: await freePort(), model: await freePort() });
    const options = { stateDir: home.stateDir, nowMs: Date.now(), sizeScale: 0.01, countScale: 0.1 };
    ({ rowCount } = await writeSlackStore({ ...options, orphans: false }));
    await configureClawback(home, { protectedPruneAfter: '7d' }, { stub: false });
    await clawbackJson(home, ['archive']);
  });

  afterAll(() => home?.remove());

  test('`sessions cleanup --enforce` keeps them', async () => {
    await openclawJson(release, home, ['sessions', 'cleanup', '--enforce']);
    expect(Object.keys(await readRows(home))).toHaveLength(rowCount);
  });

  test('`sessions cleanup --enforce --fix-missing` removes exactly them', async () => {
    const before = await readRows(home);
    const kept = Object.keys(before).filter((key) => before[key]?.clawback === undefined);
    expect(kept.length).toBeLessThan(rowCount);
    await openclawJson(release, home, ['sessions', 'cleanup', '--enforce', '--fix-missing']);
    expect(Object.keys(await readRows(home)).sort()).toEqual(kept.sort());
  });
});
