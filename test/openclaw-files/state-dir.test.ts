import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { expandHome, resolveHome, resolveStateDir } from '../../src/openclaw/state-dir.ts';

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'clawback-home-'));
});

afterEach(async () => {
  await rm(home, { recursive: true });
});

describe('the state dir', () => {
  test('is --state-dir, then CLAWBACK_STATE_DIR, then OPENCLAW_STATE_DIR, then a profile, then ~/.openclaw', () => {
    const env = { CLAWBACK_STATE_DIR: '/c', OPENCLAW_STATE_DIR: '/o', OPENCLAW_PROFILE: 'dev', HOME: home };
    expect(resolveStateDir({ flag: '/f', env, homedir: '/nowhere' })).toBe('/f');
    expect(resolveStateDir({ env, homedir: '/nowhere' })).toBe('/c');
    expect(resolveStateDir({ env: { ...env, CLAWBACK_STATE_DIR: undefined }, homedir: '/nowhere' })).toBe(
      '/o',
    );
    expect(resolveStateDir({ env: { OPENCLAW_PROFILE: 'dev', HOME: home }, homedir: '/nowhere' })).toBe(
      join(home, '.openclaw-dev'),
    );
    expect(resolveStateDir({ env: {}, homedir: home })).toBe(join(home, '.openclaw'));
  });

  test('is ~/.clawdbot only where that exists and ~/.openclaw does not', async () => {
    await mkdir(join(home, '.clawdbot'));
    expect(resolveStateDir({ env: {}, homedir: home })).toBe(join(home, '.clawdbot'));
    await mkdir(join(home, '.openclaw'));
    expect(resolveStateDir({ env: {}, homedir: home })).toBe(join(home, '.openclaw'));
  });

  test('has no suffix for the profile "default"', () => {
    expect(resolveStateDir({ env: { OPENCLAW_PROFILE: 'Default' }, homedir: home })).toBe(
      join(home, '.openclaw'),
    );
  });

  test('may start with a tilde', () => {
    const env = { OPENCLAW_STATE_DIR: '~/state', HOME: home };
    expect(resolveStateDir({ env, homedir: '/nowhere' })).toBe(join(home, 'state'));
    expect(resolveStateDir({ flag: '~', env, homedir: '/nowhere' })).toBe(home);
    expect(expandHome('~other/x', home)).toBe(join(process.cwd(), '~other/x'));
  });
});

describe('the home folder', () => {
  test('is OPENCLAW_HOME, HOME, USERPROFILE, then the account’s', () => {
    const env = { OPENCLAW_HOME: '/a', HOME: '/b', USERPROFILE: '/c' };
    expect(resolveHome(env, '/d')).toBe('/a');
    expect(resolveHome({ ...env, OPENCLAW_HOME: '~/in' }, '/d')).toBe('/b/in');
    expect(resolveHome({ USERPROFILE: '/c' }, '/d')).toBe('/c');
    expect(resolveHome({}, '/d')).toBe('/d');
  });

  test('ignores variables that hold the words undefined and null, or nothing', () => {
    expect(resolveHome({ OPENCLAW_HOME: 'undefined', HOME: 'null', USERPROFILE: ' ' }, '/d')).toBe('/d');
  });

  test('is beside the prefix on Termux', () => {
    const env = { PREFIX: '/data/data/com.termux/files/usr', ANDROID_DATA: '/data' };
    expect(resolveHome(env, '/d')).toBe('/data/data/com.termux/files/home');
  });
});
