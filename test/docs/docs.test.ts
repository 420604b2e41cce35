import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { writeModelRunStore } from '../../src/demo/model-run-store.ts';
import { ERROR_CODES } from '../../src/errors.ts';
import { METRICS } from '../../src/metrics/exposition.ts';
import { runCli } from '../support/run-cli.ts';

const ROOT = new URL('../../', import.meta.url);
const read = (name: string) => readFile(new URL(name, ROOT), 'utf8');
const ENV = { PATH: process.env.PATH ?? '' };

describe('docs/errors.md', () => {
  it('has one row for every code, and none for others', async () => {
    const rows = [...(await read('docs/errors.md')).matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, code]) => code);
    expect(rows.sort()).toEqual([...ERROR_CODES].sort());
  });
});

describe('docs/monitoring.md', () => {
  it('has every metric, and none that there is not', async () => {
    const named = (await read('docs/monitoring.md')).match(/clawback_[a-z_]+/g);
    expect([...new Set(named)].sort()).toEqual(Object.keys(METRICS).sort());
  });
});

describe('the commands that README and docs show', async () => {
  const names = [
    'README.md',
    ...(await readdir(new URL('docs', ROOT)))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `docs/${name}`),
  ];
  const texts = await Promise.all(names.map(read));
  const code = texts.flatMap((text) => [...text.matchAll(/^```sh\n([\s\S]*?)^```|`([^`\n]+)`/gm)]);
  const shown = code.flatMap(([, block = '', inline = '']) => [
    ...(block + inline).matchAll(/(?:^|&& |\$ )clawback ([a-z]+)([^|#\n]*)/gm),
  ]);
  const commands = shown.map(([, verb = '', rest = '']) => ({ verb, flags: rest.match(/--[a-z-]+/g) ?? [] }));

  it('are there to be checked', () => expect(commands.length).toBeGreaterThan(15));

  test.each([...new Set(commands.map(({ verb }) => verb))])(
    'clawback %s exists, with every flag that is shown',
    async (verb) => {
      const help = (await runCli([verb, '--help'], { env: ENV, nowMs: 0 })).expect(0).text;
      expect(help).toContain(`Usage: clawback ${verb} `);
      for (const flag of commands.filter((command) => command.verb === verb).flatMap(({ flags }) => flags)) {
        expect(help).toContain(flag);
      }
    },
  );
});

describe('docs/cli-json.md', () => {
  let stateDir: string;
  let archiveId: string;
  let onCleanUp = async () => {};
  afterAll(() => onCleanUp());
  const nowMs = Date.UTC(2026, 10, 21, 4);
  const json = async (...argv: string[]) =>
    (await runCli([...argv, '--json', '--state-dir', stateDir], { env: ENV, nowMs }))
      .expect(0)
      .json<Record<string, unknown>>();

  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'clawback-docs-'));
    onCleanUp = () => rm(folder, { recursive: true });
    stateDir = join(folder, 'openclaw');
    await writeModelRunStore({ stateDir, nowMs, sizeScale: 0.01, countScale: 0.02 });
    await runCli(['archive', '--state-dir', stateDir], { env: ENV, nowMs });
    const { sessions } = (await json('list')) as { sessions: { archiveId: string }[] };
    archiveId = sessions[0]?.archiveId ?? '';
  });

  test.each<[string, string[], string?]>([
    ['status', []],
    ['archive', ['--dry-run']],
    ['archive', []],
    ['reclaim', ['--max-disk', '1GB', '--dry-run']],
    ['reclaim', ['--max-disk', '1GB']],
    ['list', []],
    ['verify', []],
    ['drill', []],
    ['pin', ['ID']],
    ['unpin', ['ID']],
    ['forget', ['ID', '--yes']],
    ['unforget', ['ID']],
    ['forget', ['ID', '--dry-run']],
    ['gc', ['--dry-run']],
    ['gc', []],
    ['report', [], 'report-list'],
    ['cat', ['ID']],
    ['restore', ['ID', '--dry-run']],
  ])('names every field that clawback %s %j prints', async (verb, args, schema = verb) => {
    const section = (await read('docs/cli-json.md'))
      .split(/^## /m)
      .find((part) => part.startsWith(`\`clawback.${schema}/1\``));
    const printed = await json(verb, ...args.map((arg) => (arg === 'ID' ? archiveId : arg)));
    expect(printed.schema).toBe(`clawback.${schema}/1`);
    for (const field of Object.keys(printed).filter((name) => name !== 'schema'))
      expect(section).toMatch(new RegExp(`\`${field}(\\[\\])?\``));
  });
});
