import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { type ErrorData, toErrorData } from '../errors.ts';
import { doctorPrefix, runIdAt } from '../manifest/keys.ts';
import { checkSignal } from '../objects/checks.ts';
import { withDeadline } from '../objects/deadline.ts';
import { foldersOf } from '../objects/made-folders.ts';
import type { OpenedArchive } from '../objects/open.ts';
import { cleanUp } from './probe-cleanup.ts';
import { PROBE_STEPS, type Probe, type StepName } from './probe-steps.ts';

/** Thirty seconds in all: the last part is kept for removing what the steps made. */
export interface ProbeLimits {
  readonly stepsMs: number;
  readonly cleanUpMs: number;
}

export const PROBE_LIMITS: ProbeLimits = { stepsMs: 22_000, cleanUpMs: 8_000 };

export interface ProbeOptions {
  /** Undefined before the first run: then it all happens below `probe/`. */
  readonly instance: string | undefined;
  /** Goes into the keys, and tells which leftovers are old. */
  readonly nowMs: number;
  readonly signal?: AbortSignal | undefined;
  /** @default PROBE_LIMITS */
  readonly limits?: ProbeLimits;
}

/** `wrong`: it went through, and should not have, or not like this. `late`: the time for all steps was over. */
export type StepState = 'done' | 'wrong' | 'failed' | 'late' | 'not-tried';

export interface StepResult {
  readonly name: StepName | 'delete';
  readonly state: StepState;
  readonly error?: ErrorData;
}

/**
 * Tries everything that runs and restores do with an archive, on objects of its own below
 * `<instance>/doctor/`, and removes them whatever happens, with those that a killed probe left.
 *
 * @throws {ClawbackError} `interrupted` on the caller's signal, after removing them.
 */
export async function probeArchive(archive: OpenedArchive, options: ProbeOptions): Promise<StepResult[]> {
  const { instance, nowMs, signal, limits = PROBE_LIMITS } = options;
  const id = runIdAt(nowMs, randomBytes(4).toString('hex'));
  const probe: Probe = {
    archive,
    nowMs,
    prefix: doctorPrefix(instance),
    id,
    bytes: randomBytes(4096),
    folders: await withDeadline(`look into ${archive.objects.url}`, limits.stepsMs, signal, () =>
      foldersFor(archive, instance),
    ),
    made: new Set(),
    wasUploading: false,
  };
  const results: StepResult[] = [];
  try {
    await runSteps(probe, results, performance.now() + limits.stepsMs, signal);
  } finally {
    const cleaned = await cleanUp(probe, limits.cleanUpMs);
    // Where nothing could be written there is nothing to say of removing it.
    if (!isDone(results, 'write')) results.push({ name: 'delete', state: 'not-tried' });
    else results.push({ name: 'delete', ...cleaned });
  }
  return results;
}

async function runSteps(
  probe: Probe,
  results: StepResult[],
  endMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const { name, needs, isForServers, run } of PROBE_STEPS) {
    if (isForServers && probe.archive.server === undefined) continue;
    const leftMs = endMs - performance.now();
    const isOver = leftMs <= 0 || results.some(({ state }) => state === 'late');
    if (isOver || !needs.every((need) => isDone(results, need))) {
      results.push({ name, state: 'not-tried' });
      continue;
    }
    let stop: AbortSignal | undefined;
    try {
      const isRight = await withDeadline(`probe archive, ${name}`, leftMs, signal, (over) => {
        stop = over;
        return run(probe, over);
      });
      results.push({ name, state: isRight ? 'done' : 'wrong' });
    } catch (error) {
      checkSignal('probe archive', signal);
      results.push({ name, state: stop?.aborted ? 'late' : 'failed', error: toErrorData(error) });
    }
  }
}

function isDone(results: readonly StepResult[], wanted: StepResult['name']): boolean {
  return results.some(({ name, state }) => name === wanted && state === 'done');
}

/** With an instance those of an earlier probe that had none may have to go too. */
async function foldersFor({ folder }: OpenedArchive, instance: string | undefined): Promise<string[]> {
  if (folder === undefined) return [];
  const own = await foldersOf(folder, doctorPrefix(instance));
  return instance === undefined ? own : [...(await foldersOf(folder, doctorPrefix(undefined))), ...own];
}
