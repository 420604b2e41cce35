import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { LocalState } from '../../src/state/local-state.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

it('a damaged instance file is refused: a new name would hide what is archived', async () => {
  const state = new LocalState(await temporaryFolder());
  await mkdir(state.directory);
  await writeFile(join(state.directory, 'instance'), '');
  const refusal = { code: 'config-invalid', hint: expect.stringContaining('top-level folder') };
  await expect(state.makeInstance()).rejects.toMatchObject(refusal);
});

it('the name of an instance is one, when four processes make it at once', async () => {
  const stateDir = await temporaryFolder();
  const module = new URL('../../src/state/local-state.ts', import.meta.url).href;
  const code = `import { LocalState } from '${module}'; console.log(await new LocalState(process.argv[1]).makeInstance());`;
  const run = () => promisify(execFile)(process.execPath, ['--input-type=module', '-e', code, stateDir]);
  const names = (await Promise.all([run(), run(), run(), run()])).map(({ stdout }) => stdout.trim());
  expect(new Set(names)).toEqual(new Set([await new LocalState(stateDir).instance()]));
});
