import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeSlackStore } from '../src/demo/slack-store.ts';
import { tombstoneMark } from '../src/sessions/row.ts';
import type { Row } from '../src/sessions/session-store.ts';
import { installOpenClaw } from '../test/openclaw/support/release.ts';
import { type ClawbackPlace, clawback } from './clawback.ts';

// node bench/live-outside.ts [--seconds 60] [--seeds 1,2,3,4,5] [--rates 3,10,28] [--release 2026.5.28]
// The built program archives about a hundred conversations of a store that OpenClaw's own writer, in another
// process, writes all the time. Every zero that is printed is one that is asked for.

const { values } = parseArgs({
  options: {
    /** How long the writer writes at least; it goes on until the archive run has ended. */
    seconds: { type: 'string', default: '60' },
    seeds: { type: 'string', default: '1,2,3,4,5' },
    /** Writes a second that the writer tries. */
    rates: { type: 'string', default: '3,10,28' },
    release: { type: 'string', default: '2026.5.28' },
  },
});

const DAY_MS = 86_400_000;
const WRITER = fileURLToPath(new URL('live-writer.mjs', import.meta.url));
/** Young conversations that the writer writes to. */
const WRITTEN_ROWS = 20;

/** Conversations that the run wants to archive and that are used again while it does: all within its first 15 s. */
const REVIVED_ROWS = 6;

/** Lines of a table in each row that make the store of 584 rows about 10 MB. */
const TOOLS = 105;

interface WriterReport {
  readonly updates: number;
  readonly lost: number;
  readonly seconds: number;
  readonly written: Readonly<Record<string, number>>;
}

interface ArchiveReport {
  readonly durationMs: number;
  readonly road: { readonly name: string };
  readonly done: Readonly<Record<string, number>>;
  readonly leftAlone: readonly unknown[];
  readonly failures: readonly unknown[];
  readonly planned: { readonly selectedRows: number };
}

const numbers = (text: string) => text.split(',').map(Number);
const release = await installOpenClaw(values.release);
const gateway = await listen();
const { port } = gateway.address() as AddressInfo;
console.log(`openclaw ${release.version}, node ${process.version}`);
console.log(HEADER().join(' | '));
let isClean = true;
try {
  for (const rate of numbers(values.rates)) {
    for (const seed of numbers(values.seeds)) {
      const { cells, zeros } = await round(rate, seed, Number(values.seconds));
      console.log(cells.join(' | '));
      isClean &&= zeros.every((zero) => zero === 0);
    }
  }
} finally {
  gateway.close();
}
process.exitCode = isClean ? 0 : 1;

function HEADER(): string[] {
  return [
    'seed',
    'writes/s wanted',
    'real',
    'MB',
    'updates',
    'updates lost',
    'rows to archive',
    'tombstones made',
    'tombstones gone',
    'transcripts gone under a live row',
    'used again',
    'left alone',
    'failures',
    'retries',
    'archive s',
  ];
}

async function round(rate: number, seed: number, seconds: number) {
  const stateDir = await mkdtemp(join(tmpdir(), 'clawback-live-'));
  try {
    const store = await writeSlackStore({
      stateDir,
      nowMs: Date.now(),
      seed,
      sizeScale: 0.002,
      orphans: false,
    });
    await enlarge(store.storePath);
    const place = { stateDir, archive: `file://${join(stateDir, 'archive')}` };
    await configure(stateDir);
    const young = store.sessions.filter(({ ageMs, blocker }) => ageMs < DAY_MS && blocker === undefined);
    const keys = young.slice(0, WRITTEN_ROWS).map(({ sessionKey }) => sessionKey);
    const old = store.sessions.filter(({ ageMs, blocker }) => ageMs > 8 * DAY_MS && blocker === undefined);
    const revived = old.slice(0, REVIVED_ROWS).map(({ sessionKey }) => sessionKey);
    const before = await readRows(store.storePath);
    const lists = JSON.stringify({ keys, revived });
    const writer = startWriter(stateDir, [store.storePath, String(rate), String(seed), lists]);
    await writer.ready;
    const bytes = (await stat(store.storePath)).size;
    const [archived] = await Promise.all([archive(place), delay(seconds * 1000)]);
    const written = await writer.stop();
    const rows = await readRows(store.storePath);
    const wrongAtEnd = Object.entries(written.written).filter(([key, n]) => rows[key]?.benchCount !== n);
    const made = archived.done.protectedRowsTrimmed ?? 0;
    const holding = Object.values(rows).filter((row) => tombstoneMark(row) !== undefined).length;
    const names = await readdir(store.sessionsDir);
    const missing = Object.entries(before).filter(
      ([key, row]) => !(tombstoneMark(rows[key] ?? {}) !== undefined || hasTranscript(row, names)),
    ).length;
    const lost = written.lost + wrongAtEnd.length;
    if (archived.road.name !== 'outside') throw new Error('the archive run saw no gateway');
    const cells = [
      seed,
      rate,
      (written.updates / written.seconds).toFixed(1),
      (bytes / 1e6).toFixed(1),
      written.updates,
      lost,
      archived.planned.selectedRows,
      made,
      made - holding,
      missing,
      revived.filter((key) => key in written.written).length,
      archived.leftAlone.length,
      archived.failures.length,
      archived.done.commitRetries,
      (archived.durationMs / 1000).toFixed(1),
    ];
    return { cells, zeros: [lost, made - holding, missing, archived.failures.length] };
  } finally {
    await rm(stateDir, { recursive: true, force: true });
  }
}

function listen(): Promise<Server> {
  const server = createServer((socket) => socket.end());
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

/** Rows as large as the real ones, whose transcripts alone are small here. */
async function enlarge(storePath: string): Promise<void> {
  const rows = await readRows(storePath);
  const entries = Array.from({ length: TOOLS }, (_, n) => ({
    name: `tool_${n}`,
    summaryChars: 40 + n,
    schemaChars: 9 * n,
  }));
  const enlarged = Object.entries(rows).map(([key, row]) => {
    const report = row.systemPromptReport as object | undefined;
    return [
      key,
      report === undefined ? row : { ...row, systemPromptReport: { ...report, skillTables: { entries } } },
    ];
  });
  await writeFile(storePath, JSON.stringify(Object.fromEntries(enlarged), null, 2), { mode: 0o600 });
}

/** OpenClaw's own pruning stays out of it: what is missing in the end is then our doing. */
async function configure(stateDir: string): Promise<void> {
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

function startWriter(stateDir: string, args: readonly string[]) {
  const child = spawn(process.execPath, [WRITER, release.packageDir, ...args], {
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

/** Exit code 3 is an outcome too: what it leaves is counted. */
async function archive(place: ClawbackPlace): Promise<ArchiveReport> {
  const env = { OPENCLAW_GATEWAY_PORT: String(port) };
  const { program, args, env: all } = clawback({ ...place, env }, ['archive', '--json']);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], ...(all ? { env: all } : {}) });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString('utf8');
  });
  await new Promise((resolve) => child.once('close', resolve));
  return JSON.parse(output) as ArchiveReport;
}

async function readRows(storePath: string): Promise<Record<string, Row>> {
  return JSON.parse(await readFile(storePath, 'utf8')) as Record<string, Row>;
}

/** Under its own name, or beside it where the conversation has begun another. */
function hasTranscript({ sessionFile }: Row, names: readonly string[]): boolean {
  if (typeof sessionFile !== 'string') return true;
  const name = basename(sessionFile);
  return names.some((one) => one === name || one.startsWith(`${name}.reset.`));
}
