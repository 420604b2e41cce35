import { systemClock } from '../clock.ts';
import { EXIT, type ExitCode, type Surroundings } from './context.ts';
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
  // Nothing that cannot be said stops a run, least of all on a full disk; and there is nowhere to say that of the log.
  process.stderr.on('error', () => {});
  let unwritten: NodeJS.ErrnoException | undefined;
  process.stdout.on('error', (error) => {
    unwritten ??= error;
  });
  const surroundings: Surroundings = {
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    clock: systemClock,
    signal: interrupt.signal,
  };
  const log = new Log(surroundings, logFormatOf(argv, process.env));
  logWarningsOfNode(log);
  const exitCode = await run(argv, surroundings);
  await new Promise((written) => process.stdout.write('', written));
  // `clawback list | head` closes the pipe early; that is no failure.
  if (unwritten === undefined || unwritten.code === 'EPIPE') return exitCode;
  const msg = `write standard output: ${unwritten.code}`;
  const hint = 'what was to be done is done, and only not told: make room, or send the output elsewhere';
  log.write({ level: 'error', msg, code: 'output-io', hint, text: `clawback: ${msg}\n  ${hint}` });
  return exitCode === EXIT.done ? EXIT.failed : exitCode;
}

/** Node 22 warns of its SQLite in two lines of text, which are none of a log in JSON. */
function logWarningsOfNode(log: Log): void {
  if (log.format !== 'json') return;
  process.removeAllListeners('warning');
  process.on('warning', ({ name, message }) => log.write({ level: 'warning', msg: `${name}: ${message}` }));
}
