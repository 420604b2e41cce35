import { describe, expect, test } from 'vitest';
import { readActiveSources } from '../../src/plugin/active-sources.ts';

const KEY = 'agent:main:slack:channel:c1';
const ID = '0f0e0d0c-0000-4000-8000-000000000001';

/** A process whose registries hold this. */
function globalsOf(registries: Record<string, unknown>): object {
  return Object.fromEntries(
    Object.entries(registries).map(([name, value]) => [Symbol.for(`openclaw.${name}`), value]),
  );
}

describe('a session is active when it is known to', () => {
  test.each<[string, object, unknown]>([
    ['an accepted run, by its key', {}, { chatAbortControllers: new Map([['run', { sessionKey: KEY }]]) }],
    ['an accepted run, by its id', {}, { chatAbortControllers: new Map([['run', { sessionId: ID }]]) }],
    [
      'a running turn, by its id',
      globalsOf({ embeddedRunState: { activeRuns: new Map([[ID, {}]]) } }),
      undefined,
    ],
    [
      'a running turn, by its key',
      globalsOf({ embeddedRunState: { sessionIdsByKey: new Map([[KEY, 'x']]) } }),
      undefined,
    ],
    [
      'a reply in the making',
      globalsOf({ replyRunRegistry: { activeRunsByKey: new Map([[KEY, {}]]) } }),
      undefined,
    ],
    [
      'its lane at work',
      globalsOf({
        commandQueueState: {
          lanes: new Map([[`session:${KEY}`, { activeTaskIds: new Set([1]), queue: [] }]]),
        },
      }),
      undefined,
    ],
    [
      'its lane with something queued',
      globalsOf({
        commandQueueState: {
          lanes: new Map([[`session:${KEY}`, { activeTaskIds: new Set(), queue: [{}] }]]),
        },
      }),
      undefined,
    ],
    [
      'admitted work',
      globalsOf({
        sessionLifecycleAdmissionState: {
          activeAdmissions: new Map([[JSON.stringify(['/store', KEY]), new Set([1])]]),
        },
      }),
      undefined,
    ],
    ['a queued follow-up', globalsOf({ followupQueues: new Map([[KEY, { items: [{}] }]]) }), undefined],
    ['an ACP turn', globalsOf({ 'acp.activeTurns': { activeTurnKeys: new Set([KEY]) } }), undefined],
    [
      'a background task',
      globalsOf({
        'taskRegistry.state': { tasks: new Map([['t', { status: 'running', childSessionKey: KEY }]]) },
      }),
      undefined,
    ],
    [
      'a source that spells the key otherwise',
      globalsOf({ 'acp.activeTurns': { activeTurnKeys: new Set([KEY.toUpperCase()]) } }),
      undefined,
    ],
  ])('%s', (_what, globals, context) => {
    const sources = readActiveSources(context, globals);
    expect(sources.find(KEY, ID)).toEqual(expect.any(String));
    expect(sources.find('agent:main:slack:channel:c2', 'another')).toBeUndefined();
  });
});

describe('a session is idle where', () => {
  test.each<[string, object, unknown]>([
    ['nobody knows anything', {}, undefined],
    [
      'its lane is empty',
      globalsOf({
        commandQueueState: { lanes: new Map([[`session:${KEY}`, { activeTaskIds: new Set(), queue: [] }]]) },
      }),
      undefined,
    ],
    [
      'its admissions have ended',
      globalsOf({
        sessionLifecycleAdmissionState: {
          activeAdmissions: new Map([[JSON.stringify(['/store', KEY]), new Set()]]),
        },
      }),
      undefined,
    ],
    [
      'its follow-ups are done',
      globalsOf({ followupQueues: new Map([[KEY, { items: [], draining: false }]]) }),
      undefined,
    ],
    [
      'its task has ended',
      globalsOf({
        'taskRegistry.state': { tasks: new Map([['t', { status: 'succeeded', childSessionKey: KEY }]]) },
      }),
      undefined,
    ],
    [
      'a later release has shaped everything otherwise',
      globalsOf({
        embeddedRunState: 7,
        replyRunRegistry: { activeRunsByKey: [KEY] },
        commandQueueState: null,
        followupQueues: {},
        'acp.activeTurns': new Map(),
      }),
      { chatAbortControllers: 'x' },
    ],
  ])('%s', (_what, globals, context) => {
    expect(readActiveSources(context, globals).find(KEY, ID)).toBeUndefined();
  });
});
