/**
 * Who works on a session right now, by everything in the gateway's process that knows. No single source sees all
 * runs: an `agent` call is in the abort controllers and its lane at once, but in the run registry only a second later;
 * an inbound message is in the reply registry alone. The registries are OpenClaw's own and undocumented, the same on
 * 2026.5.28, 2026.6.11 and 2026.7.35, so each is read defensively: one that is missing or shaped otherwise knows nothing.
 *
 * Everything here is synchronous: it is asked inside the writer's own step.
 */
export interface ActiveSources {
  /** The name of the first source that knows the session; undefined if none does. */
  find(sessionKey: string, sessionId: string | undefined): string | undefined;
}

interface Source {
  readonly name: string;
  /** Session keys, lower case too, and session ids in use. */
  names(): Iterable<unknown>;
}

/** Sources that know a turn which has begun, and not the message whose hook asks. */
export const TURNS_BEGUN: ReadonlySet<string> = new Set(['a running turn', 'the queue of the session']);

/**
 * @param methodContext what a gateway method is called with; a hook has none.
 * @param globals where OpenClaw keeps its registries. @default globalThis
 * @param only names of sources to ask. @default all
 */
export function readActiveSources(
  methodContext: unknown,
  globals: object = globalThis,
  only?: ReadonlySet<string>,
): ActiveSources {
  const names = new Map<string, string>();
  for (const source of sourcesOf(methodContext, globals)) {
    if (only !== undefined && !only.has(source.name)) continue;
    for (const name of source.names()) {
      if (typeof name !== 'string' || name === '') continue;
      for (const spelling of [name, name.toLowerCase()])
        if (!names.has(spelling)) names.set(spelling, source.name);
    }
  }
  return {
    find: (sessionKey, sessionId) =>
      names.get(sessionKey) ??
      names.get(sessionKey.toLowerCase()) ??
      (sessionId === undefined ? undefined : (names.get(sessionId) ?? names.get(sessionId.toLowerCase()))),
  };
}

function sourcesOf(methodContext: unknown, globals: object): readonly Source[] {
  const registry = (name: string) => Reflect.get(globals, Symbol.for(`openclaw.${name}`)) as unknown;
  return [
    { name: 'a run that was accepted', names: () => fieldsOf(get(methodContext, 'chatAbortControllers')) },
    { name: 'a running turn', names: () => embeddedRuns(registry('embeddedRunState')) },
    { name: 'a reply in the making', names: () => replyRuns(registry('replyRunRegistry')) },
    { name: 'the queue of the session', names: () => busyLanes(registry('commandQueueState')) },
    { name: 'admitted work', names: () => admissions(registry('sessionLifecycleAdmissionState')) },
    { name: 'a queued follow-up', names: () => followups(registry('followupQueues')) },
    { name: 'an ACP turn', names: () => itemsOf(get(registry('acp.activeTurns'), 'activeTurnKeys')) },
    { name: 'a background task', names: () => tasks(registry('taskRegistry.state')) },
  ];
}

function* fieldsOf(runs: unknown): Iterable<unknown> {
  for (const run of valuesOf(runs)) yield* [get(run, 'sessionKey'), get(run, 'sessionId')];
}

function* embeddedRuns(state: unknown): Iterable<unknown> {
  yield* keysOf(get(state, 'activeRuns'));
  yield* keysOf(get(state, 'sessionIdsByKey'));
  yield* valuesOf(get(state, 'sessionIdsByKey'));
}

function* replyRuns(state: unknown): Iterable<unknown> {
  yield* keysOf(get(state, 'activeRunsByKey'));
  yield* keysOf(get(state, 'activeSessionIdsByKey'));
  yield* keysOf(get(state, 'activeKeysBySessionId'));
  yield* keysOf(get(state, 'followupAdmissionBarriersByKey'));
}

function* busyLanes(state: unknown): Iterable<unknown> {
  for (const [lane, found] of entriesOf(get(state, 'lanes'))) {
    if (typeof lane !== 'string' || !lane.startsWith('session:')) continue;
    if (sizeOf(get(found, 'activeTaskIds')) + sizeOf(get(found, 'queue')) > 0)
      yield lane.slice('session:'.length);
  }
}

/** 2026.7: by a JSON pair of the store and a key or id. */
function* admissions(state: unknown): Iterable<unknown> {
  for (const part of ['activeAdmissions', 'activeMutations']) {
    for (const [pair, holders] of entriesOf(get(state, part))) {
      if (typeof pair !== 'string' || (isSized(holders) && sizeOf(holders) === 0)) continue;
      // Another spelling of the pair would name nobody; then the whole text may.
      const match = /^\[(?:"(?:[^"\\]|\\.)*"),("(?:[^"\\]|\\.)*")\]$/.exec(pair);
      yield match?.[1] === undefined ? pair : JSON.parse(match[1]);
    }
  }
}

function* followups(queues: unknown): Iterable<unknown> {
  for (const [key, queue] of entriesOf(queues)) {
    if (sizeOf(get(queue, 'items')) > 0 || get(queue, 'draining') === true) yield key;
  }
}

function* tasks(state: unknown): Iterable<unknown> {
  for (const task of valuesOf(get(state, 'tasks'))) {
    const status = get(task, 'status');
    if (status !== 'queued' && status !== 'running') continue;
    yield* [get(task, 'ownerKey'), get(task, 'requesterSessionKey'), get(task, 'childSessionKey')];
  }
}

function get(value: unknown, field: string): unknown {
  return typeof value === 'object' && value !== null ? (Reflect.get(value, field) as unknown) : undefined;
}

function entriesOf(map: unknown): Iterable<[unknown, unknown]> {
  return map instanceof Map ? map.entries() : [];
}

function keysOf(map: unknown): Iterable<unknown> {
  return map instanceof Map ? map.keys() : [];
}

function valuesOf(map: unknown): Iterable<unknown> {
  return map instanceof Map ? map.values() : [];
}

function itemsOf(set: unknown): Iterable<unknown> {
  return set instanceof Set ? set : [];
}

function isSized(value: unknown): boolean {
  return value instanceof Set || value instanceof Map || Array.isArray(value);
}

function sizeOf(value: unknown): number {
  if (value instanceof Set || value instanceof Map) return value.size;
  return Array.isArray(value) ? value.length : 0;
}
