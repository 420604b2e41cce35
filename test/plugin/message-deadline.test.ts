import { expect, test } from 'vitest';
import { MessageDeadline } from '../../src/plugin/message-deadline.ts';

test('once the deadline has struck, the point of no return cannot be passed any more', async () => {
  const deadline = new MessageDeadline(5);
  await deadline.struck;
  expect([deadline.isOver, deadline.signal.aborted, deadline.passPointOfNoReturn()]).toEqual([
    true,
    true,
    false,
  ]);
});

test('once the point of no return is passed, the deadline does not strike', async () => {
  const deadline = new MessageDeadline(20);
  expect(deadline.passPointOfNoReturn()).toBe(true);
  const later = new MessageDeadline(60);
  await Promise.race([deadline.struck, later.struck]);
  expect([deadline.isOver, deadline.signal.aborted, later.isOver]).toEqual([false, false, true]);
});

test('a timer that a busy process runs late gives nobody more time', () => {
  const deadline = new MessageDeadline(1);
  const untilMs = performance.now() + 5;
  while (performance.now() < untilMs);
  expect([deadline.signal.aborted, deadline.isOver, deadline.passPointOfNoReturn()]).toEqual([
    false,
    true,
    false,
  ]);
  deadline.end();
});
