import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { clawbackJson, configureClawback, runClawback } from './support/clawback.ts';
import { runOpenClaw } from './support/cli.ts';
import { type Gateway, startGateway } from './support/gateway.ts';
import { readRows } from './support/home.ts';
import { type OwnStore, sendMessage, writeOwnStore } from './support/own-store.ts';
import { installPlugin, packageFolder } from './support/plugin.ts';
import { GATEWAY_RELEASES, installOpenClaw, type OpenClawRelease } from './support/release.ts';
import { ageSessions, readFileStates } from './support/sessions-state.ts';

const DAY_MS = 86_400_000;

interface ArchiveReport {
  readonly road: { readonly name: string };
  readonly done: { readonly modelRunRowsRemoved: number; readonly protectedRowsTrimmed: number };
  readonly leftAlone: readonly unknown[];
  readonly planned: { readonly protectedKeptByReason: Readonly<Record<string, number>> };
  readonly plan: readonly {
    readonly kept: readonly { readonly sessionKey: string; readonly reason: string }[];
  }[];
}

interface ReclaimReport {
  readonly road: { readonly name: string };
  readonly done: { readonly protectedRowsTrimmed: number };
  readonly held: readonly { readonly reason: string; readonly files: number }[];
}

/** A whole night beside a gateway that is up, by the verb that the plugin gives OpenClaw. */
describe.each(GATEWAY_RELEASES)('beside a running gateway of openclaw@%s', (version) => {
  let release: OpenClawRelease;
  let store: OwnStore;
  let folder: string;
  let gateway: Gateway;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'clawback-plugin-'));
    release = await installOpenClaw(version);
    store = await writeOwnStore(release);
    await ageSessions(store.home, 2 * DAY_MS);
    await configureClawback(store.home, { modelRunPruneAfter: '24h', protectedPruneAfter: '1d' });
    await installPlugin(release, store.home, await packageFolder(folder));
    gateway = await startGateway(release, store.home);
    console.info(`OpenClaw ${version}: plugin installed, gateway up`);
  });

  afterAll(async () => {
    await gateway?.stop();
    await store?.remove();
    await rm(folder, { recursive: true, force: true });
  });

  // Not by `openclaw clawback --json`: OpenClaw may print lines of its own before ours.
  const clawback = <T>(...args: string[]) => clawbackJson<T>(store.home, args);

  test('a conversation in which the model thinks is kept, with the reason', async () => {
    const busy = store.threads[0]?.sessionKey ?? '';
    const held = store.model.hold('think about it');
    const turn = sendMessage(release, store.home, busy, 'think about it');
    await held.asked;
    const { road, plan } = await clawback<ArchiveReport>('archive', '--dry-run');
    expect(road.name).toBe('gateway');
    const kept = plan.flatMap((one) => one.kept).find(({ sessionKey }) => sessionKey === busy);
    expect(['gateway-run', 'running', 'running-task']).toContain(kept?.reason);
    held.release();
    await turn;
  });

  test('archive has the gateway trim the others, and their files go', async () => {
    const quiet = [store.channel, ...store.threads.slice(1)].map(({ sessionKey }) => sessionKey);
    const before = await readRows(store.home);
    let report = await clawback<ArchiveReport>('archive');
    expect(report.road.name).toBe('gateway');
    // OpenClaw's first save of all rows may have rewritten derived fields in between: such a row stays for a second run.
    if (report.leftAlone.length > 0) report = await clawback<ArchiveReport>('archive');
    const { leftAlone, planned } = report;
    console.info(`OpenClaw ${version}: kept ${JSON.stringify(planned.protectedKeptByReason)}`);
    expect(leftAlone).toEqual([]);
    const rows = await readRows(store.home);
    for (const key of quiet) {
      expect(rows[key]).toMatchObject({ updatedAt: 0, clawback: { v: 1 } });
      expect(rows[key]?.deliveryContext).toEqual(before[key]?.deliveryContext);
      const files = (await readdir(store.home.sessionsDir)).filter((name) =>
        name.startsWith(String(before[key]?.sessionId)),
      );
      expect(files).toEqual([]);
    }
    expect(Object.keys(rows).filter((key) => key.includes(':model-run-'))).toEqual([]);
    expect(rows['agent:main:main']).toMatchObject({ sessionId: before['agent:main:main']?.sessionId });
  });

  test('restore --resume has it put a row back, and the next message is answered with the old ones in mind', async () => {
    const { sessionKey, threadTs } = store.threads[1] ?? store.channel;
    const restored = await clawback<{ road: { name: string }; row: string }>(
      'restore',
      sessionKey,
      '--resume',
    );
    expect(restored).toMatchObject({ road: { name: 'gateway' }, row: 'restored' });
    await sendMessage(release, store.home, sessionKey, 'do you remember');
    const asked = store.model.requests
      .at(-1)
      ?.messages.map(({ text }) => text)
      .join('\n');
    expect(asked).toContain(`message 1 to ${threadTs}`);
    expect(asked).toContain('do you remember');
  });

  test('openclaw clawback is the same program, where operators look for it', async () => {
    const { exitCode, stdout } = await runOpenClaw(release, store.home, ['clawback', 'list']);
    expect({ exitCode, stdout }).toEqual({
      exitCode: 0,
      stdout: expect.stringContaining(store.channel.sessionKey),
    });
  });

  test('a conversation in use is not restored over', async () => {
    const { sessionKey } = store.channel;
    const held = store.model.hold('a long thought');
    const turn = sendMessage(release, store.home, sessionKey, 'a long thought');
    await held.asked;
    const before = await readFileStates(store.home);
    const { exitCode, stdout } = await runClawback(store.home, ['restore', sessionKey, '--resume', '--json']);
    expect({ exitCode, error: JSON.parse(stdout) as unknown }).toEqual({
      exitCode: 1,
      error: expect.objectContaining({ code: 'session-in-use' }),
    });
    const names = (states: object) => Object.keys(states).filter((name) => !name.endsWith('.lock'));
    expect(names(await readFileStates(store.home))).toEqual(names(before));
    held.release();
    await turn;
  });

  test('reclaim takes the flight recorder of an idle conversation; the next turn is answered and begins a new one', async () => {
    const key = 'agent:main:main';
    const namesOf = async () => {
      const id = String((await readRows(store.home))[key]?.sessionId);
      return (await readdir(store.home.sessionsDir)).filter((name) => name.startsWith(id));
    };
    const [before] = (await namesOf()).filter((name) => name.endsWith('.trajectory.jsonl'));
    expect(before).toBeDefined();
    const { sessionId } = (await readRows(store.home))[key] ?? {};
    await configureClawback(store.home, { protectedPruneAfter: '1d', minIdle: '1m' });
    // A gateway that works slowly keeps a conversation in use for a while: then it is left alone.
    await vi.waitFor(
      async () => {
        const result = await runClawback(store.home, ['reclaim', '--max-disk', '1KB', '--json']);
        const { road, done, held } = JSON.parse(result.stdout) as ReclaimReport;
        expect([result.exitCode, road.name, done.protectedRowsTrimmed]).toEqual([3, 'gateway', 0]);
        expect(await namesOf(), JSON.stringify(held)).not.toContain(before);
      },
      { timeout: 300_000, interval: 10_000 },
    );
    expect(await namesOf()).toContain(before?.replace('.trajectory', ''));
    expect((await readRows(store.home))[key]).toMatchObject({ sessionId });
    await sendMessage(release, store.home, key, 'still there?');
    expect(store.model.requests.at(-1)?.messages.at(-1)?.text).toContain('still there?');
    expect((await namesOf()).filter((name) => name.endsWith('.trajectory.jsonl'))).toHaveLength(1);
  });
});
