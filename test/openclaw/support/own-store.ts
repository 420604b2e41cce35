import { openclawJson } from './cli.ts';
import { freePort, startGateway } from './gateway.ts';
import { createOpenClawHome, type OpenClawHome } from './home.ts';
import { type MockModel, startMockModel } from './mock-model.ts';
import type { OpenClawRelease } from './release.ts';
import { recordSlackInbound, type SlackPlace, slackPlace } from './slack.ts';

/** A store that a real gateway wrote, with the gateway stopped again and the model still there. */
export interface OwnStore {
  readonly home: OpenClawHome;
  readonly model: MockModel;
  readonly threads: readonly SlackPlace[];
  readonly channel: SlackPlace;
  remove(): Promise<void>;
}

export const MODEL_RUNS = 3;
const TURNS_PER_THREAD = 2;

/** Two Slack threads of two turns each, their channel, the main session, and three model-run probes. */
export async function writeOwnStore(release: OpenClawRelease): Promise<OwnStore> {
  const model = await startMockModel();
  const home = await createOpenClawHome({ gateway: await freePort(), model: model.port });
  const inOps = { channelId: 'C0OPS1234', channelName: '#ops', userId: 'U0ALICE' };
  const channel = slackPlace(inOps);
  const threads = ['1700000000.000100', '1700000300.000200'].map((ts) =>
    slackPlace({ ...inOps, threadTs: ts }),
  );
  const remove = async () => {
    await model.close();
    await home.remove();
  };
  try {
    await recordSlackInbound(release, home, [channel, ...threads]);
    const gateway = await startGateway(release, home);
    try {
      await talk(release, home, [channel, ...threads]);
    } finally {
      await gateway.stop();
    }
  } catch (error) {
    await remove();
    throw error;
  }
  return { home, model, threads, channel, remove };
}

async function talk(
  release: OpenClawRelease,
  home: OpenClawHome,
  places: readonly SlackPlace[],
): Promise<void> {
  for (let run = 1; run <= MODEL_RUNS; run += 1) {
    await openclawJson(release, home, ['infer', 'model', 'run', '--gateway', '--prompt', `probe ${run}`]);
  }
  for (const { sessionKey, threadTs } of places) {
    const turns = threadTs === undefined ? 1 : TURNS_PER_THREAD;
    for (let turn = 1; turn <= turns; turn += 1) {
      await sendMessage(release, home, sessionKey, `message ${turn} to ${threadTs ?? 'the channel'}`);
    }
  }
  await sendMessage(release, home, 'agent:main:main', 'message to the main session');
}

/** One turn of a session, through the running gateway. Resolves when the answer is there. */
export async function sendMessage(
  release: OpenClawRelease,
  home: OpenClawHome,
  sessionKey: string,
  text: string,
): Promise<void> {
  await openclawJson(release, home, ['agent', '--session-key', sessionKey, '-m', text]);
}
