import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeRun, runNode } from './cli.ts';
import type { OpenClawHome } from './home.ts';
import type { OpenClawRelease } from './release.ts';

/** A message in a Slack channel, or in a thread of it. */
export interface SlackPlace {
  readonly sessionKey: string;
  /** As Slack writes it, in upper case. */
  readonly channelId: string;
  /** With the `#`. */
  readonly channelName: string;
  readonly threadTs?: string;
  readonly userId: string;
}

/** Where OpenClaw would send the next message of a session. */
export interface DeliveryTarget {
  readonly deliveryContext?: {
    readonly channel: string;
    readonly to: string;
    readonly accountId?: string;
    readonly threadId?: string;
  };
  readonly threadId?: string;
}

/** The place with the key that OpenClaw's Slack plugin gives it. */
export function slackPlace(place: Omit<SlackPlace, 'sessionKey'>): SlackPlace {
  const channelKey = `agent:main:slack:channel:${place.channelId.toLowerCase()}`;
  const sessionKey = place.threadTs === undefined ? channelKey : `${channelKey}:thread:${place.threadTs}`;
  return { ...place, sessionKey };
}

/** Records that a message came in at each place: OpenClaw's own code writes the rows' routing. */
export async function recordSlackInbound(
  release: OpenClawRelease,
  home: OpenClawHome,
  places: readonly SlackPlace[],
): Promise<void> {
  const storePath = join(home.sessionsDir, 'sessions.json');
  await runScript('record-inbound.mjs', home, [release.packageDir, storePath, JSON.stringify(places)]);
}

/** Where OpenClaw's own code delivers, by session key. */
export async function resolveDelivery(
  release: OpenClawRelease,
  home: OpenClawHome,
  sessionKeys: readonly string[],
): Promise<Record<string, DeliveryTarget>> {
  const stdout = await runScript('print-delivery.mjs', home, [release.packageDir, ...sessionKeys]);
  return JSON.parse(stdout) as Record<string, DeliveryTarget>;
}

export async function runScript(name: string, home: OpenClawHome, args: readonly string[]): Promise<string> {
  const script = fileURLToPath(new URL(name, import.meta.url));
  const result = await runNode([script, ...args], home);
  if (result.exitCode !== 0) throw new Error(describeRun([name], result));
  return result.stdout;
}
