import { registerCliVerb } from './cli-verb.ts';
import type { OpenClawApi } from './openclaw-api.ts';
import { lazyBridge, registerMethods } from './register-methods.ts';
import { restoreOnMessage } from './restore-on-message.ts';

/**
 * The package as an OpenClaw plugin: one unchanged folder for 2026.5.28, 2026.6.11 and 2026.7.35.
 *
 * OpenClaw loads this file whenever the gateway starts and for every `openclaw` command line, so it and what it
 * imports stay small: AWS SDK, zstd and zod are loaded when something first needs them. Settings are clawback's
 * own (`clawback.json`, `CLAWBACK_*`), read from the gateway's state folder and environment.
 */
const plugin = {
  id: 'clawback',
  name: 'clawback',
  description: 'Archives old conversations, keeps their routing, brings any thread back.',
  register(api: OpenClawApi): void {
    registerCliVerb(api);
    registerMethods(api, lazyBridge(api));
    restoreOnMessage(api);
  },
};

export default plugin;
