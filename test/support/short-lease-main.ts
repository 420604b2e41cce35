import { run } from '../../src/cli/run.ts';
import { systemClock } from '../../src/clock.ts';
import { SHORT_LEASE } from './short-lease.ts';

// The program with leases of seconds, for stories in which one runs out.
const { stdout, stderr, env } = process;
const { signal } = new AbortController();
process.exitCode = await run(process.argv.slice(2), {
  stdout,
  stderr,
  env,
  clock: systemClock,
  signal,
  leaseTimes: SHORT_LEASE,
});
