import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readGatewayAuth } from '../../src/gateway/gateway-auth.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** As OpenClaw writes a variable's place. */
const placeholder = (name: string) => `$\{${name}}`;

async function authOf(auth: unknown, env: Record<string, string> = {}) {
  const stateDir = await temporaryFolder();
  await writeFile(join(stateDir, 'openclaw.json'), JSON.stringify({ gateway: { auth } }));
  return readGatewayAuth({ stateDir, env: { HOME: stateDir, ...env } });
}

describe('the secret of the gateway is', () => {
  test.each<[string, unknown, Record<string, string>, object]>([
    ['the token of the config', { token: 't' }, {}, { token: 't' }],
    ['its password', { mode: 'password', password: 'p' }, {}, { password: 'p' }],
    [
      'what the config names by a variable',
      { token: placeholder('MY_TOKEN') },
      { MY_TOKEN: 't' },
      { token: 't' },
    ],
    ['the exported token where the config has none', {}, { OPENCLAW_GATEWAY_TOKEN: 't' }, { token: 't' }],
    ['the exported password', undefined, { OPENCLAW_GATEWAY_PASSWORD: 'p' }, { password: 'p' }],
    [
      'that of the config where both are there, as for the gateway',
      { token: 't' },
      { OPENCLAW_GATEWAY_TOKEN: 'x' },
      { token: 't' },
    ],
    [
      'the exported one where the config has a reference',
      { token: { source: 'env', id: 'X' } },
      { OPENCLAW_GATEWAY_TOKEN: 't' },
      { token: 't' },
    ],
    ['none where nothing is set', {}, {}, {}],
  ])('%s', async (_what, auth, env, expected) => {
    expect(await authOf(auth, env)).toEqual(expected);
  });

  test('not to be had from a reference, which is said', async () => {
    const reading = authOf({ token: { source: 'exec', id: 'vault' } });
    await expect(reading).rejects.toMatchObject({
      code: 'gateway-denied',
      hint: expect.stringContaining('OPENCLAW_GATEWAY_TOKEN'),
    });
  });

  test('not to be had from a variable that is not set', async () => {
    await expect(authOf({ token: placeholder('NOT_SET') })).rejects.toMatchObject({
      code: 'gateway-denied',
      message: expect.stringContaining('NOT_SET'),
    });
  });
});
