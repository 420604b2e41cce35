import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { replaceStateFile } from '../../src/state/state-file.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

describe("a file of clawback's own folder", () => {
  test('is replaced whole, for its owner alone, in a folder that is made for it', async () => {
    const path = join(await temporaryFolder(), 'clawback', 'file');
    await replaceStateFile(path, 'old');
    await replaceStateFile(path, 'new');
    expect(await readFile(path, 'utf8')).toBe('new');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  test('that cannot be written is an error that says which, and what to do', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'clawback'), 'in the way');
    await mkdir(join(folder, 'other', 'file'), { recursive: true });
    const hint = expect.stringContaining('write access to');
    for (const [path, errno] of [
      [join(folder, 'clawback', 'file'), 'EEXIST'],
      [join(folder, 'other', 'file'), 'EISDIR'],
    ] as const)
      await expect(replaceStateFile(path, 'x')).rejects.toMatchObject({
        code: 'state-io',
        message: `write ${path}: ${errno}`,
        hint,
      });
  });
});
