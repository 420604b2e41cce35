import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { COMPILED_MAIN } from '../support/run-cli.ts';
import { Home } from './support/home.ts';

interface ScheduleJson {
  readonly kind: string;
  readonly installed: boolean;
  readonly files: readonly { readonly path: string; readonly text: string }[];
}

/** A systemctl that writes down how it was called, and ends with this code. */
async function homeWithSystemctl(exitCode: number): Promise<Home> {
  const home = await Home.create();
  const bin = join(home.root, 'bin');
  await mkdir(bin);
  const script = `#!/bin/sh\necho "$@" >> '${join(home.root, 'calls')}'\necho no bus >&2\nexit ${exitCode}\n`;
  await writeFile(join(bin, 'systemctl'), script);
  await chmod(join(bin, 'systemctl'), 0o755);
  home.env.PATH = `${bin}:/usr/bin:/bin`;
  return home;
}

describe('clawback schedule', () => {
  test('prints a unit that runs this very program on this state folder', async () => {
    const home = await Home.create();
    const { kind, installed, files } = await home.json<ScheduleJson>('schedule', 'systemd', '--at', '03:15');
    expect({ kind, installed }).toEqual({ kind: 'systemd', installed: false });
    expect(files[0]?.text).toContain(`nightly --once --state-dir ${home.stateDir}`);
    expect(files[1]?.text).toContain('OnCalendar=*-*-* 03:15:00');
  });

  test('prints a property list that launchd can read as it is, and what to type then', async () => {
    const home = await Home.create();
    const { text } = (await home.clawback('schedule', 'launchd')).expect(0);
    const [, rest = ''] = text.split('</plist>');
    expect(rest.replaceAll(/<!-- [^\n]* -->/g, '').trim()).toBe('');
    expect(rest).toContain('launchctl load -w ~/Library/LaunchAgents/clawback.nightly.plist');
  });

  test('--install writes the units and switches them on', async () => {
    const home = await homeWithSystemctl(0);
    (await home.compiled(process.execPath, 'schedule', 'systemd', '--install', '--yes')).expect(0);
    const service = await readFile(join(home.root, '.config/systemd/user/clawback.service'), 'utf8');
    expect(service).toContain(`${COMPILED_MAIN} nightly --once`);
    expect(await readFile(join(home.root, 'calls'), 'utf8')).toBe(
      '--user daemon-reload\n--user enable --now clawback.timer\n',
    );
  });

  test('--install says what did not work, and that the units are written', async () => {
    const home = await homeWithSystemctl(1);
    const { stderr } = (
      await home.compiled(process.execPath, 'schedule', 'systemd', '--install', '--yes')
    ).expect(1);
    expect(stderr).toMatch(/systemctl --user daemon-reload: .*no bus/);
    expect(stderr).toContain('the files above are written');
  });

  test.each([
    ['--install with nobody there to ask', ['systemd', '--install'], '--yes'],
    ['--install of what is not ours to write', ['cron', '--install', '--yes'], 'clawback schedule cron'],
    ['an unknown scheduler', ['windows'], 'systemd'],
    ['kubernetes without an image', ['kubernetes'], '--image'],
    ['a time that makes no sense', ['systemd', '--at', 'noon'], '04:30'],
  ])('refuses %s', async (_what, argv, advice) => {
    const home = await Home.create();
    const { stderr } = (await home.clawback('schedule', ...argv)).expect(2);
    expect(stderr).toContain(advice);
  });
});
