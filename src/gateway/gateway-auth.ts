import { ClawbackError } from '../errors.ts';
import { type OpenClawConfigInput, readOpenClawRoot } from '../openclaw/openclaw-config.ts';
import { substitute } from '../openclaw/openclaw-environment.ts';
import { isRecord, recordAt } from '../openclaw/read-json5.ts';
import type { Environment } from '../openclaw/state-dir.ts';

/** The secret that a connection shows. Never logged, never part of a message. */
export interface GatewayAuth {
  readonly token?: string;
  readonly password?: string;
}

/**
 * The shared secret of the local gateway, as the gateway itself finds it: `gateway.auth` of its config, then
 * `OPENCLAW_GATEWAY_TOKEN` and `OPENCLAW_GATEWAY_PASSWORD`.
 *
 * @throws {ClawbackError} `config-invalid` if the config does not parse; `gateway-denied` if the secret is a
 *   reference that only OpenClaw can resolve.
 */
export async function readGatewayAuth(input: OpenClawConfigInput): Promise<GatewayAuth> {
  const { root, env } = await readOpenClawRoot(input);
  const auth = recordAt(recordAt(root, 'gateway'), 'auth');
  const token = secretOf(auth.token, 'token', env);
  const password = secretOf(auth.password, 'password', env);
  return {
    ...(token === undefined ? {} : { token }),
    ...(password === undefined ? {} : { password }),
  };
}

function secretOf(configured: unknown, name: 'token' | 'password', env: Environment): string | undefined {
  const variable = `OPENCLAW_GATEWAY_${name.toUpperCase()}`;
  const exported = env[variable]?.trim() || undefined;
  if (isRecord(configured)) {
    if (exported !== undefined) return exported;
    throw new ClawbackError('gateway-denied', `read gateway.auth.${name}: it is a secret reference`, {
      hint: `clawback cannot resolve references: set ${variable} for clawback to the same secret`,
    });
  }
  if (typeof configured !== 'string' || configured.trim() === '') return exported;
  const { text, missing } = substitute(configured, env);
  if (missing === undefined) return text.trim();
  throw new ClawbackError(
    'gateway-denied',
    `read gateway.auth.${name}: it needs ${missing}, which is not set`,
    {
      hint: `set ${missing} for clawback as it is set for the gateway`,
    },
  );
}
