import { spawn } from 'node:child_process';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { tombstoneMark } from '../src/sessions/row.ts';
import { installOpenClaw } from '../test/openclaw/support/release.ts';
import { archiveBeside, type WriterReport } from './live-archive.ts';
import { countTranscriptsGone, readRows, writeLiveStore } from './live-store.ts';
import { LiveTable } from './live-table.ts';

const WRITER = fileURLToPath(new URL('live-writer.mjs', import.meta.url));

/** Conversations that the run wants to archive and that are used again while it does: all within its first 15 s. */
const REVIVED_ROWS = 6;

export interface OutsideOptions {
  /** How long the writer writes at least; it goes on until the archive run has ended. */
  readonly seconds: number;
  /** One store each. */
  readonly seeds: readonly number[];
  /** Writes a second that the writer tries. */
  readonly rates: readonly number[];
  /** The release whose writer it is. */
  readonly version: string;
  readonly say: (text: string) => void;
}

interface Round {
  readonly seed: number;
  /** Writes a second. */
  readonly rate: number;
  readonly seconds: number;
  /** Where the release is installed. */
  readonly packageDir: string;
  /** Where something listens as a gateway would. */
  readonly port: number;
}

/**
 * The program archives about a hundred conversations from outside, while OpenClaw's own writer, in another process,
 * writes the same store. Prints a table; false if something in it should be zero and is not.
 */
export async function archiveOutside(options: OutsideOptions): Promise<boolean> {
  const { seconds, seeds, rates, version, say } = options;
  const { packageDir } = await installOpenClaw(version);
  const gateway = await listenMutely();
  const { port } = gateway.address() as AddressInfo;
  const table = new LiveTable(say);
  say(`\nfrom outside, beside the writer of openclaw ${version}:\n`);
  try {
    for (const rate of rates) {
      for (const seed of seeds) await runRound({ seed, rate, seconds, packageDir, port }, table);
    }
  } finally {
    gateway.close();
  }
  return table.isClean;
}

async function runRound(round: Round, table: LiveTable): Promise<void> {
  const { seed, rate, seconds, port } = round;
  const stateDir = await mkdtemp(join(tmpdir(), 'clawback-live-'));
  try {
    const store = await writeLiveStore({ stateDir, seed });
    await configure(stateDir, port);
    const revived = store.old.slice(0, REVIVED_ROWS);
    const writer = startWriter(round, stateDir, store.storePath, { keys: store.young, revived });
    await writer.ready;
    const bytes = (await stat(store.storePath)).size;
    const place = { stateDir, archive: `file://${join(stateDir, 'archive')}` };
    const [archived] = await Promise.all([archiveBeside(port, place, 'outside'), delay(seconds * 1000)]);
    const written = await writer.stop();
    const rows = await readRows(store.storePath);
    const wrongAtEnd = Object.entries(written.written).filter(([key, n]) => rows[key]?.benchCount !== n);
    const lost = written.lost + wrongAtEnd.length;
    const made = archived.done.protectedRowsTrimmed ?? 0;
    const gone = made - Object.values(rows).filter((row) => tombstoneMark(row) !== undefined).length;
    const transcriptsGone = await countTranscriptsGone(store, rows);
    const cells = {
      seed,
      'writes/s wanted': rate,
      real: (written.updates / written.seconds).toFixed(1),
      MB: (bytes / 1e6).toFixed(1),
      updates: written.updates,
      'updates lost': lost,
      'rows to archive': archived.planned.selectedRows,
      'tombstones made': made,
      'tombstones gone': gone,
      'transcripts gone under a live row': transcriptsGone,
      'used again': revived.filter((key) => key in written.written).length,
      'left alone': archived.leftAlone.length,
      failures: archived.failures.length + archived.problems.length,
      retries: archived.done.commitRetries ?? 0,
      'archive s': (archived.durationMs / 1000).toFixed(1),
    };
    table.row(cells, [lost, gone, transcriptsGone, cells.failures]);
  } finally {
    await rm(stateDir, { recursive: true, force: true });
  }
}

/** Where a gateway would listen, and answers nobody. */
function listenMutely(): Promise<Server> {
  const server = createServer((socket) => socket.resume().end());
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

/** OpenClaw's own pruning stays out of it: what is missing in the end is then our doing. */
async function configure(stateDir: string, port: number): Promise<void> {
  const openclaw = {
    session: { maintenance: { mode: 'warn', maxEntries: 5000 } },
    gateway: { mode: 'local', port },
  };
  await writeFile(join(stateDir, 'openclaw.json'), JSON.stringify(openclaw));
  await writeFile(
    join(stateDir, 'clawback.json'),
    JSON.stringify({ retention: { protectedPruneAfter: '7d' } }),
  );
}

interface WrittenKeys {
  /** All the time. */
  readonly keys: readonly string[];
  /** Once each. */
  readonly revived: readonly string[];
}

function startWriter(
  { packageDir, rate, seed }: Round,
  stateDir: string,
  storePath: string,
  lists: WrittenKeys,
) {
  const args = [WRITER, packageDir, storePath, String(rate), String(seed), JSON.stringify(lists)];
  const child = spawn(process.execPath, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH, HOME: stateDir, OPENCLAW_STATE_DIR: stateDir },
  });
  let output = '';
  const ready = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => reject(new Error('the writer ended too early')));
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString('utf8');
      if (output.includes('ready\n')) resolve();
    });
  });
  const stop = async (): Promise<WriterReport> => {
    const closed = new Promise((resolve) => child.once('close', resolve));
    child.stdin.end();
    await closed;
    return JSON.parse(output.slice(output.indexOf('ready\n') + 6)) as WriterReport;
  };
  return { ready, stop };
}
