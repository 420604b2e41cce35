import { Command, CommanderError } from 'commander';
import { ClawbackError } from '../errors.ts';
import { VERSION } from '../version.ts';
import { defineArchiveCommands } from './commands/archive-commands.ts';
import type { DefineVerb } from './commands/define-verb.ts';
import { defineRunCommands } from './commands/run-commands.ts';
import { addGlobalFlags, EXIT, type ExitCode, type Io, type Surroundings } from './context.ts';
import { LOG_FORMAT_VARIABLE, LOG_FORMATS, Log, logFormatOf } from './log.ts';
import { type Asked, reportError } from './report-error.ts';

/** Parses a command line, runs its verb and maps the outcome to an exit code. Verbs are loaded when they are used. */
export async function run(argv: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  const io: Io = { ...surroundings, log: new Log(surroundings, logFormatOf(argv, surroundings.env)) };
  let exitCode: ExitCode = EXIT.done;
  let asked: Asked = { json: argv.includes('--json') };
  const program = new Command('clawback')
    .description('Archive old OpenClaw conversations, keep their routing, bring any thread back.')
    .version(VERSION, '-V, --version')
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => io.log.text(text),
    })
    .showHelpAfterError(`(${USAGE_HINT})`)
    .addHelpText('after', BEGIN_HERE)
    .exitOverride();

  const verb: DefineVerb = (command, load) =>
    void addGlobalFlags(command).action(async (...args: unknown[]) => {
      const flags = args.at(-2) as Parameters<Awaited<ReturnType<typeof load>>>[1];
      asked = { ...flags, json: flags.json ?? false, verb: command.name() };
      assertLogFormat(io.env[LOG_FORMAT_VARIABLE]);
      exitCode = await (await load())(io, flags, ...(args.slice(0, -2) as string[]));
    });

  defineRunCommands(program, verb);
  defineArchiveCommands(program, verb);

  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    // Help and version come this way too.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : usageError(error, io);
    return reportError(error, io, asked);
  }
}

/** Below the commands: who is new to it, and who is called at night. */
const BEGIN_HERE = `
Begin with: clawback status, clawback archive --dry-run, clawback doctor.
Exit codes: 0 done, 1 failed, 2 usage or settings, 3 some sessions failed or the disk is over its budget, 130 interrupted.`;

const USAGE_HINT = 'clawback --help lists the commands, clawback <command> --help their flags';

/** Commander has printed it for people. */
function usageError({ code, message }: CommanderError, { log }: Io): ExitCode {
  const msg = code === 'commander.help' ? 'no command is given' : message.replace(/^error: /, '');
  log.write({ level: 'error', msg, code: 'usage', hint: USAGE_HINT, text: null });
  return EXIT.usage;
}

function assertLogFormat(given: string | undefined): void {
  if (given === undefined || (LOG_FORMATS as readonly string[]).includes(given)) return;
  throw new ClawbackError('usage', `read ${LOG_FORMAT_VARIABLE}: ${JSON.stringify(given)} is no log format`, {
    hint: `allowed: ${LOG_FORMATS.join(', ')}`,
  });
}
