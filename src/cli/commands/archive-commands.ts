import type { Command } from 'commander';
import type { DefineVerb } from './define-verb.ts';
import { parseGeneration, parsePercent, parseThawDays, parseTier, parseWhole } from './flag-values.ts';

/** What works on the archive. */
export function defineArchiveCommands(program: Command, verb: DefineVerb): void {
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
      )
      .option(
        '--thaw [tier]',
        'ask for what lies in Glacier: expedited, standard (default) or bulk; later restore again',
        parseTier,
      )
      .option('--thaw-days <n>', 'how long it can be read then (default: 3)', parseThawDays),
    async () => (await import('../restore.ts')).restore,
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
    async () => (await import('../cat.ts')).cat,
  );
  verb(
    program
      .command('list')
      .description('what the archive holds')
      .option('--key <glob>', "only session keys like this, e.g. 'agent:*:slack:*'")
      .option('--older-than <duration>', 'only conversations idle for longer, e.g. 90d'),
    async () => (await import('../list.ts')).list,
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
    async () => (await import('../verify.ts')).verify,
  );
  verb(
    program
      .command('drill')
      .description('restore a random sample of the archive to a scratch folder, and prove it')
      .option('--sample <n>', 'how many sessions (default: 5)', parseWhole),
    async () => (await import('../drill.ts')).drill,
  );
  verb(
    program
      .command('report')
      .description('what past runs found, did and left')
      .option('--last <n>', 'only the newest so many (default: 10; with --html all)', parseWhole)
      .option('--html <file>', 'write one self-contained page with plots and a table'),
    async () => (await import('../report.ts')).report,
  );
}
