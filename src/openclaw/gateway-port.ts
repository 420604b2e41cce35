import { type JsonRecord, recordAt } from './read-json5.ts';
import type { Environment } from './state-dir.ts';

const DEFAULT_PORT = 18_789;
/** What the profile "dev" listens on where nothing else is said. */
const DEV_PROFILE_PORT = 19_001;

/** The port that the gateway of this config listens on: `OPENCLAW_GATEWAY_PORT`, else `gateway.port`, else 18789. */
export function gatewayPort(env: Environment, root: JsonRecord): number {
  const exported = portOf(env.OPENCLAW_GATEWAY_PORT?.trim() ?? '');
  if (exported !== undefined) return exported;
  if (env.OPENCLAW_PROFILE?.trim() === 'dev') return DEV_PROFILE_PORT;
  const { port } = recordAt(root, 'gateway');
  return isPort(port) ? port : DEFAULT_PORT;
}

/** `18790`, `host:18790` or `[::1]:18790`; anything else is ignored, as OpenClaw does. */
function portOf(text: string): number | undefined {
  const [, digits] = /^(?:[^:]+:|\[[^\]]+\]:)?(\d+)$/.exec(text) ?? [];
  const port = Number(digits);
  return isPort(port) ? port : undefined;
}

function isPort(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) < 65_536;
}
