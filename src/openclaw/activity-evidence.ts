import { readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import JSON5 from 'json5';
import { describe, errnoOf } from '../errors.ts';
import type { OpenClawConfig } from './openclaw-config.ts';

export type ActivityReason =
  | 'running-task'
  | 'subagent-unfinished'
  | 'delivery-queued'
  | 'bound'
  | 'cron-target'
  | 'commitment'
  | 'gateway-run';

export interface KeyEvidence {
  readonly reason: ActivityReason;
  /** The file, relative to the state dir. */
  readonly where: string;
}

/** A conversation that is named by its address, because the file holds no session key, or another one too. */
export interface AddressEvidence extends KeyEvidence {
  readonly reason: 'delivery-queued' | 'cron-target';
  readonly channel?: string;
  readonly to?: string;
  readonly threadId?: string;
}

export interface ActivityEvidence {
  /** By session key, as written and in lower case. The first reason found stands. */
  readonly byKey: ReadonlyMap<string, KeyEvidence>;
  /** Deliveries to match by channel, address and thread. */
  readonly queuedDeliveries: readonly AddressEvidence[];
  /** Everything is kept while there is one. */
  readonly unreadable: readonly UnreadableSource[];
}

/** It exists, and could not be understood. */
export interface UnreadableSource {
  /** The file, relative to the state dir. */
  readonly where: string;
  readonly why: string;
}

/** What `openclaw.json` says about where to look; the defaults are OpenClaw's. */
export type ActivityOptions = Partial<Pick<OpenClawConfig, 'cronStore' | 'defaultAgentId' | 'mainKey'>>;

/** Gathers evidence from one source after the other. */
export class EvidenceCollector {
  readonly stateDir: string;
  readonly #byKey = new Map<string, KeyEvidence>();
  readonly #deliveries: AddressEvidence[] = [];
  readonly #unreadable: UnreadableSource[] = [];

  constructor(stateDir: string) {
    this.stateDir = stateDir;
  }

  /** Anything that is not a name is passed over. Returns whether it was one. */
  addKey(sessionKey: unknown, reason: ActivityReason, path: string): boolean {
    const key = typeof sessionKey === 'string' ? sessionKey.trim() : '';
    if (key === '') return false;
    for (const spelling of [key, key.toLowerCase()]) {
      if (!this.#byKey.has(spelling)) this.#byKey.set(spelling, { reason, where: this.#name(path) });
    }
    return true;
  }

  /** Returns whether `address` (with `to`, and `channel` or `threadId` beside it) names anybody. */
  addAddress(
    address: Readonly<Record<string, unknown>>,
    reason: AddressEvidence['reason'],
    path: string,
  ): boolean {
    const [channel, to, threadId] = [address.channel, address.to, address.threadId].map(toText);
    if (to === undefined) return false;
    this.#deliveries.push({
      reason,
      where: this.#name(path),
      to,
      ...(channel === undefined ? {} : { channel }),
      ...(threadId === undefined ? {} : { threadId }),
    });
    return true;
  }

  addUnreadable(path: string, why: string): void {
    this.#unreadable.push({ where: this.#name(path), why });
  }

  /**
   * The parsed content of a JSON file (JSON5 where people write it). Undefined if
   * it is absent, or unreadable, which is noted.
   */
  async readJson(path: string, syntax: 'json' | 'json5' = 'json'): Promise<unknown> {
    try {
      // A fifo would never answer.
      if (!(await stat(path)).isFile()) {
        this.addUnreadable(path, 'is not a regular file');
        return undefined;
      }
      const text = await readFile(path, 'utf8');
      return syntax === 'json' ? (JSON.parse(text) as unknown) : JSON5.parse(text);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
      // The message of a syntax error quotes the text around it.
      this.addUnreadable(path, error instanceof SyntaxError ? 'is not JSON' : describe(error));
      return undefined;
    }
  }

  result(): ActivityEvidence {
    return { byKey: this.#byKey, queuedDeliveries: this.#deliveries, unreadable: this.#unreadable };
  }

  #name(path: string): string {
    return relative(this.stateDir, join(path)) || '.';
  }
}

function toText(value: unknown): string | undefined {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}
