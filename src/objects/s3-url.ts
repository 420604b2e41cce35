import { ClawbackError } from '../errors.ts';
import type { S3Options } from './location.ts';
import { isObjectKey } from './object-store.ts';

export interface S3Place {
  readonly bucket: string;
  /** Empty, or with a slash at its end. */
  readonly prefix: string;
}

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;

/** @throws {ClawbackError} `config-invalid`. Never repeats a URL that may hold a credential. */
export function parseS3Url(url: string): S3Place {
  const match = /^s3:\/\/([^/]*)(?:\/(.*))?$/s.exec(url);
  const [, bucket = '', path = ''] = match ?? [];
  if (/[@?#]/.test(url)) {
    throw invalid('open archive: the URL holds more than a bucket and a prefix', {
      hint: "use s3://bucket/prefix; credentials come from the SDK's own chain (environment, profile, role)",
    });
  }
  if (!BUCKET.test(bucket)) {
    throw invalid(`open archive ${url}: not a bucket name`, {
      hint: 'use s3://bucket/prefix, the bucket 3 to 63 of a-z 0-9 . -',
    });
  }
  const prefix = path.replace(/\/+$/, '');
  if (prefix !== '' && !isObjectKey(prefix)) {
    throw invalid(`open archive ${url}: not a usable prefix`, {
      hint: 'prefixes are [a-z0-9/_.=-] without empty or dot segments',
    });
  }
  return { bucket, prefix: prefix === '' ? '' : `${prefix}/` };
}

/** @throws {ClawbackError} `config-invalid`. Never repeats an endpoint that may hold a credential. */
export function checkEndpoint(options: S3Options): void {
  const { endpoint } = options;
  if (endpoint === undefined) return;
  const hint = 'use http://host:port or https://host, without user, password, query or fragment';
  if (!URL.canParse(endpoint) || !/^https?:\/\//i.test(endpoint)) {
    throw invalid('open archive: s3.endpoint is not an http or https URL', { hint });
  }
  const { username, password, search, hash } = new URL(endpoint);
  if (username !== '' || password !== '' || search !== '' || hash !== '') {
    throw invalid('open archive: s3.endpoint holds more than a server', { hint });
  }
}

function invalid(message: string, options: { readonly hint: string }): ClawbackError {
  return new ClawbackError('config-invalid', message, options);
}
