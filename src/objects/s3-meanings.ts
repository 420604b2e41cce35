import type { ErrorCode } from '../errors.ts';

/** What an answer of the service means to us. */
export interface Meaning {
  readonly code: ErrorCode;
  readonly what: string;
  readonly hint: string;
  readonly retryable?: boolean;
}

/** The name of our own error for an answer that is a web page. */
export const WEB_PAGE = 'WebPage';

const denied = (bucket: string): Meaning => ({
  code: 'archive-denied',
  what: 'access denied',
  hint: `check that the credentials may read, write, list and delete in bucket ${bucket} (try \`aws s3 ls s3://${bucket}\`)`,
});

const expired = (): Meaning => ({
  code: 'archive-denied',
  what: 'the credentials have expired',
  hint: 'log in again or renew AWS_SESSION_TOKEN, then run again',
});

const noCredentials = (): Meaning => ({
  code: 'archive-denied',
  what: 'no credentials that the server takes',
  hint: 'set or correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE',
});

const wrongRegion = (bucket: string): Meaning => ({
  code: 'config-invalid',
  what: 'the bucket lies in another region',
  hint: `set s3.region to the region of bucket ${bucket}`,
});

const damaged = (): Meaning => ({
  code: 'object-corrupt',
  what: 'the bytes changed on the way',
  hint: 'run again; if it stays, suspect the network or this host’s memory',
  retryable: true,
});

const pastTheEnd = (): Meaning => ({
  code: 'object-corrupt',
  what: 'it ends before the bytes that were asked for',
  hint: 'run `clawback verify` to see what else is damaged',
});

const full = (): Meaning => ({
  code: 'archive-io',
  what: 'the server has no space left',
  hint: 'make room on the server, then run again',
});

const busy = (what: string): Meaning => ({
  code: 'archive-unreachable',
  what: `the server is busy or in trouble, ${what}`,
  hint: 'run again later',
  retryable: true,
});

const BY_NAME: Readonly<Record<string, ((bucket: string) => Meaning) | undefined>> = {
  NoSuchBucket: (bucket) => ({
    code: 'archive-unreachable',
    what: `there is no bucket ${bucket}`,
    hint: `create it (\`aws s3 mb s3://${bucket}\`) or correct the archive URL`,
  }),
  AccessDenied: denied,
  Forbidden: denied,
  ExpiredToken: expired,
  ExpiredTokenException: expired,
  TokenRefreshRequired: expired,
  CredentialsProviderError: noCredentials,
  TokenProviderError: noCredentials,
  InvalidAccessKeyId: noCredentials,
  SignatureDoesNotMatch: noCredentials,
  RequestTimeTooSkewed: () => ({
    code: 'archive-denied',
    what: "this host's clock is wrong",
    hint: 'set the clock (`timedatectl set-ntp true`), then run again',
  }),
  PermanentRedirect: wrongRegion,
  AuthorizationHeaderMalformed: wrongRegion,
  InvalidStorageClass: () => ({
    code: 'config-invalid',
    what: 'the server does not know this storage class',
    hint: 'correct s3.storageClass or leave it out',
  }),
  GlacierExpeditedRetrievalNotAvailable: () => ({
    code: 'archive-unreachable',
    what: 'there is no capacity for expedited thaws now',
    hint: 'ask with --thaw standard, which takes hours, or try again later',
    retryable: true,
  }),
  NotImplemented: () => ({
    code: 'archive-protocol',
    what: 'the server does not support this request',
    hint: 'leave out s3.sse and s3.storageClass, which not every server has',
  }),
  [WEB_PAGE]: () => ({
    code: 'archive-protocol',
    what: 'a web page instead of an answer of S3',
    hint: 'is s3.endpoint an S3 service, and is no proxy or login page in between?',
  }),
  InvalidRange: pastTheEnd,
  XMinioParentIsObject: () => ({
    code: 'object-invalid-key',
    what: 'a part of the key is itself an object',
    hint: 'on this server a key cannot continue another key with a slash',
  }),
  XMinioStorageFull: full,
  InternalError: () => busy('it reports an error of its own'),
  RequestTimeout: () => busy('it waited too long for our bytes'),
  SlowDown: () => busy('it asks us to slow down'),
  BadDigest: damaged,
  InvalidDigest: damaged,
  XAmzContentChecksumMismatch: damaged,
  XAmzContentSHA256Mismatch: damaged,
};

/** @param name the service's name of the error, as in `<Code>`. */
export function meaningOfName(name: string, bucket: string): Meaning | undefined {
  return Object.hasOwn(BY_NAME, name) ? BY_NAME[name]?.(bucket) : undefined;
}

export function meaningOfStatus(status: number, bucket: string): Meaning {
  if (status === 401 || status === 403) return denied(bucket);
  if (status === 301 || status === 307) return wrongRegion(bucket);
  if (status === 416) return pastTheEnd();
  if (status === 507) return full();
  if (status === 408 || status === 409 || status === 429 || (status >= 500 && status !== 501)) {
    return busy(`it answers ${status}`);
  }
  return {
    code: 'archive-protocol',
    what: `unexpected answer ${status}`,
    hint: 'is s3.endpoint an S3 service, and is no proxy in between?',
  };
}
