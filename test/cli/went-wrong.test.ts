import { describe, expect, it } from 'vitest';
import { describeWentWrong, wentWrong } from '../../src/cli/went-wrong.ts';
import { RunTally } from '../../src/report.ts';

const SECRET = 'agent:main:slack:channel:c0secret';

function runWith(tally: RunTally) {
  const road = { name: 'direct', why: 'no gateway is up' } as const;
  return { runId: 'r', instance: 'i', archiveUrl: 'file:///a', plans: [], tally, road, interrupted: true };
}

describe('what went wrong in a run', () => {
  const tally = new RunTally();
  const error = {
    code: 'archive-denied',
    message: 'put a/1: 403',
    hint: 'check it',
    retryable: false,
  } as const;
  for (let n = 0; n < 7; n += 1) tally.failures.push({ sessionKey: `${SECRET}${n}`, sessionId: null, error });
  tally.problems.push({ what: 'store main', error });

  it('names five sessions of an error for people', () => {
    expect(describeWentWrong(runWith(tally))).toEqual([
      'FAILED store main: put a/1: 403 (check it)',
      `FAILED 7 sessions: put a/1: 403 (check it)\n    ${SECRET}0\n    ${SECRET}1\n    ${SECRET}2\n    ${SECRET}3\n    ${SECRET}4\n    and 2 more (--json lists all)`,
      'interrupted: the next run finishes what was begun; nothing is lost',
    ]);
  });

  it('names none for a log', () => {
    const logged = wentWrong(runWith(tally)).map(({ text: _forPeople, ...rest }) => rest);
    expect(JSON.stringify(logged)).not.toContain('c0secret');
    expect(logged[1]).toEqual({
      level: 'error',
      msg: 'FAILED 7 sessions: put a/1: 403',
      code: 'archive-denied',
      hint: 'check it',
      fields: { sessions: 7 },
    });
  });
});
