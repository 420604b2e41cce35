import { describe, expect, test } from 'vitest';
import { namesSubject, readSubject } from '../../src/forget/subject.ts';

const inKey = (sessionKey: string, subject: string) => namesSubject({ sessionKey, row: null }, subject);
const inRow = (row: Record<string, unknown>, subject: string) =>
  namesSubject({ sessionKey: 'agent:main:main', row }, subject);

describe('a user id in a session key', () => {
  test.each([
    ['agent:main:slack:direct:u0123abcd', 'U0123ABCD'],
    ['agent:main:slack:slash:u0123abcd', 'u0123abcd'],
    ['agent:main:slack:work:direct:u0123abcd:thread:1700000000.000100', 'U0123ABCD'],
    ['agent:main:whatsapp:direct:+4915112345678', '+4915112345678'],
    ['agent:main:telegram:direct:12345', '12345'],
    ['agent:main:matrix:direct:@alice:server.org', '@alice:server.org'],
    ['slack:direct:u0123abcd', 'U0123ABCD'],
  ])('%s is of %s', (key, subject) => expect(inKey(key, subject)).toBe(true));

  test.each([
    ['agent:main:slack:direct:u1234', 'U123'],
    ['agent:main:slack:direct:xu123', 'U123'],
    ['agent:main:slack:direct:u123-4', 'U123'],
    ['agent:main:telegram:direct:12345', '1234'],
    ['agent:main:slack:channel:c1:thread:1700000000.000100', '1700000000'],
    ['agent:main:whatsapp:direct:+4915112345678', '4915112345678'],
    ['agent:u123:slack:channel:c1', 'U123'],
    ['agent:main:slack:direct:uaxb', 'u.xb'],
  ])('%s is not of %s', (key, subject) => expect(inKey(key, subject)).toBe(false));
});

describe('a user id in an archived row', () => {
  test.each<[string, Record<string, unknown>]>([
    ['origin.from', { origin: { from: 'slack:U123' } }],
    ['origin.nativeDirectUserId', { origin: { nativeDirectUserId: 'U123' } }],
    ['origin.label', { origin: { label: 'Alice (U123)' } }],
    ['deliveryContext.to', { deliveryContext: { channel: 'slack', to: 'user:U123' } }],
    ['lastTo', { lastTo: 'user:U123' }],
    ['groupId', { groupId: 'u123' }],
    ['route.target', { route: { target: { to: 'user:U123' } } }],
    ['spawnedBy', { spawnedBy: 'agent:main:slack:direct:u123' }],
    ['parentSessionKey', { parentSessionKey: 'agent:main:slack:direct:u123' }],
  ])('is found in %s', (_field, row) => expect(inRow(row, 'U123')).toBe(true));

  test('is found as a number', () => expect(inRow({ origin: { from: 12345 } }, '12345')).toBe(true));

  test.each<[string, Record<string, unknown>]>([
    ['a longer id', { lastTo: 'user:U1234', origin: { from: 'slack:AU123' } }],
    ['an agent of that name', { spawnedBy: 'agent:u123:main' }],
    ['a field that names nobody', { lastTo: 'user:U9', skillsSnapshot: { prompt: 'U123' } }],
  ])('is not found in %s', (_what, row) => expect(inRow(row, 'U123')).toBe(false));
});

describe('what is no user id', () => {
  test.each(['', '  ', 'slack', 'Direct', 'channel', 'agent', 'thread'])('%j is refused', (text) =>
    expect(() => readSubject(text)).toThrow(expect.objectContaining({ code: 'usage' })),
  );
});
