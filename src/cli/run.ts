import { Argument, Command, CommanderError, InvalidArgumentError } from 'commander';
import { VERSION } from '../version.ts';
import { addGlobalFlags, EXIT, type ExitCode, type GlobalFlags, type Io, type Verb } from './context.ts';
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

  const verb = <Flags>(command: Command, load: () => Promise<Verb<Flags>>) =>
    addGlobalFlags(command).action(async (...args: unknown[]) => {
      const flags = args.at(-2) as Flags & GlobalFlags;
      asJson = flags.json ?? false;
      exitCode = await (await load())(io, flags, ...(args.slice(0, -2) as string[]));
    });

  verb(
    program.command('status').description('count rows, files and bytes; say what a run would free'),
    async () => (await import('./status.ts')).status,
  );
  verb(
    program
      .command('doctor')
      .description(
        'check settings, stores, gateway, permissions and archive: would a nightly run go through?',
      )
      .option('--no-probe', 'contact no archive: do not try to write, read, list and delete there'),
    async () => (await import('./doctor.ts')).doctor,
  );
  verb(
    program
      .command('archive')
      .description('the nightly run: archive what the settings select, trim rows, free the disk')
      .option('--dry-run', 'print the plan and the reason for every row; change nothing'),
    async () => (await import('./archive.ts')).archive,
  );
  verb(
    program
      .command('restore')
      .argument('<selector>', 'session key, session id, archive id, or a pasted Slack permalink')
      .description('bring an archived conversation back into the store, or into a folder')
      .option('--to <dir>', 'only write its files there')
      .option('--dry-run', 'print what would be written')
      .option('--force', 'set differing local files aside instead of stopping')
      .option('--resume', 'let the next message continue the restored transcript')
      .option(
        '--generation <n>',
        'of a conversation archived several times: 1 the oldest, -1 the newest (default)',
        parseGeneration,
      ),
    async () => (await import('./restore.ts')).restore,
  );
  verb(
    program
      .command('cat')
      .argument('<selector>', 'session key, session id, archive id, or a pasted Slack permalink')
      .description('print an archived transcript; the store is not touched')
      .option('--raw', 'the original JSONL, byte for byte; of one generation')
      .option(
        '--generation <n>',
        'only this one: 1 the oldest, -1 the newest (default: all, oldest first)',
        parseGeneration,
      ),
    async () => (await import('./cat.ts')).cat,
  );
  verb(
    program
      .command('list')
      .description('what the archive holds')
      .option('--key <glob>', "only session keys like this, e.g. 'agent:*:slack:*'")
      .option('--older-than <duration>', 'only conversations idle for longer, e.g. 90d'),
    async () => (await import('./list.ts')).list,
  );
  verb(
    program
      .command('verify')
      .description('check that every manifest can be restored')
      .option(
        '--read-data [percent]',
        'also read the packs back and compare every file (default: 100)',
        parsePercent,
      )
      .option('--rebuild-catalogue', 'write a catalogue for manifests that have none'),
    async () => (await import('./verify.ts')).verify,
  );
  verb(
    program
      .command('drill')
      .description('restore a random sample of the archive to a scratch folder, and prove it')
      .option('--sample <n>', 'how many sessions (default: 5)', parseSample),
    async () => (await import('./drill.ts')).drill,
  );
  verb(
    program
      .command('demo')
      .description('make a small store, archive it, bring a thread back; no server, no account')
      .option('--dir <dir>', 'keep everything in this folder (default: a temporary one)'),
    async () => (await import('./demo.ts')).demo,
  );

  verb(
    program
      .command('nightly')
      .description('run archive every night, in the foreground: for containers and process managers')
      .option('--at <time>', 'a time such as 04:30, or five cron fields (default: nightly.at)')
      .option('--time-zone <name>', "such as Europe/Berlin (default: nightly.timeZone, else the machine's)"),
    async () => (await import('./nightly.ts')).nightly,
  );
  verb(
    program
      .command('schedule')
      .addArgument(
        new Argument('<kind>', 'which scheduler').choices([
          'systemd',
          'launchd',
          'cron',
          'kubernetes',
          'openclaw-cron',
        ]),
      )
      .description('print a ready unit that runs archive every night')
      .option('--at <time>', 'a time such as 04:30, or five cron fields (default: nightly.at)')
      .option('--time-zone <name>', "such as Europe/Berlin (default: nightly.timeZone, else the machine's)")
      .option('--install', 'write it where it belongs and switch it on, after asking')
      .option('--yes', 'do not ask')
      .option('--image <name>', 'kubernetes: the container image that has clawback'),
    async () => (await import('./schedule.ts')).schedule,
  );

  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    // Commander has printed its own message; help and version come this way too.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    return reportError(error, io, asJson);
  }
}

function parsePercent(text: string): number {
  const percent = Number(text.replace(/%$/, ''));
  if (percent > 0 && percent <= 100) return percent;
  throw new InvalidArgumentError('Allowed: a percentage above 0, up to 100.');
}

function parseSample(text: string): number {
  const sample = Number(text);
  if (Number.isSafeInteger(sample) && sample >= 1) return sample;
  throw new InvalidArgumentError('Allowed: a whole number from 1.');
}

function parseGeneration(text: string): number {
  const generation = Number(text);
  if (Number.isInteger(generation) && generation !== 0) return generation;
  throw new InvalidArgumentError('Allowed: 1 for the oldest, 2, …, or -1 for the newest, -2, ….');
}
