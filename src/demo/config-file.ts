import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { errnoOf } from '../errors.ts';
import { MODEL } from './agent-setup.ts';

/** Writes the least `openclaw.json` that a gateway starts with, unless there is one. */
export function writeOpenClawConfig(stateDir: string): void {
  const model = {
    id: MODEL.modelId,
    name: MODEL.modelId,
    reasoning: false,
    input: ['text'],
    cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
    contextWindow: 200_000,
    maxTokens: 8192,
  };
  // Port 9 is "discard": no model answers there, and none is meant to.
  const provider = { baseUrl: 'http://127.0.0.1:9/v1', apiKey: 'none', api: MODEL.api, models: [model] };
  const config = {
    gateway: { mode: 'local' },
    agents: { defaults: { model: `${MODEL.provider}/${MODEL.modelId}` } },
    models: { providers: { [MODEL.provider]: provider } },
  };
  mkdirSync(stateDir, { recursive: true });
  try {
    writeFileSync(path.join(stateDir, 'openclaw.json'), JSON.stringify(config, null, 2), {
      flag: 'wx',
      mode: 0o600,
    });
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}
