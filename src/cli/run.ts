import { Command, CommanderError } from 'commander';
import { VERSION } from '../version.ts';
import { defineArchiveCommands } from './commands/archive-commands.ts';
import type { DefineVerb } from './commands/define-verb.ts';
import { defineRunCommands } from './commands/run-commands.ts';
import { addGlobalFlags, EXIT, type ExitCode, type Io } from './context.ts';
import { reportError } from './report-error.ts';

/** Parses a command line, runs its verb and maps the outcome to an exit code. Verbs are loaded when they are used. */
export async function run(argv: readonly string[], io: Io): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.done;
  let asJson = argv.includes('--json');
  const program = new Command('clawback')
    .description('Archive old OpenClaw conversations, keep their routing, bring any thread back.')
    .version(VERSION, '-V, --version')
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
    })
    .showHelpAfterError('(clawback --help lists the commands, clawback <command> --help their flags)')
    .exitOverride();

  const verb: DefineVerb = (command, load) =>
    void addGlobalFlags(command).action(async (...args: unknown[]) => {
      const flags = args.at(-2) as Parameters<Awaited<ReturnType<typeof load>>>[1];
      asJson = flags.json ?? false;
      exitCode = await (await load())(io, flags, ...(args.slice(0, -2) as string[]));
    });

  defineRunCommands(program, verb);
  defineArchiveCommands(program, verb);

  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    // Commander has printed its own message; help and version come this way too.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    return reportError(error, io, asJson);
  }
}
