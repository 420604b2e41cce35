import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeMetrics } from '../../src/metrics/encode-metrics.ts';
import { writeTextfile } from '../../src/metrics/textfile.ts';
import { runReport } from '../support/run-report.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

describe('the textfile', () => {
  it('can be read by everybody, whatever the umask, and leaves nothing beside it', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'clawback.prom');
    const former = process.umask(0o077);
    try {
      await writeTextfile(path, runReport());
      await writeTextfile(path, runReport());
    } finally {
      process.umask(former);
    }
    expect((await stat(path)).mode & 0o777).toBe(0o644);
    expect(await readdir(folder)).toEqual(['clawback.prom']);
    expect(await readFile(path, 'utf8')).toBe(encodeMetrics(runReport()));
  });

  it('keeps what the other command has left there', async () => {
    const path = join(await temporaryFolder(), 'clawback.prom');
    await writeTextfile(path, runReport());
    await writeTextfile(path, runReport({ command: 'reclaim' }));
    const text = await readFile(path, 'utf8');
    for (const command of ['archive', 'reclaim'])
      expect(text).toContain(`clawback_last_run_exit_code{instance="oc-test",command="${command}"} 0`);
  });

  it('is not written over the file of somebody else', async () => {
    const path = join(await temporaryFolder(), 'node.prom');
    await writeFile(path, 'other_metric 1\n');
    await expect(writeTextfile(path, runReport())).rejects.toMatchObject({
      code: 'config-invalid',
      message: expect.stringContaining(path),
    });
    expect(await readFile(path, 'utf8')).toBe('other_metric 1\n');
  });

  it('that cannot be put in its place leaves nothing behind', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'clawback.prom');
    await mkdir(path);
    await expect(writeTextfile(path, runReport())).rejects.toThrow(/EISDIR/);
    await expect(writeTextfile(join(folder, 'absent', 'x.prom'), runReport())).rejects.toThrow(/ENOENT/);
    expect(await readdir(folder)).toEqual(['clawback.prom']);
  });
});
