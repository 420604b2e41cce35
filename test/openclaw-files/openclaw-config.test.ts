import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readOpenClawConfig } from '../../src/openclaw/openclaw-config.ts';

let stateDir: string;

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'clawback-openclaw-'));
});

afterEach(async () => {
  await rm(stateDir, { recursive: true });
});

function read(env: Record<string, string> = {}) {
  return readOpenClawConfig({ stateDir, env, homedir: '/home/claw' });
}

async function write(files: Record<string, string>) {
  for (const [name, text] of Object.entries(files)) await writeFile(join(stateDir, name), text);
}

async function readText(text: string, env: Record<string, string> = {}) {
  await write({ 'openclaw.json': text });
  return read(env);
}

describe('openclaw.json', () => {
  test('may be absent, and everything has OpenClaw’s default', async () => {
    expect(await read()).toEqual({
      configPath: join(stateDir, 'openclaw.json'),
      agentIds: ['main'],
      defaultAgentId: 'main',
      mainKey: 'main',
      maxEntries: 500,
      evictsRows: true,
      reset: {},
      resetByType: {},
      resetByChannel: {},
      gatewayPort: 18789,
    });
  });

  test('is JSON5, and only what clawback needs is taken from it', async () => {
    const config = await readText(`// mine
      { agents: { list: [{ id: 'Ops Team' }, { id: 'work', default: true }] },
        session: { store: '~/s/{agentId}.json', mainKey: 'Home', maintenance: { maxEntries: 900, mode: 'warn' },
          reset: { mode: 'idle', idleMinutes: 60, atHour: 99 }, resetByType: { thread: { mode: 'daily', atHour: 5 } } },
        acp: { allowedAgents: ['*', 'codex'] }, gateway: { port: 1234, auth: { token: 'x' } }, }`);
    expect(config).toEqual({
      configPath: join(stateDir, 'openclaw.json'),
      path: join(stateDir, 'openclaw.json'),
      agentIds: ['ops-team', 'work', 'codex'],
      defaultAgentId: 'work',
      mainKey: 'home',
      sessionStore: '/home/claw/s/{agentId}.json',
      maxEntries: 900,
      evictsRows: false,
      reset: { mode: 'idle', idleMinutes: 60 },
      resetByType: { thread: { mode: 'daily', atHour: 5 } },
      resetByChannel: {},
      gatewayPort: 1234,
    });
  });

  test('is clawdbot.json where only that exists, and what OPENCLAW_CONFIG_PATH names before both', async () => {
    await write({ 'clawdbot.json': '{ gateway: { port: 1 } }', 'other.json': '{ gateway: { port: 3 } }' });
    expect(await read()).toMatchObject({ path: join(stateDir, 'clawdbot.json'), gatewayPort: 1 });
    await write({ 'openclaw.json': '{ gateway: { port: 2 } }' });
    expect((await read()).gatewayPort).toBe(2);
    expect((await read({ OPENCLAW_CONFIG_PATH: join(stateDir, 'other.json') })).gatewayPort).toBe(3);
  });

  test('that does not parse is refused with its position and none of its content', async () => {
    const reading = readText('{\n  gateway: { token: "hunter2" "x" }\n}');
    await expect(reading).rejects.toMatchObject({
      code: 'config-invalid',
      message: expect.stringMatching(/:2:31: not JSON5$/),
    });
    await expect(reading).rejects.not.toMatchObject({ message: expect.stringContaining('hunter2') });
  });

  test('that is no object is refused', async () => {
    await expect(readText('[1]')).rejects.toMatchObject({ code: 'config-invalid' });
  });
});

describe('the port of the gateway', () => {
  test.each([
    [{ OPENCLAW_GATEWAY_PORT: '4001' }, 4001],
    [{ OPENCLAW_GATEWAY_PORT: '127.0.0.1:4002' }, 4002],
    [{ OPENCLAW_GATEWAY_PORT: '[::1]:4003' }, 4003],
    [{ OPENCLAW_GATEWAY_PORT: 'none' }, 1234],
    [{ OPENCLAW_GATEWAY_PORT: '99999' }, 1234],
    [{ OPENCLAW_PROFILE: 'dev' }, 19001],
  ])('with %j is %i', async (env, port) => {
    expect((await readText('{ gateway: { port: 1234 } }', env as Record<string, string>)).gatewayPort).toBe(
      port,
    );
  });

  test('may come from the .env file of the state dir, which the gateway reads as well', async () => {
    await write({ '.env': 'OPENCLAW_GATEWAY_PORT=4004\n' });
    expect((await read()).gatewayPort).toBe(4004);
    expect((await read({ OPENCLAW_GATEWAY_PORT: '4005' })).gatewayPort).toBe(4005);
  });
});

describe('session.store', () => {
  test('may hold variables, from the environment, .env or the config itself', async () => {
    await write({ '.env': 'B=b\n' });
    const text = `{ env: { vars: { C: 'c' } }, session: { store: '/\${A}/\${B}/\${C}/$\${D}.json' } }`;
    expect((await readText(text, { A: 'a' })).sessionStore).toBe(`/a/b/c/\${D}.json`);
  });

  test.each([
    [`\${UNSET_DIR}/s.json`, 'needs the environment variable UNSET_DIR'],
    ['sessions/{agentId}.json', 'is a relative path'],
  ])('%s is refused, because only the gateway knows what it means', async (store, why) => {
    const reading = readText(JSON.stringify({ session: { store } }));
    await expect(reading).rejects.toMatchObject({
      code: 'config-invalid',
      message: expect.stringContaining(why),
    });
  });
});

describe('$include', () => {
  test('is merged deeply: lists one after the other, later files over earlier ones, own keys last', async () => {
    await mkdir(join(stateDir, 'parts'));
    await write({
      'parts/a.json5':
        "{ session: { maintenance: { maxEntries: 100 }, mainKey: 'a' }, agents: { list: [{ id: 'one' }] } }",
      'parts/b.json5': "{ $include: './c.json5', agents: { list: [{ id: 'two' }] } }",
      'parts/c.json5': '{ session: { maintenance: { maxEntries: 200 } } }',
    });
    const config = await readText("{ $include: ['parts/a.json5', 'parts/b.json5'], gateway: { port: 7 } }");
    expect(config).toMatchObject({ maxEntries: 200, mainKey: 'a', agentIds: ['one', 'two'], gatewayPort: 7 });
  });

  test('works below the top as well', async () => {
    await write({ 'session.json': "{ mainKey: 'x' }" });
    expect((await readText("{ session: { $include: 'session.json', store: '/s.json' } }")).mainKey).toBe('x');
  });

  test('of a file that includes itself is refused', async () => {
    await write({ 'a.json': "{ $include: 'b.json' }", 'b.json': "{ $include: 'a.json' }" });
    await expect(readText("{ $include: 'a.json' }")).rejects.toThrow('includes itself');
  });

  test('of an absent file is refused', async () => {
    await expect(readText("{ $include: 'gone.json' }")).rejects.toThrow('gone.json: not found');
  });

  test('is confined to the folder of the config, links followed', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'clawback-outside-'));
    try {
      await writeFile(join(outside, 'x.json'), '{ gateway: { port: 9 } }');
      await symlink(join(outside, 'x.json'), join(stateDir, 'link.json'));
      const text = "{ $include: 'link.json' }";
      await expect(readText(text)).rejects.toThrow('outside of the config folder');
      await expect(readText(JSON.stringify({ $include: join(outside, 'x.json') }))).rejects.toThrow(
        'outside',
      );
      expect((await readText(text, { OPENCLAW_INCLUDE_ROOTS: outside })).gatewayPort).toBe(9);
    } finally {
      await rm(outside, { recursive: true });
    }
  });
});
