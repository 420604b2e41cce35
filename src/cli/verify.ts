import { randomBytes } from 'node:crypto';
import type { Archive } from '../archive/archive.ts';
import type { Installation } from '../installation.ts';
import { runIdAt } from '../manifest/keys.ts';
import { takeLeases } from '../runs/take-leases.ts';
import { piscinaShipper } from '../ship/piscina-shipper.ts';
import type { VerifyProgress } from '../verify/pack-reads.ts';
import { type VerifyResult, verifyArchive } from '../verify/verify-archive.ts';
import { VERSION } from '../version.ts';
import { EXIT, installationFrom, print, type Verb } from './context.ts';
import { count, formatBytes } from './format.ts';
import type { LogEntry } from './log.ts';
import { logEnd } from './log-end.ts';
import { openKnownArchive } from './open-archive.ts';
import { withProgress } from './progress/show-progress.ts';
import { errorEntry, textOf } from './went-wrong.ts';

interface VerifyFlags {
  /** True without a percentage. */
  readonly readData?: number | true;
  readonly rebuildCatalogue?: boolean;
}

export const verify: Verb<VerifyFlags> = async (io, flags) => {
  const installation = await installationFrom(io, flags);
  const { config, clock } = installation;
  const archive = await openKnownArchive(installation, io.signal);
  const startedMs = clock.nowMs();
  const runId = runIdAt(startedMs, randomBytes(4).toString('hex'));
  const shipper = piscinaShipper(
    {
      archive: { url: config.archive, s3: config.s3 },
      engine: config.compression.engine,
      level: config.compression.level,
      verify: 'content',
      tool: `clawback/${VERSION}`,
      instance: archive.instance,
      runId,
      lease: null,
    },
    config.jobs,
  );
  try {
    const readPercent = flags.readData === true ? 100 : (flags.readData ?? 0);
    const result = await withProgress(io, flags, 'verify', (show) => {
      const onProgress = ({ packsDone: done, packsTotal: total, ...bytes }: VerifyProgress) =>
        show({ unit: 'packs', done, total, ...bytes });
      const options = { readPercent, random: Math.random, onProgress };
      return verifyArchive(archive, shipper, options, io.signal);
    });
    const rebuild = flags.rebuildCatalogue === true && result.uncatalogued.length > 0;
    if (rebuild) await rebuildCatalogue(installation, archive, runId, result.uncatalogued, io.signal);
    print(
      io,
      flags,
      {
        schema: 'clawback.verify/1',
        archive: archive.objects.url,
        instance: archive.instance,
        rebuilt: rebuild,
        ...result,
      },
      () =>
        result.manifests === 0 && result.differences.length === 0
          ? `nothing is archived in ${archive.objects.url} as ${archive.instance}: nothing was verified`
          : describe(result, rebuild, readPercent > 0),
      differenceEntries(result),
    );
    const exitCode = result.differences.length === 0 ? EXIT.done : EXIT.failed;
    const { manifests, packs, sessions, packsRead, bytesRead, differences } = result;
    logEnd(io, flags, 'verify', {
      exitCode,
      durationMs: clock.nowMs() - startedMs,
      fields: { manifests, packs, sessions, packsRead, bytesRead, differences: differences.length },
    });
    return exitCode;
  } finally {
    await shipper.close();
  }
};

/**
 * Holds the leases of the stores that these batches are of: what a run is still at work on would be taken for finished.
 * @throws {ClawbackError} `locked` if there is such a run.
 */
async function rebuildCatalogue(
  installation: Installation,
  archive: Archive,
  runId: string,
  batchIds: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const storeIds = new Set<string>();
  for await (const { source } of archive.eachManifest(batchIds, signal)) storeIds.add(source.storeId);
  const command = 'clawback verify --rebuild-catalogue';
  const leases = await takeLeases(installation, archive, [...storeIds], { command, signal });
  try {
    const manifests = archive.eachManifest(batchIds, signal);
    await leases.assertHeld();
    await archive.writeCatalogue(runId, manifests, installation.config.compression.level);
  } finally {
    await leases.release();
  }
}

/** @param mayRead a percentage of few packs can come to none. */
function describe(result: VerifyResult, rebuilt: boolean, mayRead: boolean): string {
  const { uncatalogued, strayPacks, differences, cold } = result;
  return [
    `${count(result.manifests, 'manifest')}, ${count(result.sessions, 'session')}, ${count(result.packs, 'pack')}: ` +
      (mayRead
        ? `${count(result.packsRead, 'pack')} read back, ${formatBytes(result.bytesRead)}`
        : 'sizes compared (--read-data compares contents)'),
    ...(uncatalogued.length > 0
      ? [
          rebuilt
            ? `a catalogue was written for ${count(uncatalogued.length, 'batch', 'batches')} that had none`
            : `${count(uncatalogued.length, 'batch', 'batches')} of an interrupted run are not catalogued yet; the next clawback archive finishes them`,
        ]
      : []),
    ...(strayPacks.length > 0
      ? [`${count(strayPacks.length, 'pack')} of interrupted runs belong to no manifest; they only take room`]
      : []),
    ...(cold.length > 0
      ? [
          `${count(cold.length, 'object')} cold, not read: nothing is wrong with them, and nothing is proven (docs/cold-storage.md)`,
          ...cold.map((key) => `COLD      ${key}`),
        ]
      : []),
    ...(result.unsettled.length > 0
      ? [
          `clawback gc was interrupted in ${count(result.unsettled.length, 'batch', 'batches')}; run it again: it finishes them`,
        ]
      : []),
    ...(result.marks > 0
      ? [
          `${count(result.marks, 'mark')}: ${count(result.forgotten, 'session')} forgotten, ${result.pinned} pinned`,
        ]
      : []),
    ...differenceEntries(result).map(textOf),
    differences.length === 0 ? 'no differences' : count(differences.length, 'difference'),
  ].join('\n');
}

/** Whose hint says to run this very command. */
const TO_VERIFY = /clawback verify(?! --rebuild-catalogue)/;

function differenceEntries({ differences }: VerifyResult): LogEntry[] {
  return differences.map(({ key, error: { code, message, hint = '' } }) =>
    errorEntry(`DIFFERENT ${key}: ${message}`, {
      code,
      ...(hint === '' || TO_VERIFY.test(hint) ? {} : { hint }),
    }),
  );
}
