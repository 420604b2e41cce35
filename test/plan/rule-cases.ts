import type { SelectReason } from '../../src/plan/reasons.ts';
import type { Row, StoreRow } from '../../src/sessions/session-store.ts';
import {
  DAY_MS,
  fileOf,
  HOUR_MS,
  MINUTE_MS,
  NOW_MS,
  type PlanParts,
  rowOf,
  uuid,
} from '../support/snapshot.ts';

const MODEL_RUN = (n: number) => `agent:main:explicit:model-run-${uuid(n)}`;
const CHANNEL = 'agent:main:slack:channel:c1';

function trio(base: string, ageMs: number) {
  return ['.jsonl', '.trajectory.jsonl', '.trajectory-path.json'].map((end) => fileOf(base + end, ageMs));
}

/** The tombstone of a thread that a run with this stamp archived. */
function tombstoneRow(n: number, stamp: string, fields: Row = {}): StoreRow {
  const clawback = { v: 1, archiveId: `${stamp}-00000001-0001.${n}`, sessionId: uuid(n) };
  return {
    sessionKey: `${CHANNEL}:thread:1.${n}`,
    row: { sessionId: uuid(n), updatedAt: 0, clawback, ...fields },
  };
}

/** Rules that select, and the lines around them. The name is the golden's file name. */
export const RULE_CASES: readonly (readonly [name: string, SelectReason | null, PlanParts])[] = [
  [
    'model-run-age',
    'model-run-age',
    {
      rows: [
        rowOf(MODEL_RUN(1), DAY_MS, { sessionId: `model-run-${uuid(1)}` }),
        rowOf(MODEL_RUN(2), DAY_MS - 1, { sessionId: `model-run-${uuid(2)}` }),
        rowOf('agent:main:explicit:model-run-notes', 90 * DAY_MS, { sessionId: 'model-run-notes' }),
      ],
      files: [...trio(`model-run-${uuid(1)}`, DAY_MS), ...trio(`model-run-${uuid(2)}`, DAY_MS)],
    },
  ],
  [
    'protected-age',
    'protected-age',
    {
      policy: { protectedPruneAfterMs: 7 * DAY_MS },
      rows: [
        rowOf(CHANNEL, 7 * DAY_MS, { sessionId: uuid(1) }),
        rowOf(`${CHANNEL}:thread:1.2`, 7 * DAY_MS - 1, { sessionId: uuid(2) }),
        rowOf('agent:main:telegram:group:-100:topic:5', 8 * DAY_MS, { sessionId: uuid(3) }),
        rowOf('agent:main:dashboard:x', 8 * DAY_MS, { sessionId: uuid(4), chatType: 'group' }),
        rowOf('agent:main:slack:direct:u1', 8 * DAY_MS, { sessionId: uuid(5) }),
      ],
      files: trio(uuid(1), 7 * DAY_MS),
    },
  ],
  [
    'kind-age',
    'kind-age',
    {
      policy: { perKindMs: { cron: 3 * DAY_MS, direct: 10 * DAY_MS }, pruneAfterMs: 30 * DAY_MS },
      rows: [
        rowOf('agent:main:cron:nightly:run:1', 4 * DAY_MS, { sessionId: uuid(1) }),
        rowOf('agent:main:slack:direct:u1', 4 * DAY_MS, { sessionId: uuid(2) }),
        rowOf('agent:main:hook:gmail', 31 * DAY_MS, { sessionId: uuid(3) }),
      ],
    },
  ],
  [
    'ordinary-age',
    'ordinary-age',
    {
      policy: { pruneAfterMs: 30 * DAY_MS },
      rows: [
        rowOf('agent:main:slack:direct:u1', 30 * DAY_MS, { sessionId: uuid(1) }),
        rowOf('agent:main:main', 29 * DAY_MS, { sessionId: uuid(2) }),
        rowOf(CHANNEL, 300 * DAY_MS, { sessionId: uuid(3) }),
      ],
    },
  ],
  [
    'ordinary-cap',
    'ordinary-cap',
    {
      policy: { maxEntries: 3 },
      rows: [
        rowOf('agent:main:slack:direct:u1', 5 * DAY_MS, { sessionId: uuid(1) }),
        rowOf('agent:main:slack:direct:u2', 50 * DAY_MS, { sessionId: uuid(2) }),
        rowOf('agent:main:slack:direct:u3', 500 * DAY_MS, { sessionId: uuid(3), status: 'running' }),
        rowOf('agent:main:slack:direct:u4', 20 * MINUTE_MS, { sessionId: uuid(4) }),
        rowOf('agent:main:slack:direct:u5', 2 * DAY_MS, { sessionId: uuid(5) }),
        rowOf(CHANNEL, 900 * DAY_MS, { sessionId: uuid(6) }),
        rowOf(MODEL_RUN(7), 2 * HOUR_MS, { sessionId: `model-run-${uuid(7)}` }),
      ],
    },
  ],
  [
    'tombstone-age',
    'tombstone-age',
    {
      policy: { protectedPruneAfterMs: 7 * DAY_MS, protectedRemoveAfterMs: 60 * DAY_MS },
      // Session 5 was restored 50 days ago by somebody who died half-way.
      restoredAgeMs: { [uuid(95)]: 50 * DAY_MS },
      rows: [
        // 60 days and a second, with a stub and without one; then a second less than 60 days.
        tombstoneRow(1, '20260922t085959z', { sessionFile: `${uuid(1)}.jsonl` }),
        tombstoneRow(2, '20260922t085959z'),
        tombstoneRow(3, '20260922t090001z'),
        tombstoneRow(4, '20260101t000000z', { lastInteractionAt: NOW_MS - HOUR_MS }),
        tombstoneRow(5, '20260101t000000z', { usageFamilySessionIds: [uuid(95)] }),
        tombstoneRow(6, '20260101t000000z', { clawback: { v: 1, archiveId: 'lost', sessionId: uuid(6) } }),
        tombstoneRow(7, '20270101t000000z'),
        tombstoneRow(8, '20260101t000000z', { status: 'running' }),
        // A marker that outlived a revival is none.
        tombstoneRow(9, '20260101t000000z', { updatedAt: NOW_MS - DAY_MS }),
      ],
      files: [fileOf(`${uuid(1)}.jsonl`, 60 * DAY_MS)],
    },
  ],
  [
    'orphan-age',
    'orphan-age',
    {
      rows: [rowOf(CHANNEL, 2 * HOUR_MS, { sessionId: uuid(1), usageFamilySessionIds: [uuid(2)] })],
      files: [
        ...trio(uuid(1), 30 * DAY_MS),
        fileOf(`${uuid(2)}.jsonl.reset.2026-11-01T04-00-00.000Z`, 20 * DAY_MS),
        fileOf(`${uuid(2)}.trajectory.jsonl`, 20 * DAY_MS),
        fileOf(`${uuid(3)}-topic-1.2.jsonl.deleted.2026-11-19T04-00-00.000Z`, 2 * DAY_MS),
        fileOf(`${uuid(4)}.jsonl.bak-77-1763000000000`, 30 * DAY_MS),
        fileOf(`${uuid(5)}.jsonl`, 30 * DAY_MS),
        fileOf(`${uuid(5)}.jsonl.lock`, 30 * DAY_MS),
        fileOf(`${uuid(6)}.jsonl`, 30 * DAY_MS, { isPlain: false }),
        fileOf(`${uuid(7)}.jsonl`, -HOUR_MS),
        fileOf('notes.txt', 300 * DAY_MS),
        fileOf('sessions.json.bak.3', 300 * DAY_MS),
      ],
    },
  ],
  [
    'min-idle',
    'model-run-age',
    {
      policy: { minIdleMs: 2 * DAY_MS, perKindMs: { direct: HOUR_MS }, orphanPruneAfterMs: HOUR_MS },
      rows: [
        rowOf(MODEL_RUN(1), 36 * HOUR_MS, { sessionId: `model-run-${uuid(1)}` }),
        rowOf(MODEL_RUN(2), 49 * HOUR_MS, { sessionId: `model-run-${uuid(2)}` }),
        rowOf('agent:main:slack:direct:u1', 36 * HOUR_MS, { sessionId: uuid(3) }),
      ],
      files: [fileOf(`${uuid(4)}.jsonl`, 36 * HOUR_MS)],
    },
  ],
  [
    'newest-evidence',
    null,
    {
      policy: { protectedPruneAfterMs: 7 * DAY_MS },
      rows: [
        rowOf(CHANNEL, 30 * DAY_MS, { sessionId: uuid(1) }),
        rowOf(`${CHANNEL}:thread:1.1`, 30 * DAY_MS, {
          sessionId: uuid(2),
          lastInteractionAt: NOW_MS - DAY_MS,
        }),
        rowOf(`${CHANNEL}:thread:1.2`, 30 * DAY_MS, { sessionId: uuid(3) }),
      ],
      files: [fileOf(`${uuid(1)}.trajectory.jsonl`, 2 * DAY_MS), fileOf(`${uuid(3)}.jsonl`, 10 * MINUTE_MS)],
    },
  ],
  [
    'restored-by-hand',
    null,
    {
      policy: { protectedPruneAfterMs: 7 * DAY_MS },
      restoredAgeMs: { [uuid(1)]: 20 * MINUTE_MS, [uuid(2)]: 3 * DAY_MS, [uuid(3)]: DAY_MS },
      rows: [
        rowOf(CHANNEL, 30 * DAY_MS, { sessionId: uuid(1) }),
        rowOf(`${CHANNEL}:thread:1.2`, 30 * DAY_MS, { sessionId: uuid(2) }),
      ],
      files: [fileOf(`${uuid(3)}.jsonl.reset.2026-10-01T04-00-00.000Z`, 50 * DAY_MS)],
    },
  ],
  [
    'delivery-by-address',
    null,
    {
      policy: { protectedPruneAfterMs: 7 * DAY_MS },
      activity: {
        queuedDeliveries: [
          {
            reason: 'delivery-queued',
            where: 'delivery-queue/a.json',
            channel: 'slack',
            to: 'channel:C1',
            threadId: '1.1',
          },
          { reason: 'cron-target', where: 'cron/jobs.json', to: 'user:U9' },
        ],
      },
      rows: [
        rowOf(`${CHANNEL}:thread:1.1`, 30 * DAY_MS, {
          sessionId: uuid(1),
          deliveryContext: { channel: 'slack', to: 'channel:C1', threadId: 1.1 },
        }),
        rowOf(`${CHANNEL}:thread:1.3`, 30 * DAY_MS, {
          sessionId: uuid(2),
          deliveryContext: { channel: 'slack', to: 'channel:C1', threadId: '1.3' },
        }),
        rowOf('agent:main:discord:group:g', 30 * DAY_MS, {
          sessionId: uuid(3),
          lastChannel: 'discord',
          lastTo: 'user:U9',
        }),
        rowOf('agent:main:discord:channel:c1', 30 * DAY_MS, {
          sessionId: uuid(4),
          lastChannel: 'discord',
          lastTo: 'channel:C1',
          lastThreadId: '1.1',
        }),
      ],
    },
  ],
  [
    'shared-file',
    null,
    {
      policy: { protectedPruneAfterMs: 7 * DAY_MS },
      rows: [
        rowOf(CHANNEL, 30 * DAY_MS, { sessionId: uuid(1), sessionFile: 'common.jsonl' }),
        rowOf(`${CHANNEL}:thread:1.2`, 30 * DAY_MS, { sessionId: uuid(2), sessionFile: 'common.jsonl' }),
      ],
      neighbourRows: [rowOf('agent:other:main', DAY_MS, { sessionId: uuid(3) })],
      files: [fileOf('common.jsonl', 30 * DAY_MS), fileOf(`${uuid(3)}.jsonl`, 30 * DAY_MS)],
    },
  ],
  [
    'checkpoints',
    'protected-age',
    {
      policy: { protectedPruneAfterMs: 7 * DAY_MS },
      rows: [
        rowOf(CHANNEL, 30 * DAY_MS, {
          sessionId: uuid(1),
          compactionCheckpoints: [
            {
              preCompaction: { sessionFile: `${uuid(1)}.checkpoint.${uuid(8)}.jsonl` },
              postCompaction: null,
            },
            { preCompaction: { sessionFile: '/elsewhere/x.jsonl' } },
          ],
        }),
      ],
      files: [
        fileOf(`${uuid(1)}.jsonl`, 30 * DAY_MS),
        fileOf(`${uuid(1)}.checkpoint.${uuid(8)}.jsonl`, 90 * DAY_MS),
      ],
    },
  ],
  [
    'interim-session',
    'protected-age',
    {
      policy: { protectedPruneAfterMs: 20 * DAY_MS },
      rows: [
        rowOf(CHANNEL, 30 * DAY_MS, { sessionId: uuid(1), usageFamilySessionIds: [uuid(2), uuid(3)] }),
        rowOf(`${CHANNEL}:thread:1.2`, 19 * DAY_MS, { sessionId: uuid(4), usageFamilySessionIds: [uuid(5)] }),
        rowOf('agent:main:main', 30 * DAY_MS, { sessionId: uuid(6), usageFamilySessionIds: [uuid(7)] }),
        rowOf('agent:main:slack:channel:c2', 30 * DAY_MS, {
          sessionId: uuid(8),
          usageFamilySessionIds: [uuid(9)],
        }),
      ],
      files: [
        ...trio(uuid(1), 30 * DAY_MS),
        ...trio(uuid(2), 31 * DAY_MS),
        fileOf(`${uuid(3)}.jsonl.reset.2026-10-01T04-00-00.000Z`, 40 * DAY_MS),
        fileOf(`${uuid(3)}.trajectory.jsonl`, 40 * DAY_MS),
        ...trio(uuid(4), 19 * DAY_MS),
        ...trio(uuid(5), 21 * DAY_MS),
        ...trio(uuid(7), 31 * DAY_MS),
        ...trio(uuid(9), 31 * DAY_MS),
      ],
      restoredAgeMs: { [uuid(9)]: 2 * DAY_MS },
    },
  ],
];
