import { ClawbackError, ERROR_CODES, type ErrorData, reviveError } from '../errors.ts';
import { isRecord } from '../openclaw/read-json5.ts';

/** What the gateway answered instead of a payload. */
export interface GatewayFailure {
  readonly code: string;
  readonly message: string;
  readonly retryAfterMs?: number;
  readonly details?: unknown;
}

export function parseFailure(value: unknown): GatewayFailure {
  const { code, message, retryAfterMs, details } = isRecord(value) ? value : {};
  return {
    code: typeof code === 'string' ? code : '',
    message: typeof message === 'string' ? message : 'no reason given',
    ...(typeof retryAfterMs === 'number' ? { retryAfterMs } : {}),
    ...(details === undefined ? {} : { details }),
  };
}

/** Says what to do about it. What our own plugin reports comes through as it was. */
export function gatewayError(what: string, { message, details }: GatewayFailure): ClawbackError {
  if (isErrorData(details)) return reviveError(details);
  const text = `${what}: ${message.slice(0, 200)}`;
  if (/unknown method/i.test(message)) {
    return new ClawbackError('gateway-no-plugin', text, {
      hint: 'openclaw plugins install "$(npm root -g)/clawback" (with --force over an older one), then restart the gateway',
    });
  }
  if (/missing scope/i.test(message)) {
    return new ClawbackError('gateway-denied', text, {
      hint: 'the gateway gives this connection no admin scope: use its shared token or password, on loopback',
    });
  }
  if (/unauthorized|mismatch|device identity|token|password/i.test(message)) {
    return new ClawbackError('gateway-denied', text, {
      hint: 'clawback uses gateway.auth of openclaw.json, else OPENCLAW_GATEWAY_TOKEN or OPENCLAW_GATEWAY_PASSWORD: set what the gateway was started with',
    });
  }
  return new ClawbackError('gateway-protocol', text, {
    hint: 'run with the gateway stopped, and report the message: this OpenClaw release may speak another protocol',
  });
}

function isErrorData(value: unknown): value is ErrorData {
  return (
    isRecord(value) &&
    typeof value.message === 'string' &&
    typeof value.retryable === 'boolean' &&
    (ERROR_CODES as readonly unknown[]).includes(value.code) &&
    (value.hint === undefined || typeof value.hint === 'string')
  );
}
