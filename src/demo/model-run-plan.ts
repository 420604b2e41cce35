import { agesBetween, DAY_MS, HOUR_MS, MINUTE_MS, recentAges } from './ages.ts';
import type { Random } from './random.ts';
import type { Route } from './rows.ts';
import { scaleCount } from './synthetic-store.ts';

type Kind = 'model-run' | 'cron' | 'group' | 'other';
type Band = 'oldest' | 'overAWeek' | 'overADay' | 'today' | 'active';

/**
 * The report counts 549 rows (507 model runs, 21 cron, 8 group, 13 other), 70 older
 * than a week, 513 older than a day, 11 active in the last four hours. What its two
 * cleanups removed fixes the rest: the native cap took the 49 oldest (44 model runs,
 * a cron row and four others), the manual pass 439 more model runs and left 24.
 */
const BANDS: Readonly<Record<Kind, Readonly<Record<Band, number>>>> = {
  'model-run': { oldest: 44, overAWeek: 20, overADay: 419, today: 19, active: 5 },
  cron: { oldest: 1, overAWeek: 1, overADay: 14, today: 3, active: 2 },
  group: { oldest: 0, overAWeek: 0, overADay: 4, today: 2, active: 2 },
  other: { oldest: 4, overAWeek: 0, overADay: 6, today: 1, active: 2 },
};
const CRON_JOBS = 3;

export interface ProbeStoreRow {
  readonly kind: Kind;
  /** Without the `agent:<id>:` in front. */
  readonly keyTail: string;
  readonly sessionId: string;
  readonly ageMs: number;
  /** Slash commands leave a row and no files. */
  readonly hasFiles: boolean;
  readonly route?: Route;
}

type KeyShape = Pick<ProbeStoreRow, 'keyTail' | 'sessionId' | 'hasFiles' | 'route'>;

/** Draws the rows of the model-run report, in no particular order. */
export function planProbeStore(
  random: Random,
  options: { readonly countScale: number; readonly variants: boolean },
): ProbeStoreRow[] {
  const rows = (Object.keys(BANDS) as Kind[]).flatMap((kind) => {
    const agesMs = kindAges(random, kind, options.countScale);
    const shapes = keyShapes(random, kind, agesMs.length);
    return agesMs.flatMap((ageMs, index) => {
      const shape = shapes[index];
      return shape === undefined ? [] : [{ kind, ageMs, ...shape }];
    });
  });
  return random.shuffle(options.variants ? withUppercaseProbe(rows, random) : rows);
}

/** Ages from the most recent to the oldest. */
function kindAges(random: Random, kind: Kind, countScale: number): number[] {
  const count = (band: Band) => scaleCount(BANDS[kind][band], countScale);
  return [
    ...recentAges(random, count('active'), 10 * MINUTE_MS, 2.5 * HOUR_MS),
    ...agesBetween(random, count('today'), 4 * HOUR_MS, DAY_MS),
    ...agesBetween(random, count('overADay'), DAY_MS, 7 * DAY_MS),
    ...agesBetween(random, count('overAWeek'), 7 * DAY_MS, 9 * DAY_MS),
    ...agesBetween(random, count('oldest'), 9 * DAY_MS, 13 * DAY_MS),
  ];
}

function keyShapes(random: Random, kind: Kind, count: number): KeyShape[] {
  switch (kind) {
    case 'model-run':
      return Array.from({ length: count }, () => probe(random));
    case 'cron':
      return cronShapes(random, count);
    case 'group':
      return Array.from({ length: count }, (_, index) => groupShape(random, index));
    case 'other':
      return otherShapes(random).slice(0, count);
  }
}

/** `openclaw infer model run --gateway`: the session id is the last part of the key. */
function probe(random: Random): KeyShape {
  const sessionId = `model-run-${random.uuid()}`;
  return { keyTail: `explicit:${sessionId}`, sessionId, hasFiles: true };
}

/** A row for each job, and one for each of its runs. */
function cronShapes(random: Random, count: number): KeyShape[] {
  const jobs = Array.from({ length: CRON_JOBS }, () => random.uuid());
  return Array.from({ length: count }, (_, index) => {
    const sessionId = random.uuid();
    const job = `cron:${jobs[index % CRON_JOBS]}`;
    return { keyTail: index < CRON_JOBS ? job : `${job}:run:${sessionId}`, sessionId, hasFiles: true };
  });
}

function groupShape(random: Random, index: number): KeyShape {
  const channel = index % 2 === 0 ? 'telegram' : 'whatsapp';
  const id = channel === 'telegram' ? `-100${random.int(1e9, 9e9)}` : `1203630${random.int(1e9, 9e9)}@g.us`;
  const to = `${channel}:group:${id}`;
  const route: Route = { channel, to, from: to, chatType: 'group', label: `team-${index + 1}` };
  return { keyTail: to, sessionId: random.uuid(), hasFiles: true, route };
}

/** The 13 others, the most recent first: the main session leads, one near miss of a model run is among them. */
function otherShapes(random: Random): KeyShape[] {
  const named = (keyTail: string): KeyShape => ({ keyTail, sessionId: random.uuid(), hasFiles: true });
  return [
    named('main'),
    directShape(random),
    named(`dashboard:${random.uuid()}`),
    directShape(random),
    slashShape(random),
    named('explicit:model-run-notes'),
    directShape(random),
    named(`explicit:gateway-fallback-${random.uuid()}`),
    directShape(random),
    slashShape(random),
    directShape(random),
    slashShape(random),
    named(`dashboard:${random.uuid()}`),
  ];
}

function directShape(random: Random): KeyShape {
  const user = `U0${random.hex(9).toUpperCase()}`;
  const ends = { to: `user:${user}`, from: `slack:${user}` };
  const route: Route = { channel: 'slack', chatType: 'direct', label: user, ...ends };
  return { keyTail: `slack:direct:${user.toLowerCase()}`, sessionId: random.uuid(), hasFiles: true, route };
}

function slashShape(random: Random): KeyShape {
  const user = `U0${random.hex(9).toUpperCase()}`;
  const ends = { to: `slash:${user}`, from: `slack:${user}` };
  const route: Route = { channel: 'slack', chatType: 'direct', label: user, ...ends };
  return { keyTail: `slack:slash:${user.toLowerCase()}`, sessionId: random.uuid(), hasFiles: false, route };
}

/** An old row whose key is a model run's to OpenClaw, which ignores case there, but not a canonical key. */
function withUppercaseProbe(rows: readonly ProbeStoreRow[], random: Random): ProbeStoreRow[] {
  const index = rows.findLastIndex((row) => row.keyTail.startsWith('dashboard:'));
  const uuid = random.uuid();
  return rows.map((row, at) =>
    at === index
      ? { ...row, keyTail: `explicit:MODEL-RUN-${uuid.toUpperCase()}`, sessionId: `model-run-${uuid}` }
      : row,
  );
}
