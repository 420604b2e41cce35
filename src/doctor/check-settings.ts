import { join } from 'node:path';
import type { Origin } from '../config/config.ts';
import { variableFor } from '../config/config-environment.ts';
import { type Finding, ok, problem } from './check.ts';
import type { Examination } from './examination.ts';

/** Which settings file there is, and where every value comes from that is not the default. */
export async function checkSettings({ settings, stateDir }: Examination): Promise<readonly Finding[]> {
  if (!settings.ok) return [problem(settings.error)];
  const { configFile, given } = settings.value;
  const file =
    configFile === undefined
      ? `no settings file; there would be one at ${join(stateDir, 'clawback.json')}`
      : `settings file ${configFile}`;
  const values = [...given].map(([key, { value, origin }]) =>
    ok(`${key} = ${JSON.stringify(value)} from ${placeOf(key, origin)}`),
  );
  return [ok(file), ...(values.length === 0 ? [ok('every setting has its default')] : values)];
}

function placeOf(key: string, origin: Origin): string {
  if (origin === 'flag') return `the flag --${key}`;
  return origin === 'environment' ? `the environment, ${variableFor(key.split('.'))}` : 'that file';
}
