import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ConfigInput, loadConfig } from '../../src/config/load-config.ts';
import { ClawbackError } from '../../src/errors.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let stateDir: string;

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'clawback-config-'));
});

afterEach(async () => {
  await rm(stateDir, { recursive: true });
});

function load(input: Partial<ConfigInput> = {}) {
  return loadConfig({ stateDir, env: {}, flags: {}, ...input });
}

async function loadFile(text: string, input: Partial<ConfigInput> = {}) {
  await writeFile(join(stateDir, 'clawback.json'), text);
  return load(input);
}

async function problemOf(promise: Promise<unknown>): Promise<ClawbackError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ClawbackError);
  expect(error).toHaveProperty('code', 'config-invalid');
  return error as ClawbackError;
}

describe('without a file', () => {
  test('every key has the documented default', async () => {
    const { config, configFile } = await load();
    expect(configFile).toBeUndefined();
    expect(config).toEqual({
      archive: pathToFileURL(join(stateDir, 'clawback', 'archive')).href,
      s3: {},
      diskBudget: { highWater: { percent: 80 } },
      nightly: { at: '04:30', jitterMs: 600_000, drillEveryMs: 7 * DAY_MS, gc: false },
      healthcheck: {},
      metrics: {},
      retention: {
        minIdleMs: HOUR_MS,
        modelRunPruneAfterMs: DAY_MS,
        orphanPruneAfterMs: 7 * DAY_MS,
        perKindMs: {},
      },
      restore: { deadlineMs: 10_000 },
      gc: { graceMs: 7 * DAY_MS },
      modelRun: { keepTranscripts: true },
      tombstone: { stub: true },
      compression: { level: 3, engine: 'auto' },
      verify: 'content',
      jobs: Math.min(availableParallelism(), 64),
    });
  });

  test('protected conversations are left alone', async () => {
    const { retention, diskBudget } = (await load()).config;
    expect(retention).not.toHaveProperty('protectedPruneAfterMs');
    expect(diskBudget).not.toHaveProperty('protectedFloorMs');
  });
});

test('a high-water mark above the budget is refused, naming where it stands', async () => {
  const env = { CLAWBACK_DISK_BUDGET_MAX_DISK_BYTES: '1GB', CLAWBACK_DISK_BUDGET_HIGH_WATER_BYTES: '2GB' };
  await expect(load({ env })).rejects.toMatchObject({
    code: 'config-invalid',
    message: expect.stringMatching(
      /CLAWBACK_DISK_BUDGET_HIGH_WATER_BYTES.*lies above diskBudget\.maxDiskBytes/s,
    ),
  });
});

describe('the floor of the disk budget', () => {
  const PRUNE = { CLAWBACK_RETENTION_PROTECTED_PRUNE_AFTER: '90d' };

  test.each([
    ['is 7d once protected conversations may be trimmed at all', PRUNE, 7 * DAY_MS],
    ['is what it is set to', { CLAWBACK_DISK_BUDGET_PROTECTED_FLOOR: '3d' }, 3 * DAY_MS],
    ['can be switched off', { ...PRUNE, CLAWBACK_DISK_BUDGET_PROTECTED_FLOOR: 'off' }, undefined],
  ])('%s', async (_title, env, floorMs) => {
    expect((await load({ env })).config.diskBudget.protectedFloorMs).toBe(floorMs);
  });
});

describe('the file', () => {
  test('is JSON with comments, trailing commas, a byte order mark and a $schema', async () => {
    const { config, configFile } = await loadFile(
      '\uFEFF// settings\n{ "$schema": "x", /* in days */ "retention": { "protectedPruneAfter": "90d", }, }',
    );
    expect(configFile).toBe(join(stateDir, 'clawback.json'));
    expect(config.retention.protectedPruneAfterMs).toBe(90 * DAY_MS);
  });

  test('is the one that --config names before the one that CLAWBACK_CONFIG names', async () => {
    const [flagged, exported] = [join(stateDir, 'a.json'), join(stateDir, 'b.json')];
    await writeFile(flagged, '{ "jobs": 1 }');
    await writeFile(exported, '{ "jobs": 2 }');
    const env = { CLAWBACK_CONFIG: exported };
    expect((await load({ configFile: flagged, env })).config.jobs).toBe(1);
    expect((await load({ env })).config.jobs).toBe(2);
  });

  test('must exist where somebody named it', async () => {
    const flagged = await problemOf(load({ configFile: join(stateDir, 'absent.json') }));
    expect(flagged.message).toContain('absent.json: not found (named by --config)');
    const exported = await problemOf(load({ env: { CLAWBACK_CONFIG: join(stateDir, 'gone.json') } }));
    expect(exported.message).toContain('gone.json: not found (named by CLAWBACK_CONFIG)');
  });

  test('is refused with line and column where it is no JSON', async () => {
    const error = await problemOf(loadFile('{\n  "jobs": 2,\n  "verify" "content"\n}'));
    expect(error.message).toContain(`${join(stateDir, 'clawback.json')}:3:12: is not JSON: colon expected`);
  });

  test.each([['[]'], ['"off"'], ['3']])('is refused where it is %s instead of an object', async (text) => {
    expect((await problemOf(loadFile(text))).message).toContain('is not a JSON object');
  });

  test('is refused where it is empty', async () => {
    expect((await problemOf(loadFile(''))).message).toContain('is not JSON: value expected');
  });

  test('may not give a key twice, which JSON.parse would settle silently', async () => {
    const error = await problemOf(loadFile('{ "jobs": 2,\n  "jobs": 3 }'));
    expect(error.message).toMatch(/clawback\.json:2:3: jobs: is given twice$/);
  });

  test('cannot reach a prototype', async () => {
    const error = await problemOf(loadFile('{ "retention": { "__proto__": { "minIdle": "1m" } } }'));
    expect(error.message).toContain('retention.__proto__: is not a key');
    expect(Object.prototype).not.toHaveProperty('minIdle');
  });
});

describe('precedence', () => {
  test('a flag wins over the environment, that over the file, that over the default', async () => {
    const file = '{ "jobs": 2, "verify": "stored", "archive": "s3://bucket/file" }';
    const { config, origins } = await loadFile(file, {
      env: { CLAWBACK_JOBS: '3', CLAWBACK_ARCHIVE: 's3://bucket/env' },
      flags: { jobs: 4 },
    });
    expect(config).toMatchObject({ jobs: 4, archive: 's3://bucket/env', verify: 'stored' });
    const named = ['jobs', 'archive', 'verify', 'compression.level'].map((key) => origins.get(key));
    expect(named).toEqual(['flag', 'environment', 'file', 'default']);
  });

  test('a bad value is refused even where a later layer replaces it', async () => {
    const error = await problemOf(loadFile('{ "jobs": 0 }', { flags: { jobs: 4 } }));
    expect(error.message).toContain('jobs: 0 is refused; allowed: a whole number from 1 to 64');
  });

  test('off in the environment switches off what the file set', async () => {
    const env = { CLAWBACK_RETENTION_PRUNE_AFTER: 'off' };
    const { config } = await loadFile('{ "retention": { "pruneAfter": "30d" } }', { env });
    expect(config.retention).not.toHaveProperty('pruneAfterMs');
  });
});

describe('the environment', () => {
  test('has every key, with numbers and booleans in their own type', async () => {
    const { config } = await load({
      env: {
        CLAWBACK_RETENTION_PROTECTED_PRUNE_AFTER: '90d',
        CLAWBACK_RETENTION_PER_KIND_CRON: '2 days',
        CLAWBACK_RETENTION_MAX_ENTRIES: '400',
        CLAWBACK_S3_FORCE_PATH_STYLE: 'true',
        CLAWBACK_MODEL_RUN_KEEP_TRANSCRIPTS: 'false',
        CLAWBACK_COMPRESSION_LEVEL: '9',
      },
    });
    expect(config).toMatchObject({
      retention: { protectedPruneAfterMs: 90 * DAY_MS, perKindMs: { cron: 2 * DAY_MS }, maxEntries: 400 },
      s3: { forcePathStyle: true },
      modelRun: { keepTranscripts: false },
      compression: { level: 9 },
    });
  });

  test('a variable that names no key is refused with the one that was meant', async () => {
    const error = await problemOf(load({ env: { CLAWBACK_RETENTION_PROTECTED_PRUNEAFTER: '90d' } }));
    expect(error.message).toContain('did you mean CLAWBACK_RETENTION_PROTECTED_PRUNE_AFTER?');
  });

  test('variables of tests, benches and of the state dir are not settings', async () => {
    const env = { CLAWBACK_STATE_DIR: '/x', CLAWBACK_TEST_S3: '1', CLAWBACK_BENCH_ROWS: '9', HOME: '/h' };
    expect((await load({ env })).origins.get('archive')).toBe('default');
  });

  test.each([
    ['CLAWBACK_S3_FORCE_PATH_STYLE', 'yes', 's3.forcePathStyle: "yes" is refused; allowed: true or false'],
    ['CLAWBACK_JOBS', '', 'jobs: "" is refused; allowed: a whole number from 1 to 64'],
    ['CLAWBACK_JOBS', '2.5', 'jobs: "2.5" is refused'],
    ['CLAWBACK_RETENTION_MIN_IDLE', '60', 'retention.minIdle: "60" is a number without a unit'],
  ])('%s=%s is refused', async (variable, text, message) => {
    const error = await problemOf(load({ env: { [variable]: text } }));
    expect(error.message).toContain(`${variable}: ${message}`);
  });
});

describe('a refused value', () => {
  test('comes with its place, key, value and what is allowed, and all come at once', async () => {
    const error = await problemOf(
      loadFile('{\n  "retention": { "minIdle": 90 },\n  "verify": "size",\n  "colour": 1\n}', {
        env: { CLAWBACK_JOBS: '999' },
        flags: { archive: 'backup' },
      }),
    );
    const file = join(stateDir, 'clawback.json');
    expect(error.message.split('\n')).toEqual([
      'read config: 5 problems',
      `  ${file}:2:18: retention.minIdle: 90 is a number without a unit, which OpenClaw reads as days and the ms package as milliseconds; type "90d" for days; allowed: a duration with a unit, such as 90d, 24h or 30m, at least 1m`,
      `  ${file}:3:3: verify: "size" is refused; allowed: content, stored`,
      expect.stringMatching(/:4:3: colour: is not a key; known here: archive, instance, s3, /),
      '  CLAWBACK_JOBS: jobs: 999 is refused; allowed: a whole number from 1 to 64',
      expect.stringContaining('  --archive: archive: "backup" is not a URL; type file:///absolute/dir'),
    ]);
  });

  test.each([
    ['{ "retention": { "protectedPruneafter": "90d" } }', 'did you mean retention.protectedPruneAfter?'],
    ['{ "protectedPruneAfter": "90d" }', 'did you mean retention.protectedPruneAfter?'],
    ['{ "retention.minIdle": "1h" }', 'did you mean retention.minIdle?'],
    ['{ "retention": { "perKind": { "channel": "90d" } } }', 'whose age is retention.protectedPruneAfter'],
    ['{ "retention": { "perKind": { "model-run": "1d" } } }', 'that age is retention.modelRunPruneAfter'],
  ])('an unknown key in %s comes with a suggestion', async (text, suggestion) => {
    expect((await problemOf(loadFile(text))).message).toContain(suggestion);
  });

  test.each([
    [
      '{ "retention": "90d" }',
      'retention: "90d" is refused; allowed: an object with the keys protectedPruneAfter, ',
    ],
    ['{ "retention": { "protectedPruneAfter": "59m" } }', '"59m" is shorter than 1h'],
    ['{ "retention": { "minIdle": "off" } }', '"off" is not a duration'],
    ['{ "retention": { "pruneAfter": null } }', 'null is not a duration'],
    ['{ "retention": { "pruneAfter": true } }', 'true is not a duration'],
    ['{ "retention": { "maxEntries": 0 } }', '0 is not a count'],
    ['{ "instance": "Prod_1" }', '3 to 41 of a-z 0-9 -'],
    ['{ "s3": { "storageClass": "GLACIER" } }', 'a class that can be read at once'],
    ['{ "s3": { "sse": "kms" } }', 'AES256, aws:kms or aws:kms:dsse'],
    ['{ "s3": { "endpoint": "localhost:9000" } }', 'is not an http or https URL'],
    ['{ "compression": { "level": 20 } }', 'a whole number from 1 to 19'],
  ])('%s', async (text, message) => {
    expect((await problemOf(loadFile(text))).message).toContain(message);
  });

  test('is cut where it is long', async () => {
    const error = await problemOf(loadFile(JSON.stringify({ instance: 'X'.repeat(5000) })));
    expect(error.message.length).toBeLessThan(400);
  });

  test('a level above 9 is refused when the engine is wasm, and names where the level comes from', async () => {
    const env = { CLAWBACK_COMPRESSION_ENGINE: 'wasm' };
    const error = await problemOf(loadFile('{ "compression": { "level": 12 } }', { env }));
    expect(error.message).toContain(
      'clawback.json:1:20: compression.level: 12 is too high for the engine wasm',
    );
    expect((await load({ env: { CLAWBACK_COMPRESSION_LEVEL: '12' } })).config.compression.level).toBe(12);
  });
});

describe('credentials', () => {
  test.each([
    ['archive', '{ "archive": "s3://AKIAEXAMPLE:topsecret@bucket/prefix" }'],
    ['archive query', '{ "archive": "s3://bucket/prefix?secret_access_key=topsecret" }'],
    ['endpoint', '{ "s3": { "endpoint": "https://user:topsecret@host" } }'],
    ['unknown key', '{ "s3": { "secretAccessKey": "topsecret" } }'],
  ])('are refused and never repeated: %s', async (_where, text) => {
    const error = await problemOf(loadFile(text));
    expect(`${error.message} ${error.hint}`).not.toMatch(/topsecret|AKIAEXAMPLE/);
    expect(error.message).toContain('credential');
  });
});
