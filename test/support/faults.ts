import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Archive } from '../../src/archive/archive.ts';
import { CatalogueCache } from '../../src/archive/catalogue-cache.ts';
import { openCodec } from '../../src/codec/open.ts';
import { acquireLeases } from '../../src/leases/leases.ts';
import { runLine } from '../../src/line/coordinator.ts';
import type { Line } from '../../src/line/line.ts';
import { placeName } from '../../src/manifest/file-place.ts';
import { runIdAt } from '../../src/manifest/keys.ts';
import type { ManifestFile } from '../../src/manifest/manifest.ts';
import { DirectoryObjectStore } from '../../src/objects/directory.ts';
import type { ObjectStore } from '../../src/objects/object-store.ts';
import { PackReader } from '../../src/packs/pack-reader.ts';
import { type PlanInput, planArchive } from '../../src/plan/plan.ts';
import type { Policy } from '../../src/plan/policy.ts';
import { RunTally } from '../../src/report.ts';
import { sweepLeftovers } from '../../src/restore/staging.ts';
import { freeDisk } from '../../src/runs/free-disk.ts';
import type { RunStore } from '../../src/runs/open-run.ts';
import type { DiskBudget } from '../../src/runs/reclaim-plan.ts';
import { scan } from '../../src/scan/scan.ts';
import { FileSessionStore } from '../../src/sessions/file-session-store.ts';
import { tombstoneMark } from '../../src/sessions/row.ts';
import type { Row, SessionStore } from '../../src/sessions/session-store.ts';
import { type ShipContext, shipBatch } from '../../src/ship/ship-batch.ts';
import type { Shipper } from '../../src/ship/shipper.ts';
import type { WorkerSettings } from '../../src/ship/task.ts';
import { verifyContent } from '../../src/verify/verify-pack.ts';
import { filesBelow, isLease } from '../stories/support/tree.ts';
import { type SentImage, writeMedia } from './media.ts';
import { DAY_MS, DEFAULT_POLICY, HOUR_MS, NO_ACTIVITY, NOW_MS, uuid } from './snapshot.ts';

export const INSTANCE = 'oc-faults';

export const TRIM_POLICY: Policy = { ...DEFAULT_POLICY, protectedPruneAfterMs: 7 * DAY_MS };

/** A sessions folder with a little of everything, and a directory archive beside it. */
export class FaultHome {
  readonly root: string;
  readonly sessionsDir: string;
  readonly mediaDir: string;
  readonly storePath: string;
  readonly archiveDir: string;
  /** SHA-256 of every file but sessions.json, as it was before the first run. */
  readonly original = new Map<string, string>();
  nowMs = NOW_MS;
  policy: Policy = TRIM_POLICY;
  keepModelRunFiles = true;
  readonly restoredAtMs = new Map<string, number>();

  constructor(root: string) {
    this.root = root;
    this.sessionsDir = join(root, 'state', 'agents', 'main', 'sessions');
    this.mediaDir = join(root, 'state', 'media', 'outgoing');
    this.storePath = join(this.sessionsDir, 'sessions.json');
    this.archiveDir = join(root, 'archive');
  }

  /** Nothing but an empty store. */
  static async empty(root: string): Promise<FaultHome> {
    const home = new FaultHome(root);
    await mkdir(home.sessionsDir, { recursive: true });
    await home.writeRows({});
    return home;
  }

  static async create(root: string): Promise<FaultHome> {
    const home = await FaultHome.empty(root);
    await home.fill();
    return home;
  }

  async fill(): Promise<void> {
    const rows: Record<string, Row> = {};
    const topic = 'agent:main:slack:channel:c01:thread:1700000000.00010';
    for (let n = 0; n < 3; n += 1) {
      const id = uuid(n + 1);
      await this.addSession(`${id}-topic-1700000000.00010${n}`, 10 * DAY_MS, n === 1 ? 0 : 900);
      const name = `${id}-topic-1700000000.00010${n}.jsonl`;
      const sessionFile = n === 2 ? name : join(this.sessionsDir, name);
      // The first has an interim session, whose transcript only its family names.
      const usageFamilySessionIds = n === 0 ? { usageFamilySessionIds: [uuid(70)] } : {};
      rows[`${topic}${n}`] = threadRow(id, 10 * DAY_MS, { sessionFile, ...usageFamilySessionIds });
    }
    await this.addSession(uuid(70), 10 * DAY_MS, 400);
    rows['agent:main:slack:channel:c02'] = threadRow(uuid(8), 9 * DAY_MS, {});
    for (let n = 0; n < 3; n += 1) {
      const id = `model-run-${uuid(16 + n)}`;
      await this.addSession(id, 2 * DAY_MS, 300);
      rows[`agent:main:explicit:${id}`] = { sessionId: id, updatedAt: NOW_MS - 2 * DAY_MS, status: 'done' };
    }
    await this.addSession(uuid(32), 10 * DAY_MS, 200);
    rows['agent:main:slack:channel:c03'] = threadRow(uuid(32), 10 * DAY_MS, { status: 'running' });
    await this.addSession(uuid(33), HOUR_MS / 2, 200);
    rows['agent:main:slack:channel:c04'] = threadRow(uuid(33), HOUR_MS / 2, {});
    await this.addFile(`${uuid(64)}.jsonl.reset.2026-10-01T04-00-00.000Z`, 30 * DAY_MS, 500);
    await this.addFile(`${uuid(64)}.trajectory.jsonl`, 30 * DAY_MS, 700);
    await this.addFile(`${uuid(65)}.jsonl.deleted.2026-10-02T04-00-00.000Z`, 29 * DAY_MS, 0);
    await this.addFile(`${uuid(66)}.jsonl`, DAY_MS, 100);
    // Of two conversations that are archived, one with an image of its own, and of one that stays.
    const image = 'shared---00000000.png';
    await this.addMedia({ n: 1, sessionKey: `${topic}0`, ageMs: 10 * DAY_MS });
    await this.addMedia({ n: 2, sessionKey: `${topic}0`, ageMs: 10 * DAY_MS, image });
    await this.addMedia({ n: 3, sessionKey: `${topic}1`, ageMs: 10 * DAY_MS, image });
    await this.addMedia({ n: 4, sessionKey: 'agent:main:slack:channel:c04', ageMs: HOUR_MS / 2 });
    await this.writeRows(rows);
  }

  /** An image that the gateway sent, with its record. */
  async addMedia(sent: SentImage): Promise<void> {
    for (const path of await writeMedia(this.mediaDir, this.nowMs, sent))
      this.original.set(relative(join(this.root, 'state'), path), sha256(await readFile(path)));
  }

  /** Transcript, trajectory and pointer. */
  async addSession(base: string, ageMs: number, bytes: number): Promise<void> {
    await this.addFile(`${base}.jsonl`, ageMs, bytes);
    await this.addFile(`${base}.trajectory.jsonl`, ageMs, 3 * bytes);
    await this.addFile(`${base}.trajectory-path.json`, ageMs, 120);
  }

  async addFile(name: string, ageMs: number, content: number | string): Promise<void> {
    const path = join(this.sessionsDir, name);
    const text =
      typeof content === 'string' ? content : `${name}\n`.repeat(1 + content / name.length).slice(0, content);
    await writeFile(path, text, { mode: 0o600 });
    await this.age(name, ageMs);
    this.original.set(name, sha256(Buffer.from(text)));
  }

  async age(name: string, ageMs: number): Promise<void> {
    const seconds = (this.nowMs - ageMs) / 1000;
    await utimes(join(this.sessionsDir, name), seconds, seconds);
  }

  async writeRows(rows: Readonly<Record<string, Row>>): Promise<void> {
    await writeFile(this.storePath, JSON.stringify(rows, null, 2), { mode: 0o600 });
  }

  async rows(): Promise<Record<string, Row>> {
    return JSON.parse(await readFile(this.storePath, 'utf8')) as Record<string, Row>;
  }

  directory(): DirectoryObjectStore {
    return DirectoryObjectStore.open(pathToFileURL(this.archiveDir).href);
  }

  async archive(objects: ObjectStore = this.directory()): Promise<Archive> {
    const cache = new CatalogueCache(join(this.root, 'cache'), objects.url);
    return new Archive(objects, await openCodec('auto'), INSTANCE, cache);
  }

  /** One run of the line with the shipper in this process. */
  run(parts: RunParts = {}): Promise<RunTally> {
    return this.#onLine(parts, (line) => runLine(line, parts.signal));
  }

  /** The same of `clawback reclaim`. */
  freeDisk(budget: DiskBudget, parts: RunParts = {}): Promise<RunTally> {
    return this.#onLine(parts, (line) => freeDisk(line, budget, parts.signal));
  }

  async #onLine(
    parts: RunParts,
    body: (line: Line & { readonly stores: readonly RunStore[] }) => Promise<unknown>,
  ): Promise<RunTally> {
    await sweepLeftovers(this.sessionsDir);
    const objects = parts.objects ?? this.directory();
    const archive = await this.archive(objects);
    const nowMs = () => this.nowMs;
    const tally = new RunTally();
    const leases = await acquireLeases(archive, ['main'], {
      command: 'clawback archive',
      clock: { nowMs },
      onStuck: (storeId, error) => tally.problem(`the lease of store ${storeId}`, error),
    });
    const settings: WorkerSettings = {
      archive: { url: objects.url, s3: {} },
      engine: 'auto',
      level: 3,
      verify: 'content',
      tool: 'clawback/test',
      instance: INSTANCE,
      runId: runId(this.nowMs),
      lease: leases.pass,
    };
    const { codec } = archive;
    const store = this.lineStore(parts.sessions ?? new FileSessionStore(this.storePath));
    const line = {
      stores: [{ ...store, assertMayCommit: () => leases.assertHeld('main') }],
      archive,
      leases,
      shipper: inProcessShipper({ objects, codec, settings, lease: leases, nowMs }),
      tally,
      level: 3,
      batching: { runId: settings.runId, jobs: 1, stub: true, keepModelRunFiles: this.keepModelRunFiles },
    };
    try {
      await body(line);
    } finally {
      await leases.release();
    }
    return tally;
  }

  /** The same beside a gateway that writes nothing. */
  runLive(parts: RunParts = {}): Promise<RunTally> {
    const live = { lookAgainMs: 0, settleMs: 1, patienceMs: 5_000 };
    return this.run({ sessions: new FileSessionStore(this.storePath, { live }), ...parts });
  }

  lineStore(sessions: SessionStore): RunStore {
    const { sessionsDir, mediaDir, storePath } = this;
    const store = { id: 'main', agentId: 'main', storePath, sessionsDir, mediaDir, state: 'file' } as const;
    const look = async (ownLocks?: ReadonlySet<string>): Promise<PlanInput> => ({
      snapshot: await scan({
        store,
        sessions,
        neighbours: [],
        others: [],
        ownsOrphans: true,
        activity: NO_ACTIVITY,
        ...(ownLocks ? { ownLocks } : {}),
      }),
      policy: this.policy,
      nowMs: this.nowMs,
      restoredAtMs: this.restoredAtMs,
    });
    return {
      id: 'main',
      sessionsDir,
      mediaDir,
      sessions,
      retiresTombstones: this.policy.protectedRemoveAfterMs !== undefined,
      look,
      plan: async (ownLocks) => planArchive(await look(ownLocks)),
      assertMayCommit: async () => {},
    };
  }

  /** Names of original files that are neither here, byte for byte, nor restorable from a manifest. */
  async lostFiles(batchIds?: readonly string[]): Promise<string[]> {
    const kept = await this.archivedFiles(batchIds);
    const lost: string[] = [];
    for (const [name, digest] of this.original) {
      const here = await readFile(this.pathOf(name)).catch(() => undefined);
      if (here !== undefined && sha256(here) === digest) continue;
      if (!kept.has(`${name} ${digest}`)) lost.push(name);
    }
    return lost;
  }

  pathOf(name: string): string {
    return name.startsWith('media/') ? join(this.root, 'state', name) : join(this.sessionsDir, name);
  }

  /** `<name> <sha256>` of every file that a manifest gives back when asked. */
  async archivedFiles(batchIds?: readonly string[]): Promise<Set<string>> {
    const archive = await this.archive();
    const found = new Set<string>();
    for (const manifest of await archive.manifests(batchIds ?? (await archive.batchIds()))) {
      const pack = manifest.packs[0];
      for (const file of manifest.sessions.flatMap(({ files }) => files)) {
        if (pack === undefined || file.place === null) continue;
        found.add(
          `${placeName(file)} ${await readDigest(new PackReader(archive.objects, archive.codec, pack), file)}`,
        );
      }
    }
    return found;
  }

  /** Rows and files with everything that chance decides replaced by words. */
  async endState(): Promise<unknown> {
    const stored = JSON.parse(JSON.stringify(await this.rows()).replaceAll(this.root, '')) as Record<
      string,
      Row
    >;
    const rows = Object.entries(stored).map(([key, row]) => [key, normalRow(row)]);
    const stubs = new Set(
      Object.values(await this.rows()).map((row) => tombstoneMark(row) && row.sessionFile),
    );
    const files: string[] = [];
    for (const entry of await readdir(this.sessionsDir, { recursive: true, withFileTypes: true })) {
      // A half-written store has the name that OpenClaw's own have, and clears away itself when it starts.
      if (entry.name === 'sessions.json' || /^sessions\.json\.\d+\.[\w-]+\.tmp$/.test(entry.name)) continue;
      const digest = entry.isFile() ? sha256(await readFile(join(entry.parentPath, entry.name))) : 'folder';
      files.push(stubs.has(entry.name) ? 'stub' : `${entry.name} ${digest}`);
    }
    return { rows, files: files.sort(), media: await filesBelow(this.mediaDir).catch(() => []) };
  }

  /** Every name below the archive, temporaries included. Leases come and go, and are no content. */
  async objectNames(): Promise<string[]> {
    const entries = await readdir(this.archiveDir, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => !isLease(path))
      .sort();
  }
}

export interface RunParts {
  readonly objects?: ObjectStore;
  readonly sessions?: SessionStore;
  readonly signal?: AbortSignal;
}

let runs = 0;

function runId(nowMs: number): string {
  runs += 1;
  return runIdAt(nowMs, runs.toString(16).padStart(8, '0'));
}

export function threadRow(sessionId: string, ageMs: number, fields: Row): Row {
  const updatedAt = NOW_MS - ageMs;
  const route = { channel: 'slack', to: 'channel:C01' };
  return {
    sessionId,
    updatedAt,
    sessionStartedAt: updatedAt,
    deliveryContext: route,
    chatType: 'channel',
    ...fields,
  };
}

function normalRow(row: Row): Row {
  if (tombstoneMark(row) === undefined) return row;
  return { ...row, sessionId: 'fresh', sessionFile: 'stub', clawback: 'mark' };
}

function inProcessShipper(context: ShipContext): Shipper {
  return {
    ship: (task) => shipBatch(context, task),
    verify: (pack, files) => verifyContent(context.objects, context.codec, pack, files),
    close: async () => {},
  };
}

async function readDigest(reader: PackReader, file: ManifestFile): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of reader.read(file)) hash.update(chunk);
  return hash.digest('hex');
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
