import { randomUUID } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, vi } from 'vitest';
import { clawbackJson } from './clawback.ts';
import { freePort, type Gateway, startGateway } from './gateway.ts';
import { connectGateway, type GatewayClient } from './gateway-client.ts';
import { createOpenClawHome, type OpenClawHome, type Row, readRows, writeRows } from './home.ts';
import { type MockModel, startMockModel } from './mock-model.ts';
import { installPlugin } from './plugin.ts';
import type { OpenClawRelease } from './release.ts';
import { ageSessions } from './sessions-state.ts';
import { type SlackPlace, slackPlace } from './slack.ts';

const INBOUND_PLUGIN = fileURLToPath(new URL('./clawback-test-inbound', import.meta.url));
const DAY_MS = 86_400_000;

/** What the user had said in a thread before it was archived. */
export function earlierMessages(place: SlackPlace): string[] {
  return [`first in ${place.threadTs}`, `second in ${place.threadTs}`];
}

export interface Delivered {
  readonly text: string;
  readonly to: string;
  readonly threadTs: string;
}

/**
 * A gateway of a real release with clawback as its plugin, over a store of Slack threads that the release itself
 * wrote and that nobody touched for two days. One gateway serves many stories: each takes threads of its own.
 */
export class LiveOpenClaw {
  readonly release: OpenClawRelease;
  readonly home: OpenClawHome;
  readonly model: MockModel;
  readonly places: readonly SlackPlace[];
  readonly #port: number;
  #gateway: Gateway;
  #client: GatewayClient;
  #spent = 0;

  private constructor(
    release: OpenClawRelease,
    home: OpenClawHome,
    model: MockModel,
    places: readonly SlackPlace[],
    running: { readonly port: number; readonly gateway: Gateway; readonly client: GatewayClient },
  ) {
    this.release = release;
    this.home = home;
    this.model = model;
    this.places = places;
    this.#port = running.port;
    this.#gateway = running.gateway;
    this.#client = running.client;
  }

  /** @param pluginFolder what `packageFolder` made. */
  static async start(
    release: OpenClawRelease,
    pluginFolder: string,
    settings: object,
    threads: number,
  ): Promise<LiveOpenClaw> {
    const model = await startMockModel();
    const port = await freePort();
    const home = await createOpenClawHome({ gateway: port, model: model.port }, [INBOUND_PLUGIN]);
    try {
      const first = threadAt(0);
      await writeFirstThread(release, home, port, first);
      const places = [first];
      for (let index = 1; index < threads; index += 1) {
        const place = threadAt(index);
        await copyThread(home, first, place);
        places.push(place);
      }
      await ageSessions(home, 2 * DAY_MS);
      await installPlugin(release, home, pluginFolder);
      const live = new LiveOpenClaw(release, home, model, places, await run(release, home, port));
      await live.configure(settings);
      return live;
    } catch (error) {
      await model.close();
      await home.remove();
      throw error;
    }
  }

  /** A thread that no story has used yet. */
  takeThread(): SlackPlace {
    const place = this.places[this.#spent];
    if (place === undefined) throw new Error(`take a thread: all ${this.places.length} are used`);
    this.#spent += 1;
    return place;
  }

  /** Writes `clawback.json`; the archive is a folder of the home unless the settings say otherwise. */
  async configure(settings: object): Promise<void> {
    const all = { archive: `file://${this.archiveDir}`, jobs: 1, ...settings };
    await writeFile(join(this.home.stateDir, 'clawback.json'), JSON.stringify(all));
  }

  get archiveDir(): string {
    return join(this.home.root, 'archive');
  }

  call<T>(method: string, params: object = {}): Promise<T> {
    return this.#client.call<T>(method, params);
  }

  clawback<T>(...args: readonly string[]): Promise<T> {
    return clawbackJson<T>(this.home, args);
  }

  /** A message from Slack, as far as OpenClaw can tell. Resolves with what it would have sent there. */
  async inbound(place: SlackPlace, text: string): Promise<readonly Delivered[]> {
    const params = { place, text, messageId: randomUUID() };
    return (await this.call<{ delivered: Delivered[] }>('test.inbound', params)).delivered;
  }

  /** A message through the gateway's own chat. Resolves when the answer is there. */
  async chat(place: SlackPlace, text: string): Promise<void> {
    const runId = randomUUID();
    const ended = this.#client.event<{ runId?: string; state?: string; errorMessage?: string }>(
      'chat',
      (event) => event.runId === runId && event.state !== 'delta',
    );
    await this.call('chat.send', { sessionKey: place.sessionKey, message: text, idempotencyKey: runId });
    const { state, errorMessage } = await ended;
    if (state !== 'final') throw new Error(`chat.send: ${state}: ${errorMessage}`);
  }

  /** A turn through the `agent` method. Resolves when it is over. */
  async agent(place: SlackPlace, text: string): Promise<void> {
    const runId = await this.beginAgent(place, text);
    await this.agentEnd(runId);
  }

  /** The same, accepted and not waited for. Returns the run's id. */
  async beginAgent(place: SlackPlace, text: string): Promise<string> {
    const params = { sessionKey: place.sessionKey, message: text, idempotencyKey: randomUUID() };
    return (await this.call<{ runId: string }>('agent', params)).runId;
  }

  async agentEnd(runId: string): Promise<void> {
    const { status } = await this.call<{ status: string }>('agent.wait', { runId, timeoutMs: 60_000 });
    if (status !== 'ok') throw new Error(`agent: ${status}\n${this.log()}`);
  }

  /** What the user had said in the conversation that the model was last asked about, oldest first. */
  lastAsked(): string[] {
    const messages = this.model.requests.at(-1)?.messages ?? [];
    return messages
      .filter(({ role }) => role === 'user')
      .map(({ text }) => spokenIn(text))
      .filter(Boolean);
  }

  async row(place: SlackPlace): Promise<Row | undefined> {
    return (await readRows(this.home))[place.sessionKey];
  }

  /** Names of the files of one session, sorted. */
  async filesOf(sessionId: unknown): Promise<string[]> {
    return (await readdir(this.home.sessionsDir)).filter((name) => name.startsWith(String(sessionId))).sort();
  }

  /** Everything that the gateway has logged. */
  log(): string {
    return this.#gateway.log();
  }

  async restart(): Promise<void> {
    await this.#end();
    const running = await run(this.release, this.home, this.#port);
    this.#gateway = running.gateway;
    this.#client = running.client;
  }

  async stop(): Promise<void> {
    await this.#end();
    await this.model.close();
    await this.home.remove();
  }

  async #end(): Promise<void> {
    await this.#client.close();
    await this.#gateway.stop();
  }
}

function threadAt(index: number): SlackPlace {
  const threadTs = `17000000${String(index).padStart(2, '0')}.000100`;
  return slackPlace({ channelId: 'C0OPS1234', channelName: '#ops', userId: 'U0ALICE', threadTs });
}

async function run(release: OpenClawRelease, home: OpenClawHome, port: number) {
  const gateway = await startGateway(release, home);
  try {
    return { port, gateway, client: await connectGateway(port) };
  } catch (error) {
    await gateway.stop();
    throw error;
  }
}

/** Two turns in one thread: the first as Slack brings it, which writes the routing. */
async function writeFirstThread(
  release: OpenClawRelease,
  home: OpenClawHome,
  port: number,
  place: SlackPlace,
): Promise<void> {
  const { gateway, client } = await run(release, home, port);
  try {
    const [first, second] = earlierMessages(place);
    await client.call('test.inbound', { place, text: first, messageId: randomUUID() });
    const { runId } = await client.call<{ runId: string }>('agent', {
      sessionKey: place.sessionKey,
      message: second,
      idempotencyKey: randomUUID(),
    });
    await client.call('agent.wait', { runId, timeoutMs: 60_000 });
    // The row says so, and the transcript is let go, a moment after the caller is told.
    const isOver = async () => {
      expect((await readRows(home))[place.sessionKey]).toMatchObject({ status: 'done' });
      expect((await readdir(home.sessionsDir)).filter((name) => name.endsWith('.lock'))).toEqual([]);
    };
    await vi.waitFor(isOver, { timeout: 30_000, interval: 50 });
  } finally {
    await client.close();
    await gateway.stop();
  }
}

/** The same conversation under another thread and another session id. Only while no gateway runs. */
async function copyThread(home: OpenClawHome, from: SlackPlace, to: SlackPlace): Promise<void> {
  const rows = await readRows(home);
  const row = rows[from.sessionKey];
  const oldId = String(row?.sessionId);
  const newId = randomUUID();
  const renamed = (text: string) =>
    text.replaceAll(oldId, newId).replaceAll(String(from.threadTs), String(to.threadTs));
  for (const name of await readdir(home.sessionsDir)) {
    if (!name.startsWith(oldId)) continue;
    const text = await readFile(join(home.sessionsDir, name), 'utf8');
    await writeFile(join(home.sessionsDir, renamed(name)), renamed(text), { mode: 0o600 });
  }
  await writeRows(home, { ...rows, [to.sessionKey]: JSON.parse(renamed(JSON.stringify(row))) as Row });
}

/** The user's words without what OpenClaw puts around them. */
function spokenIn(text: string): string {
  if (text.startsWith('OpenClaw runtime context')) return '';
  const last = text.trimEnd().split('\n').at(-1) ?? '';
  return last.replace(/^\[[^\]]*\] /, '');
}
