import { errnoName, isSystemError, systemHint, systemMessage } from './system-error.ts';

/** Every failure that a user can meet has one of these codes; `docs/errors.md` has a row for each. */
export const ERROR_CODES = [
  'usage',
  'config-invalid',
  'no-session-store',
  'store-unreadable',
  'store-not-regular',
  'store-busy',
  'store-io',
  'store-migrated',
  'gateway-running',
  'gateway-unreachable',
  'gateway-denied',
  'gateway-no-plugin',
  'gateway-protocol',
  'locked',
  'lease-lost',
  'source-changed',
  'source-unreadable',
  'engine-unavailable',
  'frame-corrupt',
  'object-not-found',
  'object-exists',
  'object-invalid-key',
  'object-corrupt',
  'object-cold',
  'archive-unreachable',
  'archive-denied',
  'archive-protocol',
  'archive-io',
  'archive-replaced',
  'manifest-invalid',
  'manifest-newer',
  'mark-unreadable',
  'forgotten',
  'pinned',
  'report-invalid',
  'selector-unknown',
  'selector-ambiguous',
  'restore-conflict',
  'session-in-use',
  'scratch-io',
  'state-io',
  'output-io',
  'system-io',
  'worker-died',
  'schedule-failed',
  'interrupted',
  'internal',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

export interface ErrorOptions {
  /** What the reader can type or change next. One sentence. */
  readonly hint?: string;
  /** Whether the same call may succeed later without anybody changing anything. @default false */
  readonly retryable?: boolean;
  readonly cause?: unknown;
}

/**
 * The one base class. `message` says what we were doing, then with what
 * (`get object a/1: not found`); it never holds conversation text, a credential
 * or a raw session key.
 */
export class ClawbackError extends Error {
  override readonly name = 'ClawbackError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.retryable = options.retryable ?? false;
  }
}

export function isClawbackError(error: unknown): error is ClawbackError {
  return error instanceof ClawbackError;
}

/** An error as plain data. Class and code do not survive a worker thread by themselves. */
export interface ErrorData {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
  readonly retryable: boolean;
}

export function toErrorData(error: unknown): ErrorData {
  if (error instanceof ClawbackError) {
    const { code, message, hint, retryable } = error;
    return { code, message, retryable, ...(hint === undefined ? {} : { hint }) };
  }
  if (isSystemError(error)) {
    return {
      code: 'system-io',
      message: describe(error),
      retryable: false,
      hint: systemHint(errnoName(error)),
    };
  }
  return { code: 'internal', message: describe(error), retryable: false };
}

export function reviveError(data: ErrorData): ClawbackError {
  return new ClawbackError(data.code, data.message, {
    retryable: data.retryable,
    ...(data.hint === undefined ? {} : { hint: data.hint }),
  });
}

/** The message of anything thrown; `zstd-codec` throws strings and undefined. */
export function describe(error: unknown): string {
  if (isSystemError(error)) return systemMessage(error);
  if (error instanceof Error) return error.message || error.name;
  return String(error);
}

/** The `code` of a Node system error (`ENOENT`), or undefined. */
export function errnoOf(error: unknown): string | undefined {
  const { code, errno } = (error ?? {}) as { code?: unknown; errno?: unknown };
  return typeof code === 'string' ? errnoName({ code, errno }) : undefined;
}
