import { systemClock } from '../clock.ts';
import type { ExitCode, Surroundings } from './context.ts';
import { Log, logFormatOf } from './log.ts';
import { run } from './run.ts';

/** Runs a command line with this process's streams, environment and signals. Returns the exit code. */
export async function runInProcess(argv: readonly string[]): Promise<ExitCode> {
  // Six lines a night about the Node version of a machine are no help to whoever reads the log at 3 am.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  const interrupt = new AbortController();
  const stop = () => {
    // A second signal means now: whatever was begun is finished by the next run.
    if (interrupt.signal.aborted) process.exit(130);
    interrupt.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  // `clawback list | head` closes the pipe early; that is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  const surroundings: Surroundings = {
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    clock: systemClock,
    signal: interrupt.signal,
  };
  logWarningsOfNode(new Log(surroundings, logFormatOf(argv, process.env)));
  return run(argv, surroundings);
}

/** Node 22 warns of its SQLite in two lines of text, which are none of a log in JSON. */
function logWarningsOfNode(log: Log): void {
  if (log.format !== 'json') return;
  process.removeAllListeners('warning');
  process.on('warning', ({ name, message }) => log.write({ level: 'warning', msg: `${name}: ${message}` }));
}
