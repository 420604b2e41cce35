import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface StateDirInput {
  /** The value of `--state-dir`. */
  readonly flag?: string | undefined;
  readonly env: Environment;
  /** The account's home folder, `os.homedir()`. */
  readonly homedir: string;
}

/**
 * The folder that OpenClaw keeps its state in, absolute: `--state-dir`,
 * `CLAWBACK_STATE_DIR`, and then as OpenClaw finds it itself. Need not exist.
 */
export function resolveStateDir({ flag, env, homedir }: StateDirInput): string {
  const home = resolveHome(env, homedir);
  const named = flag ?? set(env.CLAWBACK_STATE_DIR) ?? set(env.OPENCLAW_STATE_DIR);
  if (named !== undefined) return expandHome(named, home);
  const profile = set(env.OPENCLAW_PROFILE);
  // A profile without a suffix is the default one, and it never looks for the old name of the folder.
  if (profile !== undefined)
    return join(home, profile.toLowerCase() === 'default' ? '.openclaw' : `.openclaw-${profile}`);
  const current = join(home, '.openclaw');
  const legacy = join(home, '.clawdbot');
  return !existsSync(current) && existsSync(legacy) ? legacy : current;
}

/** The home folder by OpenClaw's rules, absolute. The words "undefined" and "null" count as not set. */
export function resolveHome(env: Environment, homedir: string): string {
  const account = set(env.HOME) ?? set(env.USERPROFILE) ?? termuxHome(env) ?? homedir;
  const explicit = set(env.OPENCLAW_HOME);
  return resolve(explicit === undefined ? account : replaceTilde(explicit, account));
}

/** `~` and `~/…` lead to `home`; everything else is taken from the current folder. */
export function expandHome(path: string, home: string): string {
  return resolve(replaceTilde(path.trim(), home));
}

function replaceTilde(path: string, home: string): string {
  return path.replace(/^~(?=$|[\\/])/, () => home);
}

function termuxHome(env: Environment): string | undefined {
  const prefix = set(env.PREFIX);
  if (prefix === undefined || set(env.ANDROID_DATA) === undefined) return undefined;
  return /(?:^|\/)com\.termux\/files\/usr\/?$/.test(prefix) ? resolve(prefix, '..', 'home') : undefined;
}

function set(text: string | undefined): string | undefined {
  const trimmed = text?.trim();
  return trimmed === '' || trimmed === 'undefined' || trimmed === 'null' ? undefined : trimmed;
}
