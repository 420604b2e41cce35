import { describe, expect, test } from 'vitest';
import { inFrames } from '../../src/gateway/gateway-session-store.ts';
import {
  activeReply,
  activeRequest,
  commitReply,
  commitRequest,
  parseActiveReply,
  parseActiveRequest,
  parseCommitReply,
  parseCommitRequest,
} from '../../src/gateway/messages.ts';
import type { RowChange } from '../../src/sessions/session-store.ts';

const change = (sessionKey = 'agent:main:a'): RowChange => ({
  sessionKey,
  archiveId: '20261120t040000z-0123abcd-0001.0',
  expectSha256: 'a'.repeat(64),
  replaceWith: { sessionId: 's', updatedAt: 0 },
});
/** As it arrives: through JSON. */
const wire = (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown;

describe('what one side writes the other reads', () => {
  test('a commit, hostile keys and rows included', () => {
    const changes = [
      change(),
      change('__proto__'),
      // Refused, it would take all others of its frame with it.
      change(''),
      { ...change('c'), expectSha256: null, replaceWith: null },
    ];
    expect(parseCommitRequest(wire(commitRequest('main', changes)))).toEqual(commitRequest('main', changes));
    const outcomes = changes.map(
      ({ sessionKey }) => ({ sessionKey, outcome: 'active', reason: 'a turn' }) as const,
    );
    expect(parseCommitReply(wire(commitReply(outcomes)), changes)).toEqual(outcomes);
  });

  test('which sessions are active', () => {
    expect(parseActiveRequest(wire(activeRequest('main')))).toEqual(activeRequest('main'));
    const active = [{ sessionKey: 'k', source: 'a running turn' }];
    expect(parseActiveReply(wire(activeReply(active)))).toEqual(active);
  });
});

describe('refused is', () => {
  const reply = commitReply([{ sessionKey: 'agent:main:a', outcome: 'committed' }]);
  test.each<[string, () => unknown]>([
    ['a request of another version', () => parseCommitRequest({ ...commitRequest('main', []), version: 0 })],
    [
      'a request with a field too many',
      () => parseCommitRequest({ ...commitRequest('main', []), storePath: '/x' }),
    ],
    ['a store id that is a path', () => parseCommitRequest(commitRequest('../main', []))],
    ['one key twice', () => parseCommitRequest(commitRequest('main', [change(), change()]))],
    [
      'too many changes',
      () =>
        parseCommitRequest(
          commitRequest(
            'main',
            Array.from({ length: 2001 }, (_, n) => change(`k${n}`)),
          ),
        ),
    ],
    ['nothing at all', () => parseActiveRequest(undefined)],
    ['an answer to fewer changes', () => parseCommitReply(commitReply([]), [change()])],
    ['an answer to another change', () => parseCommitReply(reply, [change('other')])],
    [
      'an outcome that nobody knows',
      () =>
        parseCommitReply({ ...reply, outcomes: [{ sessionKey: 'agent:main:a', outcome: 'done' }] }, [
          change(),
        ]),
    ],
    ['a session without a name', () => parseActiveReply({ ...activeReply([]), active: [{ source: 'x' }] })],
  ])('%s', (_what, parse) => {
    expect(parse).toThrow(expect.objectContaining({ code: 'gateway-protocol' }));
  });
});

describe('a batch is sent in frames', () => {
  const sizeOf = (one: RowChange) => JSON.stringify(one).length;

  test('that hold every change once, in order, and are no larger than allowed', () => {
    const changes = Array.from({ length: 100 }, (_, n) => change(`key-${n}`));
    const frames = inFrames(changes, 1_000);
    expect(frames.flat()).toEqual(changes);
    expect(frames.length).toBeGreaterThan(10);
    for (const frame of frames)
      expect(frame.reduce((sum, one) => sum + sizeOf(one), 0)).toBeLessThanOrEqual(1_000);
  });

  test('of one change where that is too large by itself', () => {
    expect(inFrames([change('a'), change('b')], 10).map(({ length }) => length)).toEqual([1, 1]);
  });
});
