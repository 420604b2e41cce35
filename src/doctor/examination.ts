import type { LoadedConfig } from '../config/load-config.ts';
import { type ErrorData, isClawbackError, toErrorData } from '../errors.ts';
import {
  type Installation,
  type InstallationOptions,
  loadInstallationConfig,
  openInstallation,
  stateDirOf,
} from '../installation.ts';
import { type OpenClawConfig, readOpenClawConfig } from '../openclaw/openclaw-config.ts';

/** Something that was there, or why it could not be had. */
export type Attempt<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: ErrorData };

/** What every check looks at. One part that fails does not keep the others from being looked at. */
export interface Examination {
  readonly options: InstallationOptions;
  readonly stateDir: string;
  readonly settings: Attempt<LoadedConfig>;
  readonly openclaw: Attempt<OpenClawConfig>;
  /** All of it; fails where any part does. */
  readonly installation: Attempt<Installation>;
  /** Whether the archive may be contacted, to write into it and clean up again. */
  readonly probe: boolean;
  readonly signal: AbortSignal | undefined;
}

export interface ExamineOptions extends InstallationOptions {
  /** @default true */
  readonly probe?: boolean;
  readonly signal?: AbortSignal;
}

/** Reads only, and contacts no archive. */
export async function examine(options: ExamineOptions): Promise<Examination> {
  const stateDir = stateDirOf(options);
  return {
    options,
    stateDir,
    settings: await attempt(() => loadInstallationConfig(stateDir, options)),
    openclaw: await attempt(() => readOpenClawConfig({ stateDir, env: options.env })),
    installation: await attempt(() => openInstallation(options)),
    probe: options.probe ?? true,
    signal: options.signal,
  };
}

/** An unforeseen error is a bug of ours, and is thrown. */
export async function attempt<T>(action: () => Promise<T>): Promise<Attempt<T>> {
  try {
    return { ok: true, value: await action() };
  } catch (error) {
    if (!isClawbackError(error)) throw error;
    return { ok: false, error: toErrorData(error) };
  }
}
