import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isSameButDerived } from '../src/sessions/derived-fields.ts';
import { tombstoneMark } from '../src/sessions/row.ts';
import { configureClawback } from '../test/openclaw/support/clawback.ts';
import { freePort, startGateway } from '../test/openclaw/support/gateway.ts';
import { connectGateway } from '../test/openclaw/support/gateway-client.ts';
import { createOpenClawHome, type OpenClawHome } from '../test/openclaw/support/home.ts';
import { installPlugin, packageFolder } from '../test/openclaw/support/plugin.ts';
import { installOpenClaw, type OpenClawRelease } from '../test/openclaw/support/release.ts';
import { archiveBeside, type WriterReport } from './live-archive.ts';
import { countTranscriptsGone, type LiveStore, readRows, writeLiveStore } from './live-store.ts';
import { LiveTable } from './live-table.ts';

const WRITER = fileURLToPath(new URL('clawback-bench-writer', import.meta.url));

/** A gateway that still held old rows would have written them by then: its cache of a store lives for 45 s. */
const LATER_MS = 50_000;

/** No turn is run. */
const NO_MODEL_PORT = 9;

export interface PluginOptions {
  /** How long the writer writes at least; it goes on until the archive run has ended. */
  readonly seconds: number;
  readonly versions: readonly string[];
  readonly say: (text: string) => void;
}

/**
 * The program archives about a hundred conversations through the plugin in a real gateway, while another plugin in
 * that gateway writes the same store flat out. Prints a table, one row for each release; false if something in it
 * should be zero and is not.
 */
export async function archiveThroughPlugin({ seconds, versions, say }: PluginOptions): Promise<boolean> {
  const table = new LiveTable(say);
  const folder = await mkdtemp(join(tmpdir(), 'clawback-live-'));
  say('\nthrough the plugin, in a gateway that writes flat out:\n');
  try {
    const pluginFolder = await packageFolder(folder);
    for (const version of versions) {
      const release = await installOpenClaw(version);
      await runRelease(release, pluginFolder, seconds, table);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return table.isClean;
}

async function runRelease(release: OpenClawRelease, pluginFolder: string, seconds: number, table: LiveTable) {
  const port = await freePort();
  const home = await createOpenClawHome({ gateway: port, model: NO_MODEL_PORT }, [WRITER]);
  try {
    // Without blockers: a gateway that starts takes up what it finds unfinished, and such rows would change.
    const store = await writeLiveStore({ stateDir: home.stateDir, seed: 1, blockers: false });
    await raiseCap(home);
    await configureClawback(home, { protectedPruneAfter: '7d' });
    await installPlugin(release, home, pluginFolder);
    const gateway = await startGateway(release, home);
    try {
      await archiveWhileWriting(release.version, home, port, store, seconds, table);
    } catch (error) {
      throw new Error(`bench openclaw ${release.version}\n${gateway.log()}`, { cause: error });
    } finally {
      await gateway.stop();
    }
  } finally {
    await home.remove();
  }
}

/** Far above 584: no row is OpenClaw's to evict, so what is missing in the end is our doing. */
async function raiseCap({ configPath }: OpenClawHome): Promise<void> {
  const config = JSON.parse(await readFile(configPath, 'utf8')) as { session?: object };
  const session = { ...config.session, maintenance: { maxEntries: 5000 } };
  await writeFile(configPath, JSON.stringify({ ...config, session }, null, 2), { mode: 0o600 });
}

async function archiveWhileWriting(
  version: string,
  home: OpenClawHome,
  port: number,
  store: LiveStore,
  seconds: number,
  table: LiveTable,
): Promise<void> {
  const place = { stateDir: home.stateDir, archive: `file://${join(home.root, 'archive')}` };
  const client = await connectGateway(port);
  try {
    await client.call('bench.write.start', { keys: store.young });
    const [archived] = await Promise.all([archiveBeside(port, place, 'gateway'), delay(seconds * 1000)]);
    const writer = await client.call<WriterReport>('bench.write.stop');
    const selected = new Set(
      archived.plan.flatMap((one) => one.selected.map(({ sessionKey }) => sessionKey)),
    );
    const atEnd = await look(store, selected, writer);
    await delay(LATER_MS);
    const later = await look(store, selected, writer);
    const worst = (of: (seen: Seen) => number) => Math.max(of(atEnd), of(later));
    const made = archived.done.protectedRowsTrimmed ?? 0;
    if (writer.updates === 0 || made === 0) throw new Error(`${writer.updates} updates, ${made} tombstones`);
    const lost = writer.lost + worst((seen) => seen.lastValuesLost);
    const cells = {
      openclaw: version,
      'writes/s': (writer.updates / writer.seconds).toFixed(1),
      updates: writer.updates,
      'updates lost': lost,
      'rows to archive': archived.planned.selectedRows,
      'tombstones made': made,
      'holding at the end': atEnd.tombstones,
      '50 s later': later.tombstones,
      'transcripts gone under a live row': worst((seen) => seen.transcriptsGone),
      'other rows changed': worst((seen) => seen.othersChanged),
      'left alone': archived.leftAlone.length,
      failures: archived.failures.length + archived.problems.length,
      'archive s': (archived.durationMs / 1000).toFixed(1),
    };
    const zeros = [lost, made - atEnd.tombstones, made - later.tombstones, cells.failures];
    table.row(cells, [...zeros, cells['transcripts gone under a live row'], cells['other rows changed']]);
  } finally {
    await client.close();
  }
}

interface Seen {
  readonly tombstones: number;
  /** Keys whose last value on the disk is not the one that the writer wrote last. */
  readonly lastValuesLost: number;
  readonly transcriptsGone: number;
  /** Rows that neither the writer nor clawback was to touch, and keys that there were none of. */
  readonly othersChanged: number;
}

/** The store as it is on the disk now. */
async function look(
  store: LiveStore,
  selected: ReadonlySet<string | null>,
  { written }: WriterReport,
): Promise<Seen> {
  const rows = await readRows(store.storePath);
  const isTombstone = (key: string) => tombstoneMark(rows[key] ?? {}) !== undefined;
  const isWritten = new Set(store.young);
  const keys = [...new Set([...Object.keys(store.before), ...Object.keys(rows)])];
  const isChanged = (key: string) => {
    if (isWritten.has(key) || (selected.has(key) && isTombstone(key))) return false;
    const [was, is] = [store.before[key], rows[key]];
    return was === undefined || is === undefined || !isSameButDerived(is, was);
  };
  return {
    tombstones: keys.filter((key) => selected.has(key) && isTombstone(key)).length,
    lastValuesLost: Object.entries(written).filter(([key, n]) => rows[key]?.benchCount !== n).length,
    transcriptsGone: await countTranscriptsGone(store, rows),
    othersChanged: keys.filter(isChanged).length,
  };
}
