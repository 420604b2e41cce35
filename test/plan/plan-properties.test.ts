import { describe, expect, it } from 'vitest';
import type { Policy } from '../../src/plan/policy.ts';
import { isProtected } from '../../src/sessions/session-key.ts';
import type { Row, StoreRow } from '../../src/sessions/session-store.ts';
import { pick, seededRandom } from '../support/random.ts';
import { DAY_MS, fileOf, HOUR_MS, type PlanParts, planOf, rowOf, uuid } from '../support/snapshot.ts';
import { BLOCKING_FIELDS } from './blocker-cases.ts';

const SEEDS = Array.from({ length: 200 }, (_, seed) => seed);
const SHAPES = [
  (n: number) => `agent:main:explicit:model-run-${uuid(n)}`,
  (n: number) => `agent:main:slack:channel:c${n}`,
  (n: number) => `agent:main:slack:channel:c1:thread:${n}.000100`,
  (n: number) => `agent:main:telegram:group:-1:topic:${n}`,
  (n: number) => `agent:main:slack:direct:u${n}`,
  (n: number) => `agent:other:cron:job:run:${n}`,
  (n: number) => `agent:main:hook:${n}`,
  (n: number) => `legacy${n}`,
];

interface Drawn extends PlanParts {
  readonly rows: readonly StoreRow[];
  readonly blocked: ReadonlySet<string>;
}

/** A store of up to 40 rows of all shapes and ages, some with a blocker, their files beside some strays. */
function draw(seed: number): Drawn {
  const random = seededRandom(seed);
  const blocked = new Set<string>();
  const rows: StoreRow[] = [];
  const files = [];
  for (let n = 1; n <= 1 + Math.floor(random() * 40); n += 1) {
    const sessionKey = pick(random, SHAPES)(n);
    const ageMs = Math.round((random() * 60 - 1) * DAY_MS);
    const blocker: Row = random() < 0.3 ? pick(random, BLOCKING_FIELDS) : {};
    if (Object.keys(blocker).length > 0) blocked.add(sessionKey);
    rows.push(rowOf(sessionKey, ageMs, { sessionId: uuid(n), ...blocker }));
    if (random() < 0.7) files.push(fileOf(`${uuid(n)}.jsonl`, Math.round(random() * 60 * DAY_MS)));
    if (random() < 0.2) files.push(fileOf(`${uuid(n)}.trajectory.jsonl`, Math.round(random() * 60 * DAY_MS)));
    if (random() < 0.1) files.push(fileOf(`${uuid(1000 + n)}.jsonl`, Math.round(random() * 60 * DAY_MS)));
    if (random() < 0.05) {
      files.push(fileOf(`${uuid(n)}.jsonl.lock`, DAY_MS));
      blocked.add(sessionKey);
    }
  }
  const age = () => (random() < 0.5 ? undefined : Math.round(random() * 30 * DAY_MS));
  const policy: Partial<Policy> = {};
  const [protectedPruneAfterMs, pruneAfterMs] = [age(), age()];
  if (protectedPruneAfterMs !== undefined) Object.assign(policy, { protectedPruneAfterMs });
  if (pruneAfterMs !== undefined) Object.assign(policy, { pruneAfterMs });
  if (random() < 0.5) Object.assign(policy, { maxEntries: 1 + Math.floor(random() * 10) });
  return { rows, files, policy, blocked };
}

describe.each(SEEDS)('a random store (seed %i)', (seed) => {
  const parts = draw(seed);
  const plan = planOf(parts);
  const withRow = plan.selected.filter(({ row }) => row !== null);

  it('loses no row that shows a sign of use, keeps or selects every row once, and plans the same again', () => {
    expect(withRow.filter(({ sessionKey }) => parts.blocked.has(sessionKey ?? ''))).toEqual([]);
    const all = [...withRow, ...plan.kept].map(({ sessionKey }) => sessionKey).sort();
    expect(all).toEqual(parts.rows.map(({ sessionKey }) => sessionKey).sort());
    expect(planOf(parts)).toEqual(plan);
  });

  it('selects nothing younger than retention.minIdle and trims exactly the protected rows', () => {
    expect(plan.selected.filter(({ idleMs }) => idleMs < HOUR_MS)).toEqual([]);
    for (const { sessionKey, row, action } of withRow)
      expect(action).toBe(isProtected(sessionKey ?? '', row ?? {}) ? 'trim' : 'remove');
  });

  it('puts no file into two sessions, and takes none of a row that stays', () => {
    const taken = plan.selected.flatMap(({ files }) => files.map(({ name }) => name));
    expect(new Set(taken).size).toBe(taken.length);
    const stays = plan.kept.map(({ sessionKey }) => parts.rows.find((one) => one.sessionKey === sessionKey));
    const theirs = stays.map((one) => `${one?.row.sessionId}.jsonl`);
    expect(taken.filter((name) => theirs.includes(name))).toEqual([]);
  });

  it('takes from protected rows nothing at all with the default settings', () => {
    const { policy: _policy, ...rest } = parts;
    expect(planOf(rest).selected.filter((one) => one.protected)).toEqual([]);
  });
});
