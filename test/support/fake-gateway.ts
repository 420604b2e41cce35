import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type {
  DispatchEvent,
  GatewayRows,
  GatewaySessions,
  OpenClawApi,
  UpdateOptions,
} from '../../src/plugin/openclaw-api.ts';
import { parseSessionKey } from '../../src/sessions/session-key.ts';
import type { Row } from '../../src/sessions/session-store.ts';

/**
 * What a plugin sees of a gateway: a writer queue of one place on one sessions.json, a log, and messages that pass
 * the hook. Real gateways are tried in test/openclaw; this one can be stopped at the places that matter.
 */
export class FakeGateway {
  readonly log: string[] = [];
  /** How many runs of the queue have changed the file. */
  saves = 0;
  /** Awaited before every run of the queue. */
  beforeRun: Promise<void> = Promise.resolve();
  /** Awaited between the mutator and the rename. */
  beforeSave: Promise<void> = Promise.resolve();
  readonly #storePath: string;
  readonly #stateDir: string;
  #queue: Promise<unknown> = Promise.resolve();
  #hook: ((event: DispatchEvent) => Promise<void>) | undefined;

  constructor(stateDir: string, storePath: string) {
    this.#stateDir = stateDir;
    this.#storePath = storePath;
  }

  get api(): OpenClawApi {
    const line = (level: string) => (message: string) => void this.log.push(`${level}: ${message}`);
    return {
      logger: { info: line('info'), warn: line('warn'), error: line('error') },
      runtime: {
        config: { current: () => ({}) },
        state: { resolveStateDir: () => this.#stateDir },
        agent: { session: this.#sessions },
      },
      registerGatewayMethod: () => {},
      registerCli: () => {},
      on: (_name, handler) => {
        this.#hook = handler;
      },
    };
  }

  /** A message comes in: resolves when its turn would begin. */
  async message(sessionKey: string): Promise<void> {
    await this.#hook?.({ sessionKey });
  }

  rows(): GatewayRows {
    return JSON.parse(readFileSync(this.#storePath, 'utf8')) as GatewayRows;
  }

  /** A write of the gateway itself. */
  update(change: (rows: GatewayRows) => void): Promise<void> {
    return this.#run(change, () => false);
  }

  get #sessions(): GatewaySessions {
    return {
      resolveStorePath: () => this.#storePath,
      getSessionEntry: ({ sessionKey }): Row | undefined => {
        if (parseSessionKey(sessionKey) === undefined) throw new Error(`not a key: ${sessionKey}`);
        return this.rows()[sessionKey];
      },
      updateSessionStore: <T>(path: string, mutator: (rows: GatewayRows) => T, options: UpdateOptions<T>) => {
        if (path !== this.#storePath) throw new Error(`another queue: ${path}`);
        return this.#run(mutator, options.skipSaveWhenResult);
      },
    };
  }

  #run<T>(mutator: (rows: GatewayRows) => T, skipSave: (result: T) => boolean): Promise<T> {
    const run = async () => {
      await this.beforeRun;
      const rows = this.rows();
      const result = mutator(rows);
      if (skipSave(result)) return result;
      await this.beforeSave;
      writeFileSync(`${this.#storePath}.tmp`, JSON.stringify(rows, null, 2));
      renameSync(`${this.#storePath}.tmp`, this.#storePath);
      this.saves += 1;
      return result;
    };
    const result = this.#queue.then(run);
    this.#queue = result.catch(() => undefined);
    return result;
  }
}
