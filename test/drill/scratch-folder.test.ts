import { existsSync } from 'node:fs';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { withScratchFolder } from '../../src/drill/scratch-folder.ts';
import { runProgram } from '../support/run-cli.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

afterEach(() => vi.unstubAllEnvs());

async function temporaryTmp(): Promise<string> {
  const tmp = await temporaryFolder();
  vi.stubEnv('TMPDIR', tmp);
  return tmp;
}

describe('a scratch folder', () => {
  it('is its owner’s alone, in the temporary folder, and gone afterwards', async () => {
    const tmp = await temporaryTmp();
    const seen = await withScratchFolder(async (folder) => {
      await writeFile(join(folder, 'file'), 'x');
      return { folder, mode: (await stat(folder)).mode & 0o777 };
    });
    expect([seen.folder.startsWith(join(tmp, 'clawback-drill-')), seen.mode]).toEqual([true, 0o700]);
    expect(await readdir(tmp)).toEqual([]);
  });

  it('is gone after a failure', async () => {
    const tmp = await temporaryTmp();
    const failing = withScratchFolder(async (folder) => {
      await writeFile(join(folder, 'file'), 'x');
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await readdir(tmp)).toEqual([]);
  });

  it('is gone when the process is told to end at once', async () => {
    const tmp = await temporaryFolder();
    const module = new URL('../../src/drill/scratch-folder.ts', import.meta.url).href;
    const script = `
      import { mkdirSync, writeFileSync } from 'node:fs';
      import { withScratchFolder } from ${JSON.stringify(module)};
      await withScratchFolder(async (folder) => {
        mkdirSync(folder + '/0');
        writeFileSync(folder + '/0/file', 'x');
        console.log(folder);
        process.exit(130);
      });`;
    const argv = ['--input-type=module', '--eval', script];
    const { text } = (await runProgram(process.execPath, argv, { TMPDIR: tmp })).expect(130);
    expect(text).toContain(join(tmp, 'clawback-drill-'));
    expect(existsSync(text.trim())).toBe(false);
  });
});
