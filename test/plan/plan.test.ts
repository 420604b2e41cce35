import { readdir } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load-config.ts';
import type { ArchivePlan } from '../../src/plan/plan.ts';
import { explainKept, KEEP_REASONS, type KeepReason, SELECT_REASONS } from '../../src/plan/reasons.ts';
import { planStep } from '../../src/plan/reclaim-steps.ts';
import {
  DAY_MS,
  DEFAULT_POLICY,
  fileOf,
  inputOf,
  NOW_MS,
  type PlanParts,
  planOf,
  rowOf,
  uuid,
} from '../support/snapshot.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { BLOCKER_CASES } from './blocker-cases.ts';
import { RULE_CASES } from './rule-cases.ts';

const GOLDENS = new URL('../golden/plan/', import.meta.url).pathname;

describe('every reason to keep a row', () => {
  it.each(BLOCKER_CASES)('%s', async (reason, parts) => {
    const plan = planOf(parts);
    expect(plan.kept[0]?.reason).toBe(reason);
    await expect(golden(parts, plan)).toMatchFileSnapshot(`${GOLDENS}keep-${reason}.json`);
  });

  it('has a golden', () => {
    expect(BLOCKER_CASES.map(([reason]) => reason).sort()).toEqual(Object.keys(KEEP_REASONS).sort());
  });

  it.each(
    BLOCKER_CASES.filter(
      ([reason]) => !['other-agent', 'protected-off', 'no-policy', 'evidence-unreadable'].includes(reason),
    ),
  )('%s leaves the row beside it alone', (_reason, parts) => {
    expect(planOf(parts).selected.map(({ sessionKey }) => sessionKey)).toContain(parts.rows?.[1]?.sessionKey);
  });

  it('is printed as a sentence with its detail in place', () => {
    for (const reason of Object.keys(KEEP_REASONS) as KeepReason[]) {
      expect(explainKept({ reason, detail: 'cron/jobs.json' })).not.toMatch(/\{\}|undefined/);
    }
    expect(explainKept({ reason: 'cron-target', detail: 'cron/jobs.json' })).toContain('cron/jobs.json');
  });
});

describe('every rule', () => {
  it.each(RULE_CASES)('%s', async (name, reason, parts) => {
    const plan = planOf(parts);
    if (reason !== null)
      expect([...plan.selected, ...plan.retired].map((one) => one.reason)).toContain(reason);
    await expect(golden(parts, plan)).toMatchFileSnapshot(`${GOLDENS}${name}.json`);
  });

  it('has a golden', () => {
    const covered = new Set(RULE_CASES.flatMap(([, reason]) => reason ?? []));
    const reasons = Object.keys(SELECT_REASONS).filter((reason) => !reason.startsWith('budget-'));
    expect([...covered].sort()).toEqual(reasons.sort());
  });
});

/** An idle channel, one in use, a model run, and what a third session left. */
const OVER_BUDGET: PlanParts = {
  rows: [
    rowOf('agent:main:slack:channel:c1', 30 * DAY_MS, { sessionId: uuid(1) }),
    rowOf('agent:main:slack:channel:c2', 30 * DAY_MS, { sessionId: uuid(2), status: 'running' }),
    rowOf(`agent:main:explicit:model-run-${uuid(3)}`, 3 * DAY_MS, { sessionId: uuid(3) }),
  ],
  files: [
    ...[1, 2, 3].flatMap((n) => [
      fileOf(`${uuid(n)}.jsonl`, 30 * DAY_MS),
      fileOf(`${uuid(n)}.trajectory.jsonl`, 30 * DAY_MS),
    ]),
    fileOf(`${uuid(9)}.jsonl.reset.2026-11-01T04-00-00.000Z`, 2 * DAY_MS),
    fileOf(`${uuid(9)}.trajectory.jsonl`, 2 * DAY_MS),
  ],
};

const STEPS = [
  ['orphans', 'budget-orphan'],
  ['trajectories', 'budget-trajectory'],
  ['protected', 'budget-protected'],
  ['copies', 'budget-copy'],
] as const;

describe('every step of a disk that is over its budget', () => {
  it.each(STEPS)('%s', async (step, reason) => {
    const plan = planStep(step, inputOf(OVER_BUDGET), 7 * DAY_MS);
    expect(new Set(plan.selected.map((one) => one.reason))).toEqual(new Set([reason]));
    await expect(golden(OVER_BUDGET, plan)).toMatchFileSnapshot(`${GOLDENS}reclaim-${step}.json`);
  });
});

it('no golden is left over from a case that is gone', async () => {
  const expected = [
    ...BLOCKER_CASES.map(([reason]) => `keep-${reason}.json`),
    ...RULE_CASES.map(([name]) => `${name}.json`),
    ...STEPS.map(([step]) => `reclaim-${step}.json`),
  ];
  expect((await readdir(GOLDENS)).sort()).toEqual(expected.sort());
});

it('the goldens start from the settings that a user without a settings file has', async () => {
  const { config } = await loadConfig({ stateDir: await temporaryFolder(), env: {}, flags: {} });
  expect(config.retention).toEqual(DEFAULT_POLICY);
});

/** Snapshot in, plan and reasons out, as a person would check it by hand. */
function golden(
  { policy, rows = [], neighbourRows, files = [], activity, restoredAgeMs }: PlanParts,
  plan: ArchivePlan,
) {
  const value = {
    now: new Date(NOW_MS).toISOString(),
    policy: { ...DEFAULT_POLICY, ...policy },
    rows: Object.fromEntries(rows.map(({ sessionKey, row }) => [sessionKey, row])),
    ...(neighbourRows ? { neighbourRows } : {}),
    files: files.map(
      ({ name, kind, mtimeMs, isPlain }) =>
        `${name} (${kind}, ${days(NOW_MS - mtimeMs)}${isPlain ? '' : ', a link'})`,
    ),
    ...(activity
      ? {
          activity: { ...activity, ...(activity.byKey ? { byKey: Object.fromEntries(activity.byKey) } : {}) },
        }
      : {}),
    ...(restoredAgeMs ? { restoredAgeMs } : {}),
    plan: {
      selected: plan.selected.map(({ row: _row, idleMs, lastActivityMs, files: taken, ...rest }) => ({
        ...rest,
        lastActivity: new Date(lastActivityMs).toISOString(),
        idle: days(idleMs),
        files: taken.map(({ name }) => name),
      })),
      ...(plan.retired.length === 0
        ? {}
        : {
            retired: plan.retired.map(({ row: _row, idleMs, ...rest }) => ({ ...rest, idle: days(idleMs) })),
          }),
      kept: plan.kept.map(({ idleMs, ...row }) => ({
        ...row,
        ...(idleMs === undefined ? {} : { idle: days(idleMs) }),
        text: explainKept(row),
      })),
      keptFiles: plan.keptFiles.map((file) => ({ ...file, text: explainKept(file) })),
    },
  };
  return `${JSON.stringify(value, null, 2)}\n`;
}

function days(ms: number): string {
  return `${(ms / DAY_MS).toFixed(3)} d`;
}
