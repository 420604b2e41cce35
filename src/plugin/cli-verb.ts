import type { OpenClawApi } from './openclaw-api.ts';

const DESCRIPTION = 'Archive old conversations, keep their routing, bring any thread back';

/** `openclaw clawback <verb …>`: the program itself, where operators look for it. Runs in the process of the command line. */
export function registerCliVerb(api: OpenClawApi): void {
  api.registerCli(
    ({ program }) => {
      program
        .command('clawback')
        .description(DESCRIPTION)
        .argument('[words...]')
        // Every flag, --help too, is clawback's own.
        .allowUnknownOption()
        .helpOption(false)
        .action(async (words) => {
          const { runInProcess } = await import('../cli/process.ts');
          process.exitCode = await runInProcess(words);
        });
    },
    { descriptors: [{ name: 'clawback', description: DESCRIPTION, hasSubcommands: true }] },
  );
}
