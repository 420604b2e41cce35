import { expect, it } from 'vitest';
import { StoreText } from '../../src/sessions/store-text.ts';

it('a sessions.json nested 100,000 deep is refused like any other unreadable one', () => {
  const text = `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
  expect(() => StoreText.parse(Buffer.from(text), 'p')).toThrowError(
    expect.objectContaining({ code: 'store-unreadable' }),
  );
});
