import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load-config.ts';
import { runCli } from '../support/run-cli.ts';
import { smallStateDir } from '../support/small-state.ts';
import { NOW_MS } from '../support/snapshot.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const SECRET = '0d1c9a7e-ping';

async function load(env: Record<string, string>) {
  return loadConfig({ stateDir: await temporaryFolder(), env, flags: {} });
}

describe('the URL of the health check', () => {
  it.each([
    `https://hc-ping.com/${SECRET}`,
    `http://127.0.0.1:8000/ping/${SECRET}`,
    `https://hc-ping.com/key/slug?create=1`,
  ])('may be %s', async (url) => {
    const { config } = await load({ CLAWBACK_HEALTHCHECK_URL: url });
    expect(config.healthcheck.url).toBe(url);
  });

  it.each<[string, string]>([
    [`ftp://example.com/${SECRET}`, 'is not an http or https URL'],
    [SECRET, 'is not an http or https URL'],
    [`https://${SECRET} x`, 'is not a valid URL'],
    [`https://me:${SECRET}@example.com/`, 'has a user name or password'],
    [`https://example.com/#${SECRET}`, 'has a fragment'],
  ])('may not be %s, and the refusal does not repeat it', async (url, why) => {
    const refused = load({ CLAWBACK_HEALTHCHECK_URL: url });
    await expect(refused).rejects.toMatchObject({ code: 'config-invalid' });
    const message = await refused.catch((error: Error) => error.message);
    expect(message).toContain(`CLAWBACK_HEALTHCHECK_URL: healthcheck.url: the value (not shown) ${why}`);
    expect(message).not.toContain(SECRET);
  });

  it.each([
    ['a text in place of the object', `{"healthcheck": "https://hc-ping.com/${SECRET}"}`],
    ['a list', `{"healthcheck": {"url": ["${SECRET}"]}}`],
    ['another key', `{"healthcheck": {"uri": "${SECRET}"}}`],
    ['a name of its own', `{"healthcheckUrl": "${SECRET}"}`],
  ])('is not shown in the error about %s either', async (_what, json) => {
    const stateDir = await smallStateDir();
    await writeFile(join(stateDir, 'clawback.json'), json);
    const { exitCode, text, stderr } = await runCli(['status', '--json', '--state-dir', stateDir], {
      env: {},
      nowMs: NOW_MS,
    });
    expect([exitCode, stderr.includes('healthcheck')]).toEqual([2, true]);
    expect(`${text}${stderr}`).not.toContain(SECRET);
  });

  it('is not shown by doctor, which says where it comes from', async () => {
    const stateDir = await smallStateDir();
    const env = { CLAWBACK_HEALTHCHECK_URL: `https://hc-ping.com/${SECRET}` };
    for (const format of [[], ['--json']]) {
      const argv = ['doctor', '--no-probe', ...format, '--state-dir', stateDir];
      const { text, stderr } = await runCli(argv, { env, nowMs: NOW_MS });
      expect(text).toContain('from the environment, CLAWBACK_HEALTHCHECK_URL');
      expect(`${text}${stderr}`).not.toContain(SECRET);
    }
  });
});

describe('the textfile for Prometheus', () => {
  it('is an absolute path that the collector reads', async () => {
    const { config } = await load({ CLAWBACK_METRICS_TEXTFILE: '/var/lib/node_exporter/clawback.prom' });
    expect(config.metrics.textfile).toBe('/var/lib/node_exporter/clawback.prom');
  });

  it.each([
    ['clawback.prom', 'is not an absolute path'],
    ['/var/lib/node_exporter/', 'does not end in .prom'],
    ['/var/lib/node_exporter/clawback.txt', 'does not end in .prom'],
    ['/var/lib/node_exporter/.prom', 'does not end in .prom'],
  ])('may not be %s', async (path, why) => {
    await expect(load({ CLAWBACK_METRICS_TEXTFILE: path })).rejects.toMatchObject({
      code: 'config-invalid',
      message: expect.stringContaining(
        `metrics.textfile: ${JSON.stringify(path)} ${why}; allowed: an absolute`,
      ),
    });
  });
});
