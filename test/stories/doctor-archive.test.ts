import { execFileSync } from 'node:child_process';
import { chmod, mkdir, stat, statfs, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { runCli } from '../support/run-cli.ts';
import type { ArchiveJson, ListJson, VerifyJson } from './support/answers.ts';
import { type Home, temporaryFolder } from './support/home.ts';
import { fingerprint } from './support/tree.ts';
import { oldThreadHome, trimmedHome } from './support/trimmed.ts';

interface Finding {
  readonly level: 'ok' | 'warning' | 'problem';
  readonly text: string;
  readonly advice?: string;
}

interface DoctorJson {
  readonly checks: readonly { readonly name: string; readonly findings: readonly Finding[] }[];
}

async function findings(home: Home, name: string, exitCode: 0 | 1, ...flags: string[]) {
  const result = (await home.clawback('doctor', '--json', ...flags)).expect(exitCode);
  return result.json<DoctorJson>().checks.find((check) => check.name === name)?.findings ?? [];
}

async function canMount(): Promise<boolean> {
  const folder = await temporaryFolder();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'ignore' });
    execFileSync('umount', [folder], { stdio: 'ignore' });
    return true;
  } catch {
    // Not root, or a sandbox without mounts: the tests below are skipped in plain sight.
    return false;
  }
}

const MOUNTS = await canMount();

async function mount(folder: string, megabytes: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0700`, 'tmpfs', folder]);
  onTestFinished(() => void execFileSync('umount', ['-l', folder]));
}

describe('an archive that is a folder', () => {
  test('is tried with every step and left as it was, with and without an instance', async () => {
    for (const home of [await oldThreadHome(), (await trimmedHome()).home]) {
      const before = await fingerprint(home.root);
      const [steps, space] = await findings(home, 'archive', 0);
      expect(steps?.level).toBe('ok');
      expect(steps?.text).toMatch(
        /write, read back, read a range, list, refuse to overwrite, store an object in parts, delete: tried/,
      );
      expect(space?.text).toMatch(/^\d+ [MG]B free for the archive \//);
      // No name of an instance was made, no folder of the archive either.
      expect(await fingerprint(home.root)).toEqual(before);
    }
  });

  test('is not contacted with --no-probe', async () => {
    const { home } = await trimmedHome();
    const modified = async () => (await stat(home.archiveDir)).mtimeMs;
    await writeFile(join(home.root, 'occupied'), '');
    const before = await modified();
    expect((await findings(home, 'archive', 0, '--no-probe'))[0]?.text).toContain('not tried (--no-probe)');
    expect(await modified()).toBe(before);
    // Where the archive ought to be there is a file: whoever looked would say so.
    await home.configure({ archive: `file://${home.root}/occupied` });
    expect(await findings(home, 'archive', 0, '--no-probe')).toHaveLength(1);
    expect((await findings(home, 'archive', 1))[0]?.level).toBe('problem');
  });

  test('loses what a killed probe left there, and keeps what one under way has', async () => {
    const { home } = await trimmedHome();
    const { instance } = await home.json<ListJson>('list');
    const old = ['probe', instance].map((base) => `${base}/doctor/20261120t010000z-00000000.small`);
    const fresh = `${instance}/doctor/20261121t092959z-00000001.small`;
    for (const key of [...old, fresh]) await put(home, key);
    await findings(home, 'archive', 0);
    const kept = Object.keys(await home.objects());
    expect(kept.filter((key) => key.includes('doctor'))).toEqual([fresh]);
  });

  test('that holds objects of probes is read as if it did not', async () => {
    const { home } = await trimmedHome();
    const read = async () => ({
      list: await home.json<ListJson>('list'),
      verify: await home.json<VerifyJson>('verify', '--read-data'),
    });
    const before = await read();
    for (const base of ['probe', before.list.instance])
      await put(home, `${base}/doctor/20261121t092959z-00000001.small`);
    const after = await read();
    expect(after).toEqual(before);
    expect(after.verify).toMatchObject({ strayPacks: [], differences: [] });
  });

  test('under an interrupt: exit code 130, and nothing is left', async () => {
    const { home } = await trimmedHome();
    const before = await home.objects();
    const signal = AbortSignal.abort();
    const options = { env: home.env, nowMs: home.nowMs, signal };
    (await runCli(['doctor'], options)).expect(130);
    expect(await home.objects()).toEqual(before);
  });

  test.skipIf(process.getuid?.() === 0)('that may not be written is one problem, not seven', async () => {
    const home = await oldThreadHome();
    await mkdir(home.archiveDir, { mode: 0o500 });
    onTestFinished(() => chmod(home.archiveDir, 0o700));
    expectOneProblem(await findings(home, 'archive', 1), /permission denied/);
  });
});

describe.skipIf(!MOUNTS)('an archive on a disk of its own (needs root and mount)', () => {
  test('that is read-only is one problem, not seven', async () => {
    const home = await oldThreadHome();
    await mount(home.archiveDir, 8);
    execFileSync('mount', ['-o', 'remount,ro', home.archiveDir]);
    expectOneProblem(await findings(home, 'archive', 1), /the file system is read-only/);
  });

  test('that is full is a problem, and nothing of the probe stays', async () => {
    const home = await oldThreadHome();
    await mount(home.archiveDir, 4);
    const found = await findings(home, 'archive', 1);
    expect(found.find(({ level }) => level === 'problem')?.text).toMatch(
      /store an object in parts: .*no space left; without it/,
    );
    expect(found.at(-1)).toMatchObject({ level: 'warning', text: expect.stringMatching(/^only 4 MB free/) });
    expect(await home.objects()).toEqual({});

    const { bavail, bsize } = await statfs(home.archiveDir);
    await writeFile(join(home.archiveDir, 'BALLAST'), Buffer.alloc(bavail * bsize));
    expectOneProblem(await findings(home, 'archive', 1), /no space left/);
    expect(Object.keys(await home.objects())).toEqual(['BALLAST']);
  });

  test('that has less room than the newest run took is a warning', async () => {
    const home = await oldThreadHome();
    await mount(home.archiveDir, 160);
    const { instance } = await home.json<ArchiveJson>('archive');
    expect((await findings(home, 'archive', 0)).at(-1)?.level).toBe('ok');
    // Holes take no room. The older run does not count.
    for (const batch of [
      '20270101t000000z-00000001-0001',
      '20270102t000000z-00000002-0001',
      '20270102t000000z-00000002-0002',
    ]) {
      const key = `${instance}/packs/${batch}.tar.zst`;
      await put(home, key);
      await truncate(join(home.archiveDir, key), 120_000_000);
    }
    expect((await findings(home, 'archive', 0)).at(-1)).toMatchObject({
      level: 'warning',
      text: expect.stringMatching(/^only 1\d\d MB free .*less than 240 MB: the newest run took more/),
    });
  });

  test('little room for the sessions is a warning', async () => {
    const home = await oldThreadHome();
    const store = await home.storeText();
    await mount(home.sessionsDir(), 8);
    await writeFile(home.storePath(), store);
    expect(await findings(home, 'space', 0)).toMatchObject([
      { level: 'warning', text: expect.stringContaining('for the sessions in'), advice: 'make room there' },
    ]);
  });
});

async function put(home: Home, key: string): Promise<void> {
  const path = join(home.archiveDir, key);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, 'x');
}

function expectOneProblem(found: readonly Finding[], text: RegExp): void {
  const problems = found.filter(({ level }) => level === 'problem');
  expect(problems).toHaveLength(1);
  expect(problems[0]?.text).toMatch(text);
  expect(problems[0]?.text).toContain('a run can archive nothing');
  expect(problems[0]?.advice).toBeDefined();
  expect(found.find(({ text: other }) => other.startsWith('not tried'))?.text).toContain('read back, read');
}
