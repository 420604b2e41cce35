import fs from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ObjectStore } from '../../src/objects/object-store.ts';
import type { SessionStore } from '../../src/sessions/session-store.ts';

/** `torn`: half of the bytes of a write get through. */
export type Side = 'before' | 'after' | 'torn';

/** What a process that was killed can no longer do: every later call fails too. */
export class Death extends Error {}

/** Counts calls and dies at the n-th; from then on every call fails without effect. */
export class Mortal {
  calls = 0;
  readonly #dieAt: number;
  readonly #side: Side;

  constructor(dieAt = Number.POSITIVE_INFINITY, side: Side = 'before') {
    this.#dieAt = dieAt;
    this.#side = side;
  }

  get isDead(): boolean {
    return this.calls >= this.#dieAt;
  }

  async call<T>(effect: () => Promise<T>, last: LastBreath = {}): Promise<T> {
    if (this.isDead) throw new Death('the process is dead');
    this.calls += 1;
    if (!this.isDead) return effect();
    if (this.#side === 'after') await (last.after ?? effect)();
    if (this.#side === 'torn') await (last.torn ?? last.after ?? effect)();
    throw new Death(`died ${this.#side} call ${this.calls}`);
  }

  callSync<T>(effect: () => T, torn: () => unknown = effect): T {
    if (this.isDead) throw new Death('the process is dead');
    this.calls += 1;
    if (!this.isDead) return effect();
    if (this.#side === 'after') effect();
    if (this.#side === 'torn') torn();
    throw new Death(`died ${this.#side} call ${this.calls}`);
  }
}

/** What the fatal call still does, where that is not simply its effect. */
interface LastBreath {
  readonly after?: () => Promise<unknown>;
  readonly torn?: () => Promise<unknown>;
}

/** An object store of which every call, and every step of a writer, is one of the mortal's. */
export function mortalObjects(objects: ObjectStore, mortal: Mortal): ObjectStore {
  return {
    url: objects.url,
    put: (...args) => mortal.call(() => objects.put(...args)),
    get: (...args) => mortal.call(() => objects.get(...args)),
    stat: (...args) => mortal.call(() => objects.stat(...args)),
    delete: (...args) => mortal.call(() => objects.delete(...args)),
    abortStaleUploads: (...args) => mortal.call(() => objects.abortStaleUploads(...args)),
    async *openUploads(...args) {
      await mortal.call(async () => {});
      yield* objects.openUploads(...args);
    },
    async *list(...args) {
      await mortal.call(async () => {});
      yield* objects.list(...args);
    },
    createWriter(...args) {
      const writer = objects.createWriter(...args);
      return {
        write: (bytes) => mortal.call(() => writer.write(bytes)),
        close: () => mortal.call(() => writer.close()),
        // Not a call of its own, so that no file stays open; what stays on the disk is tried by `withMortalDisk`.
        abort: () => writer.abort(),
      };
    },
  };
}

export function mortalSessions(sessions: SessionStore, mortal: Mortal): SessionStore {
  return {
    kind: 'file',
    path: sessions.path,
    settleMs: sessions.settleMs,
    read: () => mortal.call(() => sessions.read()),
    commit: (changes) => mortal.call(() => sessions.commit(changes)),
  };
}

type Call = (...args: unknown[]) => Promise<unknown>;
type SyncCall = (...args: unknown[]) => unknown;

const CHANGING = ['writeFile', 'rename', 'link', 'unlink', 'rm', 'mkdir'] as const;
/** What the rewrite of sessions.json is made of. */
const SYNC_CHANGING = ['renameSync', 'fsyncSync', 'fchmodSync', 'rmSync'] as const;
const HANDLE_CHANGING = ['writeFile', 'write', 'sync', 'chmod', 'utimes', 'truncate'] as const;

/**
 * Runs `body` while every call of `node:fs/promises` (and of `node:fs` in the rewrite of a store) that changes the disk is one of the mortal's. Node's
 * own module is changed, not one of ours: the code under test is what ships.
 */
export async function withMortalDisk<T>(mortal: Mortal, body: () => Promise<T>): Promise<T> {
  const undo: (() => void)[] = [];
  const promises = fs.promises as unknown as Record<string, Call>;
  const replace = (target: Record<string, Call>, name: string, make: (real: Call) => Call) => {
    const real = target[name] as Call;
    target[name] = make(real);
    undo.push(() => {
      target[name] = real;
    });
  };
  for (const name of CHANGING) {
    replace(
      promises,
      name,
      (real) =>
        (...args) =>
          mortal.call(() => real(...args)),
    );
  }
  replace(promises, 'open', (real) => (...args) => {
    const flags = args[1];
    const writes = typeof flags === 'string' ? flags !== 'r' : ((flags as number) & 3) !== 0;
    if (!writes) return real(...args);
    const openAndClose = async () => ((await real(...args)) as { close(): Promise<void> }).close();
    return mortal.call(() => real(...args), { after: openAndClose });
  });
  const replaceSync = (name: string, make: (real: SyncCall) => SyncCall) => {
    const target = fs as unknown as Record<string, SyncCall>;
    const real = target[name] as SyncCall;
    target[name] = make(real);
    undo.push(() => {
      target[name] = real;
    });
  };
  for (const name of SYNC_CHANGING) {
    replaceSync(
      name,
      (real) =>
        (...args) =>
          mortal.callSync(() => real(...args)),
    );
  }
  replaceSync('writevSync', (real) => (...args) => {
    const pieces = args[1] as Buffer[];
    return mortal.callSync(
      () => real(...args),
      () => real(args[0], pieces.slice(0, pieces.length >> 1)),
    );
  });
  const handles = await handlePrototype();
  for (const name of HANDLE_CHANGING) {
    replace(
      handles,
      name,
      (real) =>
        async function (this: unknown, ...args: unknown[]) {
          const effect = () => real.apply(this, args);
          if (!name.startsWith('write')) return mortal.call(effect);
          return mortal.call(effect, { torn: () => real.apply(this, halved(args)) });
        },
    );
  }
  syncBuiltinESMExports();
  try {
    return await body();
  } finally {
    for (const step of undo.reverse()) step();
    syncBuiltinESMExports();
  }
}

function halved([data, ...rest]: unknown[]): unknown[] {
  const bytes = Buffer.from(data as Uint8Array | string);
  const half = bytes.subarray(0, bytes.length >> 1);
  return typeof data === 'string' ? [half.toString('utf8'), ...rest] : [half];
}

async function handlePrototype(): Promise<Record<string, Call>> {
  const path = join(tmpdir(), `clawback-handle-${process.pid}-${performance.now()}`);
  const handle = await open(path, 'w');
  try {
    return Object.getPrototypeOf(handle) as Record<string, Call>;
  } finally {
    await handle.close();
    await rm(path);
  }
}
