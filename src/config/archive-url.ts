import { isAbsolute } from 'node:path';

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
/** Segments of plain characters, so that every S3-compatible server takes them unescaped. */
const PREFIX = /^(?:[A-Za-z0-9_=-][A-Za-z0-9_.=-]*\/)*[A-Za-z0-9_=-][A-Za-z0-9_.=-]*\/?$/;

const HOLDS_CREDENTIAL =
  "holds a credential; leave it out, credentials come from the SDK's own chain (environment, profile, role)";

/** What is wrong with the URL of an archive, or undefined. Never repeats a value that may hold a credential. */
export function archiveUrlProblem(value: string): string | undefined {
  if (!value.startsWith('file:') && mayHoldCredential(value)) return HOLDS_CREDENTIAL;
  if (value.startsWith('file:')) return fileUrlProblem(value);
  if (value.startsWith('s3://')) return s3UrlProblem(value);
  if (isAbsolute(value)) return `is a path; type file://${encodeURI(value)}`;
  if (/^[a-z0-9+.-]+:/i.test(value)) return 'has an unknown scheme';
  return 'is not a URL; type file:///absolute/dir or s3://bucket/prefix';
}

/** What is wrong with the URL of an S3 server, or undefined. Never repeats the value. */
export function endpointProblem(value: string): string | undefined {
  if (mayHoldCredential(value)) return HOLDS_CREDENTIAL;
  if (!/^https?:\/\//.test(value)) return 'is not an http or https URL';
  if (!URL.canParse(value)) return 'is not a valid URL';
  const { search, hash } = new URL(value);
  if (search !== '' || hash !== '') return 'has a query or fragment; leave it out';
  return undefined;
}

/** A name and password before the host, or a signed query. Such a value is never shown. */
export function mayHoldCredential(value: string): boolean {
  return value.includes('@') || /[?&][^=]*(?:key|secret|token|signature|credential)[^=]*=/i.test(value);
}

function fileUrlProblem(value: string): string | undefined {
  if (!value.startsWith('file:///')) return 'is not absolute; type file:/// and then the whole path';
  if (!URL.canParse(value)) return 'is not a valid URL';
  if (/[?#]/.test(value)) return 'has a ? or #, which a file URL spells %3F and %23';
  if (/%(?:00|2f)/i.test(value) || malformedEscape(value)) return 'has a percent escape that names no path';
  if (value.slice('file://'.length).split('/').includes('..'))
    return 'has .. in its path; spell the path out';
  if (new URL(value).pathname === '/') return 'is the root folder; name a folder of its own';
  return undefined;
}

function s3UrlProblem(value: string): string | undefined {
  const [, bucket = '', slash = '', prefix = ''] = /^s3:\/\/([^/]*)(\/?)(.*)$/s.exec(value) ?? [];
  if (!BUCKET.test(bucket)) return 'has no valid bucket name (3 to 63 of a-z 0-9 . -)';
  if (slash !== '' && prefix !== '' && !PREFIX.test(prefix)) {
    return 'has a prefix with other characters than letters, digits and / _ . = -, or with an empty or dot segment';
  }
  return undefined;
}

function malformedEscape(value: string): boolean {
  try {
    decodeURIComponent(value);
    return false;
  } catch (error) {
    if (error instanceof URIError) return true;
    throw error;
  }
}
