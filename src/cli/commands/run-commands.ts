import { Argument, type Command } from 'commander';
import type { DefineVerb } from './define-verb.ts';
import { parseHighWater, parseSize } from './flag-values.ts';

/** What works on the store of this machine. */
export function defineRunCommands(program: Command, verb: DefineVerb): void {
  verb(
    program.command('status').description('count rows, files and bytes; say what a run would free'),
    async () => (await import('../status.ts')).status,
  );
  verb(
    program
      .command('doctor')
      .description(
        'check settings, stores, gateway, permissions and archive: would a nightly run go through?',
      )
      .option('--no-probe', 'contact no archive: do not try to write, read, list and delete there'),
    async () => (await import('../doctor.ts')).doctor,
  );
  verb(
    program
      .command('archive')
      .description('archive what the settings select, trim rows, free the disk')
      .option('--dry-run', 'print the plan and the reason for every row; change nothing'),
    async () => (await import('../archive.ts')).archive,
  );
  verb(
    program
      .command('reclaim')
      .description('bring the sessions folders below their disk budget: archive, verify, free, oldest first')
      .option('--max-disk <size>', 'the budget, e.g. 2GB (default: diskBudget.maxDiskBytes)', parseSize)
      .option(
        '--high-water <size>',
        'free down to this, e.g. 80% or 1.5GB (default: diskBudget.highWaterBytes)',
        parseHighWater,
      )
      .option('--dry-run', 'print what every step would free; change nothing'),
    async () => (await import('../reclaim.ts')).reclaim,
  );
  verb(
    program
      .command('nightly')
      .description(
        'every night archive, reclaim and drill as the settings say; in the foreground, for containers',
      )
      .option('--at <time>', 'a time such as 04:30, or five cron fields (default: nightly.at)')
      .option('--time-zone <name>', "such as Europe/Berlin (default: nightly.timeZone, else the machine's)")
      .option('--once', 'one night, now: for schedulers; the exit code is the worst of its steps'),
    async () => (await import('../nightly.ts')).nightly,
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
      .description('print a ready unit that runs clawback nightly --once every night')
      .option('--at <time>', 'a time such as 04:30, or five cron fields (default: nightly.at)')
      .option('--time-zone <name>', "such as Europe/Berlin (default: nightly.timeZone, else the machine's)")
      .option('--install', 'write it where it belongs and switch it on, after asking')
      .option('--yes', 'do not ask')
      .option('--image <name>', 'kubernetes: the container image that has clawback'),
    async () => (await import('../schedule.ts')).schedule,
  );
  verb(
    program
      .command('demo')
      .description('make a small store, archive it, bring a thread back; no server, no account')
      .option('--dir <dir>', 'keep everything in this folder (default: a temporary one)'),
    async () => (await import('../demo.ts')).demo,
  );
}
