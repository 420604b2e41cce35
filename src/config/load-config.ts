import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Config, Origin } from './config.ts';
import { assign, readEnvironment, variableFor } from './config-environment.ts';
import { readConfigFile } from './config-file.ts';
import { type ConfigProblem, configInvalid, describeIssues, type SourceOf } from './config-problem.ts';
import { configSchema, MAX_JOBS, MAX_WASM_LEVEL, type ParsedConfig } from './config-schema.ts';
import { DAY_MS } from './duration.ts';
import { listKeys } from './key-doc.ts';

const KEYS = listKeys(configSchema);
const SECRET = '(not shown)';

export interface ConfigInput {
  readonly stateDir: string;
  /** The value of `--config`. */
  readonly configFile?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly flags: { readonly archive?: string; readonly jobs?: number };
}

export interface LoadedConfig {
  readonly config: Config;
  /** The file that was read; undefined where there is none. */
  readonly configFile?: string;
  /** For every key, by its dotted name, the layer that decided it. */
  readonly origins: ReadonlyMap<string, Origin>;
  /** The values that are not the default's, as they were written; of a secret only that there is one. */
  readonly given: ReadonlyMap<string, { readonly origin: Origin; readonly value: unknown }>;
}

/** One source of values; a later layer wins, but each is checked on its own, so no bad value hides below another. */
interface Layer {
  readonly origin: Origin;
  readonly value: Readonly<Record<string, unknown>>;
  readonly problems: readonly ConfigProblem[];
  readonly sourceOf: SourceOf;
}

/** @throws {ClawbackError} `config-invalid` naming every problem: where, which key, its value and what is allowed. */
export async function loadConfig(input: ConfigInput): Promise<LoadedConfig> {
  const file = await readConfigFile({
    stateDir: input.stateDir,
    flag: input.configFile,
    variable: input.env.CLAWBACK_CONFIG,
  });
  const { $schema: _forEditors, ...fileValue } = file?.value ?? {};
  const layers: Layer[] = [
    ...(file ? [{ ...file, origin: 'file' as const, value: fileValue }] : []),
    { origin: 'environment', ...readEnvironment(input.env, KEYS), sourceOf: variableFor },
    { origin: 'flag', value: { ...input.flags }, problems: [], sourceOf: ([name]) => `--${name}` },
  ];
  const problems = layers.flatMap((layer) => [...layer.problems, ...check(layer)]);
  if (problems.length > 0) throw configInvalid(problems);
  const { merged, origins, given } = merge(layers);
  const parsed = configSchema.parse(merged);
  if (parsed.compression.engine === 'wasm' && parsed.compression.level > MAX_WASM_LEVEL) {
    throw configInvalid([levelProblem(parsed.compression.level, layers)]);
  }
  const { maxDiskBytes, highWaterBytes: highWater } = parsed.diskBudget;
  if (maxDiskBytes !== undefined && 'bytes' in highWater && highWater.bytes > maxDiskBytes)
    throw configInvalid([highWaterProblem(layers)]);
  const config = resolveConfig(parsed, input.stateDir);
  return { config, origins, given, ...(file ? { configFile: file.path } : {}) };
}

function check(layer: Layer): ConfigProblem[] {
  const result = configSchema.safeParse(layer.value);
  return result.success ? [] : describeIssues(result.error.issues, layer.value, KEYS, layer.sourceOf);
}

function merge(layers: readonly Layer[]) {
  const merged: Record<string, unknown> = {};
  const origins = new Map<string, Origin>();
  const given = new Map<string, { origin: Origin; value: unknown }>();
  for (const { path, doc } of KEYS) {
    const deciding = layers.findLast((layer) => valueAt(layer, path) !== undefined);
    origins.set(path.join('.'), deciding?.origin ?? 'default');
    if (deciding === undefined) continue;
    const value = valueAt(deciding, path);
    assign(merged, path, value);
    given.set(path.join('.'), { origin: deciding.origin, value: doc.isSecret ? SECRET : value });
  }
  return { merged, origins, given };
}

function valueAt(layer: Layer, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, name) => (value as Record<string, unknown> | undefined)?.[name],
    layer.value,
  );
}

function levelProblem(level: number, layers: readonly Layer[]): ConfigProblem {
  const path = ['compression', 'level'];
  const source = layers.findLast((layer) => valueAt(layer, path) !== undefined)?.sourceOf(path) ?? 'default';
  const text = `${level} is too high for the engine wasm; allowed: a whole number from 1 to ${MAX_WASM_LEVEL}`;
  return { source, key: 'compression.level', text };
}

function highWaterProblem(layers: readonly Layer[]): ConfigProblem {
  const path = ['diskBudget', 'highWaterBytes'];
  const source = layers.findLast((layer) => valueAt(layer, path) !== undefined)?.sourceOf(path) ?? 'default';
  const text = 'lies above diskBudget.maxDiskBytes; allowed: no more than that, or a share of it such as 80%';
  return { source, key: path.join('.'), text };
}

function resolveConfig(parsed: ParsedConfig, stateDir: string): Config {
  const {
    archive,
    diskBudget,
    gc,
    healthcheck,
    instance,
    jobs,
    metrics,
    nightly,
    restore,
    retention,
    s3,
    ...same
  } = parsed;
  return {
    ...same,
    archive: archive ?? pathToFileURL(join(stateDir, 'clawback', 'archive')).href,
    ...present({ instance }),
    s3: present(s3),
    retention: {
      minIdleMs: retention.minIdle,
      perKindMs: present(retention.perKind),
      ...present({
        protectedPruneAfterMs: retention.protectedPruneAfter,
        protectedRemoveAfterMs: retention.protectedRemoveAfter,
        modelRunPruneAfterMs: retention.modelRunPruneAfter,
        orphanPruneAfterMs: retention.orphanPruneAfter,
        pruneAfterMs: retention.pruneAfter,
        maxEntries: retention.maxEntries,
      }),
    },
    diskBudget: {
      highWater: diskBudget.highWaterBytes,
      ...present({
        maxDiskBytes: diskBudget.maxDiskBytes,
        protectedFloorMs: protectedFloorMs(parsed),
      }),
    },
    nightly: {
      at: nightly.at,
      jitterMs: nightly.jitter,
      gc: nightly.gc,
      ...present({ timeZone: nightly.timeZone, drillEveryMs: nightly.drillEvery }),
    },
    restore: { deadlineMs: restore.deadline, ...present({ onMessageMs: restore.onMessage }) },
    gc: { graceMs: gc.grace },
    healthcheck: present(healthcheck),
    metrics: present(metrics),
    jobs: jobs ?? Math.min(availableParallelism(), MAX_JOBS),
  };
}

const DEFAULT_FLOOR_MS = 7 * DAY_MS;

/** Nothing protected is touched until one of the two is set. */
function protectedFloorMs({ diskBudget, retention }: ParsedConfig): number | undefined {
  const { protectedFloor } = diskBudget;
  if (protectedFloor === 'off') return undefined;
  return protectedFloor ?? (retention.protectedPruneAfter === undefined ? undefined : DEFAULT_FLOOR_MS);
}

type Present<Values> = { [Name in keyof Values]?: Exclude<Values[Name], undefined> };

/** The same values without those that are undefined. */
function present<Values extends object>(values: Values): Present<Values> {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  ) as Present<Values>;
}
