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
      .option('--older-than <duration>', 'only conversations idle for longer, e.g. 90d')
      .option('--forgotten', 'only what is forgotten, and when it may be deleted'),
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
  defineLifeCommands(program, verb);
}

/** What is to go from the archive, and what must stay. */
function defineLifeCommands(program: Command, verb: DefineVerb): void {
  const generation = [
    '--generation <n>',
    'only this one: 1 the oldest, -1 the newest (default: all, with their loose files)',
    parseGeneration,
  ] as const;
  verb(
    program
      .command('forget')
      .argument('[selector]', 'session key, session id, archive id, or a pasted Slack permalink')
      .description('mark archived conversations for deletion by gc; lists them first, and asks')
      .option('--older-than <duration>', 'all that have been idle for longer, e.g. 3y')
      .option(
        '--subject <user id>',
        'all whose key or row names this user of a channel: for erasure requests',
      )
      .option(
        '--transcripts',
        'with --subject: read every transcript as well, for what the user wrote among others',
      )
      .option(...generation)
      .option('--dry-run', 'print what would be marked')
      .option('--yes', 'do not ask'),
    async () => (await import('../forget.ts')).forget,
  );
  const selector = 'session key, session id, archive id, or a pasted Slack permalink';
  verb(
    program
      .command('unforget')
      .argument('<selector>', selector)
      .description('take a forget back; possible until gc has deleted it')
      .option(...generation),
    async () => (await import('../pin.ts')).unforget,
  );
  verb(
    program
      .command('pin')
      .argument('<selector>', selector)
      .description('hold an archived conversation: neither forget nor gc touches it')
      .option(...generation),
    async () => (await import('../pin.ts')).pin,
  );
  verb(
    program
      .command('unpin')
      .argument('<selector>', selector)
      .description('let go of a pinned conversation')
      .option(...generation),
    async () => (await import('../pin.ts')).unpin,
  );
  verb(
    program
      .command('gc')
      .description('delete from the archive what has been forgotten for longer than gc.grace')
      .option('--dry-run', 'print what would be deleted'),
    async () => (await import('../gc.ts')).gc,
  );
}
