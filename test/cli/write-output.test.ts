import { chmod, mkdir, readdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeOutput } from '../../src/cli/write-output.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

describe('a file that a user named', () => {
  it('is made, and replaced, and nothing else is left beside it', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'report.html');
    expect(await writeOutput(path, 'one')).toBe(path);
    await writeOutput(path, 'two');
    expect(await readFile(path, 'utf8')).toBe('two');
    expect(await readdir(folder)).toEqual(['report.html']);
  });

  it('behind a link is replaced, and the link stays', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'behind'), 'old');
    await symlink('behind', join(folder, 'link'));
    await writeOutput(join(folder, 'link'), 'new');
    expect(await readlink(join(folder, 'link'))).toBe('behind');
    expect(await readFile(join(folder, 'behind'), 'utf8')).toBe('new');
  });

  it('that is a folder is refused, with a name that would do', async () => {
    const folder = await temporaryFolder();
    await expect(writeOutput(folder, 'x')).rejects.toMatchObject({
      code: 'usage',
      hint: expect.stringContaining(join(folder, 'clawback.html')),
    });
    expect(await readdir(folder)).toEqual([]);
  });

  it('that is a device is refused, and stays one', async () => {
    await expect(writeOutput('/dev/null', 'x')).rejects.toMatchObject({ code: 'usage' });
  });

  it.each([
    ['in a folder that is not there', 'absent/report.html', /its folder does not exist/],
    ['below a file', 'file/report.html', /no folder/],
    ['with a name that is too long', `${'n'.repeat(300)}.html`, /ENAMETOOLONG/],
  ])('%s is an error that says where', async (_where, name, why) => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'file'), '');
    const error = await writeOutput(join(folder, name), 'x').catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'output-io', message: expect.stringMatching(why) });
    expect(error).toMatchObject({ message: expect.stringContaining(folder) });
  });

  it.skipIf(process.getuid?.() === 0)('in a folder of somebody else: permission denied', async () => {
    const folder = join(await temporaryFolder(), 'locked');
    await mkdir(folder);
    await chmod(folder, 0o500);
    await expect(writeOutput(join(folder, 'report.html'), 'x')).rejects.toMatchObject({
      code: 'output-io',
      message: expect.stringContaining('permission denied'),
    });
  });
});
