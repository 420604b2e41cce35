import { describe, expect, it } from 'vitest';
import {
  isModelRunKey,
  isProtected,
  kindOf,
  parseSessionKey,
  type SessionKind,
} from '../../src/sessions/session-key.ts';

const UUID = '5f0e6f0e-0a1b-4c2d-8e3f-00000000000a';

/** Key without `agent:main:`, its bucket, and whether OpenClaw 2026.5.28 protects a bare row of that key. */
const KEYS: readonly (readonly [rest: string, kind: SessionKind, isProtected: boolean])[] = [
  ['main', 'main', false],
  ['slack:channel:c1', 'channel', true],
  ['slack:channel:c1:thread:1700000000.000100', 'thread', true],
  ['slack:direct:u1', 'direct', false],
  ['slack:direct:u1:thread:1700000000.000100', 'thread', true],
  ['slack:work:direct:u1', 'direct', false],
  ['direct:u1', 'direct', false],
  ['signal:dm:+49', 'direct', false],
  ['discord:group:g1', 'group', true],
  ['a:b:group:x', 'other', false],
  ['group:x', 'other', false],
  ['slack:channel:', 'other', false],
  ['slack:channel:c1:thread:', 'channel', true],
  ['telegram:group:-100:topic:5', 'thread', true],
  ['telegram:direct:7:topic:5', 'thread', true],
  ['telegram:dm:7:topic:', 'direct', false],
  ['whatsapp:direct:7:topic:5', 'direct', false],
  ['slack:slash:u1', 'slash', false],
  ['cron:nightly', 'cron', false],
  ['cron:nightly:run:1', 'cron', false],
  ['cron:slack:channel:c1', 'cron', false],
  ['cronic:channel:c1', 'channel', true],
  ['hook:gmail:thread:1', 'hook', false],
  ['node:n1:group:1', 'other', false],
  ['heartbeat', 'other', false],
  ['slack:channel:c1:heartbeat', 'other', false],
  ['slack:channel:c1:heartbeat:x', 'other', false],
  ['slack:channel:c1:heartbeats', 'channel', true],
  ['heartbeat-recovered-2026', 'other', false],
  [`subagent:${UUID}`, 'subagent', false],
  [`subagent:${UUID}:subagent:${UUID}`, 'subagent', false],
  ['subagents:channel:c1', 'channel', true],
  [`acp:${UUID}`, 'acp', false],
  ['acp:binding:slack:group:x', 'acp', false],
  ['acp-bridge:slack:thread:x', 'acp', false],
  [`explicit:model-run-${UUID}`, 'model-run', false],
  [`explicit:gateway-fallback-${UUID}`, 'other', false],
  [`dashboard:${UUID}`, 'other', false],
];

describe('a session key', () => {
  it.each(KEYS)('agent:main:%s is counted as %s (protected: %s)', (rest, kind, expected) => {
    const key = `agent:main:${rest}`;
    expect([kindOf(key, {}), isProtected(key, {})]).toEqual([kind, expected]);
  });

  it.each(KEYS.filter(([rest]) => !rest.startsWith('explicit')))(
    '%s means the same in upper case',
    (rest, kind, expected) => {
      const key = `agent:main:${rest}`.toUpperCase();
      expect([kindOf(key, {}), isProtected(key, {})]).toEqual([kind, expected]);
    },
  );

  it.each([
    ['slack:channel:c1', 'channel', true],
    ['slack:channel:C1:thread:1.2', 'thread', true],
    ['global', 'other', false],
    ['unknown', 'other', false],
    ['main', 'main', false],
    ['', 'other', false],
    ['__proto__', 'other', false],
    ['constructor', 'other', false],
    ['agent:', 'other', false],
    ['agent:main', 'other', false],
    ['agent:main:', 'other', false],
    [':', 'other', false],
    ['agent:main:x\u0000y', 'other', false],
  ] as const)('of older releases, or hostile: %j', (key, kind, expected) => {
    expect([kindOf(key, {}), isProtected(key, {})]).toEqual([kind, expected]);
  });
});

describe('a model run', () => {
  it.each([
    `agent:main:explicit:model-run-${UUID}`,
    `agent:research_2:explicit:model-run-${UUID}`,
    `AGENT:Main:EXPLICIT:MODEL-RUN-${UUID.toUpperCase()}`,
  ])('is %s', (key) => {
    expect(isModelRunKey(key)).toBe(true);
  });

  it.each([
    'agent:main:explicit:model-run-notes',
    'agent:main:explicit:model-run-',
    `agent:main:explicit:model-run-${UUID}-2`,
    `agent:main:explicit:model-run-${UUID} `,
    `agent:main:explicit:model-run-${UUID}\n`,
    `agent:main:explicit:model-run-${UUID.slice(1)}`,
    `agent:main:explicit:model-run-${UUID.replaceAll('-', '')}`,
    `agent:main:explicit:model-run-g${UUID.slice(1)}`,
    `agent:main:explicit:xmodel-run-${UUID}`,
    `agent:main:model-run-${UUID}`,
    `agent::explicit:model-run-${UUID}`,
    `agent:a b:explicit:model-run-${UUID}`,
    `agent:a:b:explicit:model-run-${UUID}`,
    `explicit:model-run-${UUID}`,
    ` agent:main:explicit:model-run-${UUID}`,
  ])('is not %j', (key) => {
    expect(isModelRunKey(key)).toBe(false);
    expect(kindOf(key, {})).not.toBe('model-run');
  });
});

describe('a row that says what conversation it is', () => {
  const key = 'agent:main:dashboard:x';
  it.each([
    [{ chatType: 'group' }, 'group'],
    [{ chatType: 'channel' }, 'channel'],
    [{ chatType: 'thread' }, 'thread'],
    [{ chatType: ' Group ' }, 'group'],
    [{ origin: { chatType: 'channel' } }, 'channel'],
    [{ chatType: null, origin: { chatType: 'thread' } }, 'thread'],
  ] as const)('is protected by %j', (row, kind) => {
    expect([isProtected(key, row), kindOf(key, row)]).toEqual([true, kind]);
  });

  it.each([
    [{ chatType: 'direct' }],
    [{ chatType: 'direct', origin: { chatType: 'group' } }],
    [{ chatType: 'groups' }],
    [{ chatType: '', origin: { chatType: 'group' } }],
    [{ chatType: 5 }],
    [{ chatType: ['group'] }],
    [{ origin: 'group' }],
    [{ origin: null }],
    [{ origin: ['group'] }],
    [{}],
  ])('is ordinary by %j', (row) => {
    expect([isProtected(key, row), kindOf(key, row)]).toEqual([false, 'other']);
  });

  it.each(['cron:job', 'hook:x', `subagent:${UUID}`, 'heartbeat'])(
    'is not protected if it is a %s all the same',
    (rest) => {
      expect(isProtected(`agent:main:${rest}`, { chatType: 'group' })).toBe(false);
    },
  );

  it('stays a model run, and an unprotected direct chat stays one, whatever the field says', () => {
    expect(kindOf(`agent:main:explicit:model-run-${UUID}`, { chatType: 'group' })).toBe('model-run');
    expect(kindOf('agent:main:slack:direct:u1', { chatType: 'direct' })).toBe('direct');
  });
});

it('agent id and rest come in lower case, undefined where there is no agent', () => {
  expect(parseSessionKey('Agent:Main:Slack:Channel:C1')).toEqual({
    agentId: 'main',
    rest: 'slack:channel:c1',
  });
  for (const key of ['slack:channel:c1', 'agent:', 'agent:main', 'agent::x', 'agent:main:', '', '__proto__'])
    expect(parseSessionKey(key)).toBeUndefined();
});
