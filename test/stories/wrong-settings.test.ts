import { describe, expect, test } from 'vitest';
import type { ErrorJson } from './support/answers.ts';
import { fingerprint } from './support/tree.ts';
import { oldThreadHome } from './support/trimmed.ts';

describe('wrong settings are exit code 2, with path, value and what is allowed', () => {
  test.each<[string, Record<string, unknown>, RegExp]>([
    [
      'a number is no duration',
      { retention: { modelRunPruneAfter: 24 } },
      /retention\.modelRunPruneAfter.*24/,
    ],
    ['a duration without a unit', { retention: { protectedPruneAfter: '7' } }, /protectedPruneAfter.*"7"/],
    ['too short', { retention: { protectedPruneAfter: '5m' } }, /protectedPruneAfter.*5m[\s\S]*1h/],
    [
      'an unknown key',
      { retention: { protectedPruneAftr: '7d' } },
      /protectedPruneAftr[\s\S]*protectedPruneAfter/,
    ],
    [
      'an engine that there is not',
      { compression: { engine: 'gzip' } },
      /compression\.engine.*gzip[\s\S]*wasm/,
    ],
    ['an archive that is no URL', { archive: '/var/archive' }, /archive.*\/var\/archive[\s\S]*file:\/\//],
    ['a count that is none', { retention: { maxEntries: -1 } }, /retention\.maxEntries.*-1/],
  ])('%s', async (_what, settings, message) => {
    const home = await oldThreadHome();
    await home.configure(settings);
    const before = await fingerprint(home.root);
    const result = (await home.clawback('archive', '--json')).expect(2);
    expect(result.json<ErrorJson>().code).toBe('config-invalid');
    expect(result.stderr).toMatch(message);
    expect(await fingerprint(home.root)).toEqual(before);
  });

  test('in the environment they are named as there', async () => {
    const home = await oldThreadHome();
    home.env.CLAWBACK_RETENTION_MODEL_RUN_PRUNE_AFTER = 'soon';
    const { stderr } = (await home.clawback('status')).expect(2);
    expect(stderr).toMatch(/CLAWBACK_RETENTION_MODEL_RUN_PRUNE_AFTER.*soon/);
  });

  test.each([
    [['archive', '--jobs', '0'], '1 to 64'],
    [['archive', '--fast'], '--fast'],
    [['archve'], 'archive'],
    [['restore'], 'selector'],
    [['list', '--older-than', 'soon'], 'soon'],
    [['archive', '--agent', 'nobody'], 'main'],
    [['archive', '--config', '/nowhere/clawback.json'], '/nowhere/clawback.json'],
  ])('clawback %j is a usage error', async (argv, named) => {
    const home = await oldThreadHome();
    expect((await home.clawback(...argv)).expect(2).stderr).toContain(named);
  });
});
