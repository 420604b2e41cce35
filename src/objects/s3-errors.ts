import { ClawbackError, describe, errnoOf } from '../errors.ts';
import { notFound } from './checks.ts';
import { coldMeaning } from './s3-cold.ts';
import { type Meaning, meaningOfName, meaningOfStatus } from './s3-meanings.ts';

/** Turns whatever the SDK throws into the store's own errors. */
export function translateS3Error(doing: string, bucket: string, error: unknown): ClawbackError {
  if (error instanceof ClawbackError) return error;
  const name = s3ErrorName(error);
  // A bare 404 may come from a proxy; only S3 itself says NoSuchKey.
  if (name === 'NoSuchKey') return notFound(doing);
  const { code, what, hint, retryable = false } = meaningOf(error, name, bucket);
  const label = name === '' || what.includes(name) ? '' : ` (${name})`;
  return new ClawbackError(code, `${doing}: ${what}${label}`, {
    hint,
    retryable,
    cause: slimCause(error, name),
  });
}

/** The service's name of the error (`NoSuchKey`), or empty. */
export function s3ErrorName(error: unknown): string {
  const name = error instanceof Error ? error.name : '';
  return /^[A-Za-z0-9.]{1,60}$/.test(name) && name !== 'Error' ? name : '';
}

export function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } } | null | undefined)?.$metadata?.httpStatusCode;
}

/** An answer that no S3 service gives. */
export function nonsense(doing: string, what: string): ClawbackError {
  return new ClawbackError('archive-protocol', `${doing}: ${what}`, {
    hint: 'is s3.endpoint an S3 service, and is no proxy or login page in between?',
  });
}

function meaningOf(error: unknown, name: string, bucket: string): Meaning {
  if (name === 'InvalidObjectState') return coldMeaning(error);
  const known = meaningOfName(name, bucket);
  if (known !== undefined) return known;
  const status = statusOf(error);
  return status === undefined ? meaningOfNoAnswer(error) : meaningOfStatus(status, bucket);
}

const TLS = /^(?:CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|EPROTO$)/;

function meaningOfNoAnswer(error: unknown): Meaning {
  const errno = errnoOf(error);
  if (error instanceof Error && error.message.startsWith('Region is missing')) {
    return { code: 'config-invalid', what: 'no region is known', hint: 'set s3.region or AWS_REGION' };
  }
  if (errno === 'ENOTFOUND' || errno === 'EAI_AGAIN') {
    return unreachable('the name of the server is unknown', {
      hint: 'check s3.endpoint and the network; for a server of your own also set s3.forcePathStyle to true',
      retryable: errno === 'EAI_AGAIN',
    });
  }
  if (errno !== undefined && TLS.test(errno)) {
    return unreachable(`no trusted TLS connection (${errno})`, {
      hint: 'check the certificate and http or https in s3.endpoint; NODE_EXTRA_CA_CERTS names a private authority',
      retryable: false,
    });
  }
  if (errno?.startsWith('HPE_') || error instanceof SyntaxError) {
    return {
      code: 'archive-protocol',
      what: 'the answer makes no sense',
      hint: 'is s3.endpoint an S3 service?',
    };
  }
  return unreachable(`${errno ?? (s3ErrorName(error) || 'no answer')}${addressOf(error)}`, {
    hint: 'check s3.endpoint and the network, then run again',
    retryable: true,
  });
}

/** ` at 10.0.0.5:9000`, where a connection was tried. */
function addressOf(error: unknown): string {
  const { address, port } = (error ?? {}) as { address?: unknown; port?: unknown };
  return typeof address === 'string' ? ` at ${address}:${String(port)}` : '';
}

function unreachable(what: string, rest: { readonly hint: string; readonly retryable: boolean }): Meaning {
  return { code: 'archive-unreachable', what, ...rest };
}

/** Name and text only: the SDK's errors carry the request, and so the signed headers. */
function slimCause(error: unknown, name: string): Error {
  const text = describe(error).replace(/\s+/g, ' ').slice(0, 300);
  return new Error(name === '' ? text : `${name}: ${text}`);
}
