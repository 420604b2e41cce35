import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeModelRunStore } from '../../src/demo/model-run-store.ts';
import { writeSlackStore } from '../../src/demo/slack-store.ts';
import type { SyntheticStore } from '../../src/demo/synthetic-store.ts';
import {
  DAY_MS,
  filesBelow,
  fingerprint,
  HOUR_MS,
  NOW_MS,
  newestEvidenceMs,
  readRows,
  readTranscript,
  type StoredRow,
  sizeOf,
  temporaryStateDir,
} from './support.ts';

const MODEL_RUN =
  /^agent:main:explicit:model-run-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function bucketOf(key: string): string {
  if (MODEL_RUN.test(key)) return 'model-run';
  if (key.startsWith('agent:main:cron:')) return 'cron';
  return key.includes(':group:') ? 'group' : 'other';
}

function countBy<T>(items: readonly T[], nameOf: (item: T) => string): Record<string, number> {
  const count: Record<string, number> = {};
  for (const item of items) count[nameOf(item)] = (count[nameOf(item)] ?? 0) + 1;
  return count;
}

describe('the model-run report’s store', () => {
  let stateDir: string;
  let store: SyntheticStore;
  let rows: Record<string, StoredRow>;
  let ages: { readonly key: string; readonly ageMs: number }[];

  beforeAll(async () => {
    stateDir = await mkdtemp(path.join(tmpdir(), 'clawback-demo-'));
    store = await writeModelRunStore({ stateDir, nowMs: NOW_MS });
    rows = await readRows(store);
    ages = Object.entries(rows).map(([key, row]) => ({ key, ageMs: NOW_MS - row.updatedAt }));
  });
  afterAll(() => rm(stateDir, { recursive: true, force: true }));

  test('has 549 rows: 507 model runs, 21 cron, 8 group, 13 other', () => {
    expect(store.rowCount).toBe(549);
    expect(countBy(Object.keys(rows), bucketOf)).toEqual({ 'model-run': 507, cron: 21, group: 8, other: 13 });
  });

  test('has 70 rows older than a week, 513 older than a day, 11 of the last four hours', () => {
    expect(ages.filter(({ ageMs }) => ageMs > 7 * DAY_MS)).toHaveLength(70);
    expect(ages.filter(({ ageMs }) => ageMs > DAY_MS)).toHaveLength(513);
    expect(ages.filter(({ ageMs }) => ageMs < 4 * HOUR_MS)).toHaveLength(11);
  });

  test('has 483 model runs older than a day and 24 younger', () => {
    const runs = ages.filter(({ key }) => bucketOf(key) === 'model-run');
    expect(runs.filter(({ ageMs }) => ageMs > DAY_MS)).toHaveLength(483);
    expect(runs.filter(({ ageMs }) => ageMs <= DAY_MS)).toHaveLength(24);
  });

  test('loses to a cap of 500 what the report lost: 44 model runs, a cron row, four others', () => {
    const ordinary = ages.filter(({ key }) => bucketOf(key) !== 'group').sort((a, b) => a.ageMs - b.ageMs);
    const capped = ordinary.slice(500 - 8);
    expect(countBy(capped, ({ key }) => bucketOf(key))).toEqual({ 'model-run': 44, cron: 1, other: 4 });
  });

  test('keeps after both cleanups one row older than a week and 25 older than a day', () => {
    const capped = new Set(
      [...ages]
        .sort((a, b) => b.ageMs - a.ageMs)
        .slice(0, 49)
        .map(({ key }) => key),
    );
    const left = ages.filter(
      ({ key, ageMs }) => !capped.has(key) && !(bucketOf(key) === 'model-run' && ageMs > DAY_MS),
    );
    expect(left.filter(({ ageMs }) => ageMs > 7 * DAY_MS)).toHaveLength(1);
    expect(left.filter(({ ageMs }) => ageMs > DAY_MS)).toHaveLength(25);
  });

  test('has keys that nearly are model runs, and slash commands without files', () => {
    const others = Object.keys(rows).filter((key) => bucketOf(key) === 'other');
    expect(others).toContain('agent:main:main');
    expect(others).toContain('agent:main:explicit:model-run-notes');
    expect(others.filter((key) => key.includes(':gateway-fallback-'))).toHaveLength(1);
    const bare = store.sessions.filter(({ files }) => files.length === 0);
    expect(bare).toHaveLength(3);
    expect(bare.every(({ sessionKey }) => sessionKey.includes(':slack:slash:'))).toBe(true);
    expect(Object.keys(rows).filter((key) => key !== key.toLowerCase())).toEqual([]);
  });

  test('dates every row and all of its files alike', async () => {
    for (const session of store.sessions) {
      const newestMs = await newestEvidenceMs(store, rows[session.sessionKey] as StoredRow, session);
      expect(Math.abs(NOW_MS - newestMs - session.ageMs)).toBeLessThan(1);
    }
  });

  test('gives each model run a transcript of 1 KB, a trajectory of 27 KB and a pointer', async () => {
    for (const { sessionKey, sessionId, files } of store.sessions.filter(({ sessionKey: key }) =>
      MODEL_RUN.test(key),
    )) {
      expect(sessionKey.endsWith(sessionId)).toBe(true);
      expect(files).toEqual([
        `${sessionId}.jsonl`,
        `${sessionId}.trajectory.jsonl`,
        `${sessionId}.trajectory-path.json`,
      ]);
      const [transcript = 0, trajectory = 0] = await Promise.all(files.map((name) => sizeOf(store, name)));
      expect(transcript).toBeGreaterThan(1000);
      expect(transcript).toBeLessThan(1600);
      expect(trajectory).toBeGreaterThan(24_000);
      expect(trajectory).toBeLessThan(30_000);
      const entries = await readTranscript(path.join(store.sessionsDir, `${sessionId}.jsonl`));
      expect(entries.map(({ type }) => type)).toEqual([
        'model_change',
        'thinking_level_change',
        'message',
        'message',
      ]);
    }
  });

  test('has model-run rows of about 5 KB that share one prompt by its hash', async () => {
    const runs = Object.entries(rows).filter(([key]) => MODEL_RUN.test(key));
    const bytes = runs.reduce((sum, [key, row]) => sum + JSON.stringify({ [key]: row }, null, 2).length, 0);
    const prompt = (await filesBelow(store.sessionsDir)).filter((name) => name.startsWith('skills-prompts/'));
    const text = await readFile(path.join(store.sessionsDir, prompt[0] ?? ''));
    const hash = createHash('sha256').update(text).digest('hex');
    // 4.9 KB measured under one release, 5.4 KB under another; the paths in it vary, too.
    expect(bytes / runs.length).toBeGreaterThan(4_900);
    expect(bytes / runs.length).toBeLessThan(5_900);
    expect(prompt).toEqual([`skills-prompts/sha256/${hash.slice(0, 2)}/${hash}.txt`]);
    for (const [, row] of runs) {
      expect(row.skillsSnapshot).toMatchObject({ promptRef: { hash, bytes: text.length } });
    }
  });

  test('has three files for each row but slash commands, and nothing that no row references', async () => {
    const files = await filesBelow(store.sessionsDir);
    const known = store.sessions.flatMap((session) => session.files);
    expect(known).toHaveLength((549 - 3) * 3);
    expect(files).toHaveLength(known.length + 2);
    expect(store.fileCount).toBe(files.length);
    expect(store.orphans).toEqual([]);
    expect((await stat(store.storePath)).mode & 0o777).toBe(0o600);
  });
});

test('the same seed writes the same bytes under the same names', async () => {
  const [first, second] = [await temporaryStateDir(), await temporaryStateDir()];
  const options = { nowMs: NOW_MS, sizeScale: 0.01, countScale: 0.2 };
  await writeModelRunStore({ ...options, stateDir: first });
  await writeModelRunStore({ ...options, stateDir: second });
  expect(await fingerprint(second)).toEqual(await fingerprint(first));
});

test('both reports’ stores lie beside each other under two agents', async () => {
  const stateDir = await temporaryStateDir();
  const options = { stateDir, nowMs: NOW_MS, sizeScale: 0.01, countScale: 0.1 };
  const modelRuns = await writeModelRunStore(options);
  const config = await readFile(path.join(stateDir, 'openclaw.json'), 'utf8');
  const slack = await writeSlackStore({ ...options, agentId: 'slack' });
  expect(await readFile(path.join(stateDir, 'openclaw.json'), 'utf8')).toBe(config);
  expect(Object.keys(await readRows(modelRuns)).every((key) => key.startsWith('agent:main:'))).toBe(true);
  expect(Object.keys(await readRows(slack)).every((key) => key.startsWith('agent:slack:'))).toBe(true);
});

test('the upper-case variant takes an old row’s place', async () => {
  const stateDir = await temporaryStateDir();
  const store = await writeModelRunStore({ stateDir, nowMs: NOW_MS, sizeScale: 0.01, variants: true });
  const odd = store.sessions.filter(({ sessionKey }) => /:MODEL-RUN-[0-9A-F-]{36}$/.test(sessionKey));
  expect(store.rowCount).toBe(549);
  expect(odd).toHaveLength(1);
  expect(odd[0]?.ageMs).toBeGreaterThan(DAY_MS);
});
