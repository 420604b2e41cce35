import { describe, expect, it } from 'vitest';
import { chooseOldest } from '../../src/plan/choose-oldest.ts';
import type { PlannedSession } from '../../src/plan/plan.ts';
import type { ScannedFile } from '../../src/scan/scan.ts';
import { DAY_MS, fileOf, NOW_MS } from '../support/snapshot.ts';

function candidate(name: string, ageDays: number, diskBytes: number, changes: Partial<PlannedSession> = {}) {
  const session: PlannedSession = {
    action: 'files',
    reason: 'budget-orphan',
    sessionKey: null,
    sessionId: name,
    agentId: 'main',
    kind: 'orphan',
    protected: false,
    row: null,
    lastActivityMs: NOW_MS - ageDays * DAY_MS,
    idleMs: ageDays * DAY_MS,
    files: [fileOf(`${name}.trajectory.jsonl`, ageDays * DAY_MS, { diskBytes })],
    ...changes,
  };
  return { store: 'main', session };
}

const choose = (candidates: ReturnType<typeof candidate>[], bytes: number, taken = new Set<ScannedFile>()) =>
  chooseOldest(candidates, bytes, taken).map(({ session }) => session.sessionId);

describe('the oldest that are needed', () => {
  const three = [candidate('young', 1, 8192), candidate('old', 30, 8192), candidate('middle', 9, 8192)];

  it('are chosen, the longest idle first, and no more than make up what is missing', () => {
    expect(choose(three, 1)).toEqual(['old']);
    expect(choose(three, 8192)).toEqual(['old']);
    expect(choose(three, 8193)).toEqual(['old', 'middle']);
    expect(choose(three, 1e9)).toEqual(['old', 'middle', 'young']);
  });

  it('are none where nothing is missing', () => expect(choose(three, 0)).toEqual([]));

  it('leave out what gives nothing back', () => {
    expect(choose([candidate('empty', 99, 0), ...three], 1)).toEqual(['old']);
  });

  it('count a file once, whichever step has chosen it', () => {
    const taken = new Set<ScannedFile>();
    const one = candidate('one', 3, 8192);
    expect(choose([one], 1, taken)).toEqual(['one']);
    expect(choose([one], 1, taken)).toEqual([]);
  });

  it('give back what their stub does not take', () => {
    const trimmed = candidate('trimmed', 9, 8192, { action: 'trim' });
    expect(chooseOldest([trimmed], 1, new Set())).toMatchObject([{ diskBytes: 4096 }]);
    expect(choose([candidate('tiny', 9, 4096, { action: 'trim' })], 1)).toEqual([]);
  });

  it('count no image: it does not lie in the sessions folder', () => {
    const image = fileOf('a.png', DAY_MS, { kind: 'media-original', diskBytes: 1e6 });
    expect(choose([candidate('image', 9, 0, { files: [image] })], 1)).toEqual([]);
  });
});
