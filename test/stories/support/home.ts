import { mkdir, mkdtemp, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { Row } from '../../../src/sessions/session-store.ts';
import { type CliResult, runCli, spawnCli } from '../../support/run-cli.ts';
import { filesBelow, isLease } from './tree.ts';

/** When every story begins, unless it runs the compiled program, which has the system's clock. */
export const NOW_MS = Date.parse('2026-11-21T09:30:00.000Z');
export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

const folders: string[] = [];
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

/** A new empty folder that is gone after the last test of the file. */
export async function temporaryFolder(): Promise<string> {
  // macOS: /var is a link, and clawback names files by their real path.
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'clawback-story-')));
  folders.push(folder);
  return folder;
}

export interface HomeOptions {
  /** `clawback.json`. The archive is a directory beside the state dir unless it says otherwise. */
  readonly settings?: Settings;
  /** Merged into `openclaw.json`. */
  readonly openclaw?: Readonly<Record<string, unknown>>;
  /** @default NOW_MS */
  readonly nowMs?: number;
}

export type Settings = Readonly<Record<string, unknown>>;

/** One user's account: an OpenClaw, clawback's settings for it, and a directory archive. */
export class Home {
  readonly root: string;
  readonly stateDir: string;
  readonly archiveDir: string;
  /** What the fixed clock says. Stories move it on. */
  nowMs: number;
  readonly env: Record<string, string>;

  private constructor(root: string, nowMs: number) {
    this.root = root;
    this.stateDir = join(root, 'openclaw');
    this.archiveDir = join(root, 'archive');
    this.nowMs = nowMs;
    this.env = { HOME: root, OPENCLAW_STATE_DIR: this.stateDir, TMPDIR: join(root, 'tmp') };
  }

  static async create({ settings = {}, openclaw = {}, nowMs = NOW_MS }: HomeOptions = {}): Promise<Home> {
    const home = new Home(await temporaryFolder(), nowMs);
    await mkdir(home.stateDir);
    await mkdir(join(home.root, 'tmp'));
    await home.configureOpenClaw(openclaw);
    await home.configure(settings);
    return home;
  }

  /** Replaces `clawback.json`. */
  async configure(settings: Settings): Promise<void> {
    const all = { archive: `file://${this.archiveDir}`, ...settings };
    await writeFile(join(this.stateDir, 'clawback.json'), JSON.stringify(all));
  }

  /** Replaces `openclaw.json`. */
  async configureOpenClaw(config: Readonly<Record<string, unknown>>): Promise<void> {
    // Nothing ever listens on port 1, whatever else runs on this machine.
    const all = { gateway: { mode: 'local', port: 1 }, ...config };
    await writeFile(join(this.stateDir, 'openclaw.json'), JSON.stringify(all));
  }

  /** Runs a verb in this process, at `nowMs`. */
  clawback(...argv: string[]): Promise<CliResult> {
    return runCli(argv, { env: this.env, nowMs: this.nowMs });
  }

  /** Runs the compiled program under some node, at the system's time. */
  compiled(node: string, ...argv: string[]): Promise<CliResult> {
    return spawnCli(argv, { node, env: this.env });
  }

  /** What a verb prints with `--json`. @throws Error unless it ends with exit code 0. */
  async json<T>(...argv: string[]): Promise<T> {
    return (await this.clawback(...argv, '--json')).expect(0).json<T>();
  }

  sessionsDir(agentId = 'main'): string {
    return join(this.stateDir, 'agents', agentId, 'sessions');
  }

  storePath(agentId = 'main'): string {
    return join(this.sessionsDir(agentId), 'sessions.json');
  }

  storeText(agentId = 'main'): Promise<string> {
    return readFile(this.storePath(agentId), 'utf8');
  }

  async rows(agentId = 'main'): Promise<Record<string, Row>> {
    return JSON.parse(await this.storeText(agentId)) as Record<string, Row>;
  }

  /** As OpenClaw writes it: a function of what is there now, in place. */
  async changeRows(
    change: (rows: Record<string, Row>) => Record<string, Row>,
    agentId = 'main',
  ): Promise<void> {
    const changed = change(await this.rows(agentId));
    await writeFile(this.storePath(agentId), JSON.stringify(changed, null, 2));
  }

  /** The objects of the directory archive, by key, with their sizes. Leases do not count. */
  async objects(): Promise<Record<string, number>> {
    const names = (await filesBelow(this.archiveDir)).filter((name) => !isLease(name));
    const sizes = names.map(async (name) => [name, (await stat(join(this.archiveDir, name))).size] as const);
    return Object.fromEntries(await Promise.all(sizes));
  }

  /** Of these, what holds conversations or describes them. Every run leaves a report beside it. */
  async conversationObjects(): Promise<Record<string, number>> {
    const all = Object.entries(await this.objects());
    return Object.fromEntries(all.filter(([key]) => !key.includes('/reports/')));
  }
}
