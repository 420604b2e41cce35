import { join } from 'node:path';
import { expect, test } from 'vitest';
import { COMPILED_MAIN, runProgram } from '../support/run-cli.ts';
import { temporaryFolder } from './support/home.ts';

test('demo --json prints one object for each command that it shows, and nothing else', async () => {
  const root = await temporaryFolder();
  const argv = [COMPILED_MAIN, 'demo', '--json', '--dir', join(root, 'demo')];
  const { text } = (await runProgram(process.execPath, argv, { HOME: root })).expect(0);

  const lines = text.split(/(?<=^\}\n)|(?<=\}\n)(?=\{)/m).filter((part) => part !== '');
  const schemas = lines.map((part) => (JSON.parse(part) as { schema: string }).schema);
  expect(schemas).toEqual(
    ['status', 'archive', 'list', 'verify', 'cat', 'restore', 'archive'].map((verb) => `clawback.${verb}/1`),
  );
});
