import { isAbsolute } from 'node:path';

/** What is wrong with the URL of a health check, or undefined. Never repeats it: whoever has it can ping. */
export function healthcheckUrlProblem(value: unknown): string | undefined {
  if (typeof value !== 'string' || !/^https?:\/\//i.test(value)) return 'is not an http or https URL';
  if (!URL.canParse(value)) return 'is not a valid URL';
  const { username, password, hash } = new URL(value);
  if (username !== '' || password !== '') return 'has a user name or password before the host';
  return hash === '' ? undefined : 'has a fragment (#)';
}

/** What is wrong with the path of a textfile, or undefined. */
export function textfileProblem(value: unknown): string | undefined {
  if (typeof value !== 'string' || !isAbsolute(value)) return 'is not an absolute path';
  if (value.includes('\0')) return 'is no path';
  // The collector of node_exporter reads *.prom and nothing else.
  return /[^/]\.prom$/.test(value) ? undefined : 'does not end in .prom';
}
