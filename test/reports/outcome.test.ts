import { describe, expect, it } from 'vitest';
import { failuresOf, outcomeOf } from '../../src/reports/outcome.ts';
import { reportOf } from '../support/reports.ts';

const OVER = { maxDiskBytes: 10, highWaterBytes: 8, isOver: true };

describe('how a run ended, in words', () => {
  it.each([
    ['done', reportOf()],
    ['failed', reportOf({ exitCode: 1 })],
    ['failed', reportOf({ exitCode: 2 })],
    ['partly failed', reportOf({ exitCode: 3, failures: { 'archive-io': 1 } })],
    ['interrupted', reportOf({ exitCode: 130, interrupted: true })],
    ['done, still over budget', reportOf({ budget: OVER })],
    ['still over budget', reportOf({ exitCode: 3, budget: OVER })],
    ['partly failed, still over budget', reportOf({ exitCode: 3, budget: OVER, filesNotRemoved: 1 })],
    ['exit code 42', reportOf({ exitCode: 42 })],
  ])('%s', (words, report) => expect(outcomeOf(report)).toBe(words));

  it('names what failed with how often', () => {
    expect(failuresOf(reportOf())).toBe('');
    const report = reportOf({ failures: { 'archive-io': 1, locked: 2 }, filesNotRemoved: 3 });
    expect(failuresOf(report)).toBe('archive-io 1, locked 2, files not removed 3');
  });
});
