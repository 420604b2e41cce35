import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { list } from 'tar';
import { beforeAll, describe, expect, test } from 'vitest';
import { type CliResult, runProgram } from '../support/run-cli.ts';
import type { ArchiveJson } from './support/answers.ts';
import { temporaryFolder } from './support/home.ts';
import { findNode20, findNpm } from './support/programs.ts';
import { readTree } from './support/tree.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const npm = await findNpm();
const node20 = await findNode20();

interface Package {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

/** What `npm publish` would send, installed as a user would install it, in an account of its own. */
describe.skipIf(npm === undefined)('the packed package, installed globally into an empty prefix', () => {
  let account: string;
  let prefix: string;
  let packed: readonly string[];
  let own: Package;

  beforeAll(async () => {
    account = await temporaryFolder();
    prefix = join(account, 'prefix');
    own = JSON.parse(await readFile(join(PROJECT, 'package.json'), 'utf8')) as Package;
    // `npm test` has built dist; building it again here would pull it away from under the other stories.
    await runNpm('pack', '--ignore-scripts', '--pack-destination', account, PROJECT);
    const tarball = join(account, `clawback-${own.version}.tgz`);
    const names: string[] = [];
    await list({ file: tarball, onReadEntry: (entry) => names.push(entry.path.replace(/^package\//, '')) });
    packed = names;
    await runNpm('install', '--global', '--prefix', prefix, '--omit=dev', '--prefer-offline', tarball);
  }, 300_000);

  async function runNpm(...argv: string[]): Promise<void> {
    // `npm test` tells its children where the project is; this npm is to work elsewhere.
    const env = Object.fromEntries(
      Object.entries(process.env).filter(
        ([name]) => !/^npm_(?:package_|lifecycle_|config_.*prefix$)/.test(name),
      ),
    );
    const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
    (await runProgram(npm ?? '', [...argv, ...quiet], env)).expect(0);
  }

  /** Nothing of the project is in reach: neither its folder nor its PATH. */
  function installed(node: string, ...argv: string[]): Promise<CliResult> {
    const program = join(prefix, 'bin', 'clawback');
    return runProgram(node, [program, ...argv], { HOME: account, OPENCLAW_GATEWAY_PORT: '1' });
  }

  test('holds what is needed to run and to read about it, and no test, bench or source', () => {
    expect(packed).toEqual(
      expect.arrayContaining([
        'package.json',
        'README.md',
        'LICENSE',
        'CHANGELOG.md',
        'config.schema.json',
        'openclaw.plugin.json',
        'dist/src/cli/main.js',
        'dist/src/plugin/index.js',
        'dist/src/index.js',
        'dist/src/index.d.ts',
        'dist/workers/ship.js',
      ]),
    );
    const tops = new Set(packed.map((name) => name.split('/')[0]));
    for (const folder of ['src', 'workers', 'test', 'bench', 'scripts', '.ci', 'node_modules']) {
      expect(tops).not.toContain(folder);
    }
    expect(packed.filter((name) => /(?<!\.d)\.ts$|\.test\.|\.tgz$/.test(name))).toEqual([]);
    expect(
      packed.filter((name) => name.startsWith('dist/') && !/^dist\/(?:src|workers)\//.test(name)),
    ).toEqual([]);
  });

  test('brings no development dependency with it', async () => {
    const modules = join(prefix, 'lib', 'node_modules', 'clawback', 'node_modules');
    const found = new Set(
      Object.keys(await readTree(modules)).map((name) =>
        name
          .split('/')
          .slice(0, name[0] === '@' ? 2 : 1)
          .join('/'),
      ),
    );
    const wanted = Object.keys(own.dependencies);
    expect(wanted.filter((name) => !found.has(name))).toEqual([]);
    const development = Object.keys(own.devDependencies).filter((name) => !name.startsWith('@types/'));
    expect(development.filter((name) => found.has(name))).toEqual([]);
  });

  describe.each([
    ['the Node of the tests', process.execPath],
    ['Node 20', node20],
  ])('under %s', (_what, node) => {
    const testIfThere = test.skipIf(node === undefined);

    testIfThere('says its version', async () => {
      const { text } = (await installed(node ?? '', '--version')).expect(0);
      expect(text).toBe(`${own.version}\n`);
    });

    testIfThere('does the whole demo', async () => {
      const folder = join(await temporaryFolder(), 'demo');
      const { text, stderr } = (await installed(node ?? '', 'demo', '--dir', folder)).expect(0);
      expect(text).toContain('model-run rows removed');
      expect(text).toContain('its row is back in the store');
      expect(stderr).toBe('');
      const status = await installed(
        node ?? '',
        'archive',
        '--dry-run',
        '--json',
        '--state-dir',
        join(folder, 'openclaw'),
      );
      expect(status.expect(0).json<ArchiveJson>().planned.bySelectReason).toEqual({});
    });
  });

  test('its program starts by itself, by the first line of the file', async () => {
    const { PATH = '' } = process.env;
    const program = join(prefix, 'bin', 'clawback');
    expect((await runProgram(program, ['--version'], { PATH, HOME: account })).expect(0).text).toBe(
      `${own.version}\n`,
    );
  });
});
