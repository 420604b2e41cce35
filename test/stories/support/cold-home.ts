import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { expect, onTestFinished } from 'vitest';
import type { ColdStorage } from '../../../src/objects/cold.ts';
import { Glacier } from '../../support/glacier.ts';
import { freshBucket, rawClient } from '../../support/s3-bucket.ts';
import { s3Access } from '../../support/s3-provided.ts';
import type { ErrorJson, RestoreJson } from './answers.ts';
import { DAY_MS, Home, NOW_MS, type Settings } from './home.ts';
import { type Thread, threadOf, transcriptName, writeThreadStore } from './rooms.ts';
import { pick, readTree, type Tree } from './tree.ts';
import { TRIM } from './trimmed.ts';

export interface ThawJson {
  readonly state: string;
  readonly bytes: number;
  readonly days: number;
  readonly objects: readonly {
    readonly key: string;
    readonly bytes: number;
    readonly storage: string;
    readonly state: string;
    readonly coldAgainAt: string | null;
    readonly askedAt: string | null;
    readonly askedTier: string | null;
    readonly readyBy: string | null;
  }[];
  readonly estimates: readonly { readonly tier: string; readonly takes: string; readonly totalUsd: number }[];
  readonly prices: { readonly region: string; readonly asOf: string };
}

export type Restored = RestoreJson & { readonly thaw: ThawJson | null };
export type Refused = ErrorJson & { readonly thaw: ThawJson };

/** Archived threads, one an agent and so a pack each, behind a server that can let them get cold. */
export class ColdHome {
  readonly home: Home;
  readonly glacier: Glacier;
  readonly threads: Readonly<Record<string, Thread>>;
  /** The transcripts as they were, by agent. */
  readonly before: Readonly<Record<string, Tree>>;
  readonly bucket: string;
  readonly settings: Settings;
  /** All there were after the last run. */
  keys: readonly string[] = [];

  private constructor(
    parts: Pick<ColdHome, 'home' | 'glacier' | 'threads' | 'before' | 'bucket' | 'settings'>,
  ) {
    this.home = parts.home;
    this.glacier = parts.glacier;
    this.threads = parts.threads;
    this.before = parts.before;
    this.bucket = parts.bucket;
    this.settings = parts.settings;
  }

  static async create(agents: readonly string[] = ['main'], retention = {}): Promise<ColdHome> {
    const bucket = await freshBucket(s3Access());
    const glacier = await Glacier.before(s3Access().endpoint, NOW_MS);
    onTestFinished(() => glacier.close());
    const s3 = { ...bucket.s3, endpoint: glacier.endpoint };
    const settings = { archive: bucket.url, s3, jobs: 1, retention: { ...TRIM.retention, ...retention } };
    const home = await Home.create({ settings });
    const threads: Record<string, Thread> = {};
    const before: Record<string, Tree> = {};
    for (const agentId of agents) {
      const thread = threadOf('C0SHARED', '1762500000.000001', {
        sessionId: `session-of-${agentId}`,
        updatedAtMs: home.nowMs - 9 * DAY_MS,
        text: `what ${agentId} heard in ${home.root}`,
      });
      threads[agentId] = thread;
      await writeThreadStore(home.storePath(agentId), { [agentId]: [thread] });
      before[agentId] = pick(await readTree(home.sessionsDir(agentId)), [transcriptName(thread)]);
    }
    const cold = new ColdHome({ home, glacier, threads, before, bucket: bucket.bucket, settings });
    await cold.archive();
    return cold;
  }

  async archive(): Promise<void> {
    await this.home.json('archive');
    const client = rawClient(s3Access());
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: this.bucket }));
    client.destroy();
    this.keys = Contents.map(({ Key = '' }) => Key);
  }

  keysOf(folder: 'packs' | 'manifests' | 'catalogue'): string[] {
    return this.keys.filter((key) => key.includes(`/${folder}/`));
  }

  freeze(storage: ColdStorage, keys = this.keysOf('packs')): void {
    this.glacier.freeze(keys, storage);
  }

  /** Both clocks. */
  pass(ms: number): void {
    this.home.nowMs += ms;
    this.glacier.nowMs += ms;
  }

  selector(agentId = 'main'): string {
    return `agent:${agentId}:${this.threads[agentId]?.rest}`;
  }

  async refused(...argv: string[]): Promise<Refused> {
    return (await this.home.clawback(...argv, '--json')).expect(1).json<Refused>();
  }

  async files(agentId = 'main'): Promise<string[]> {
    return Object.keys(await readTree(this.home.sessionsDir(agentId)));
  }

  async expectBack(agentId = 'main'): Promise<void> {
    const names = Object.keys(this.before[agentId] ?? {});
    expect(pick(await readTree(this.home.sessionsDir(agentId)), names)).toEqual(this.before[agentId]);
  }
}
