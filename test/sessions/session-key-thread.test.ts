import { expect, it } from 'vitest';
import { isProtected, kindOf } from '../../src/sessions/session-key.ts';

it('a thread directly below its agent is protected, as in OpenClaw 2026.5.28', () => {
  expect(isProtected('agent:main:thread:1700000000.000100', {})).toBe(true);
  expect(kindOf('agent:main:thread:1700000000.000100', {})).toBe('thread');
});

it('spaces around a key do not take its protection', () => {
  expect(isProtected(' agent:main:slack:channel:c1 ', {})).toBe(true);
});
