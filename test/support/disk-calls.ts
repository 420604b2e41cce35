import fs from 'node:fs';
import { open } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

type Call = (...args: unknown[]) => unknown;

/** A call that changes the disk, or makes a change durable, and the path that it is about: of a rename the old one. Empty for what is done to sessions.json by its descriptor. */
export interface DiskCall {
  readonly name: 'rename' | 'unlink' | 'sync' | 'write';
  readonly path: string;
}

/**
 * Runs `body` and tells of each such call right before it is made, whichever of Node's modules makes it. What `onCall`
 * does comes in between what our code looked at last and what it does then; what it throws, the call throws.
 */
export async function withDiskCalls<T>(
  onCall: (call: DiskCall) => void | Promise<void>,
  body: () => Promise<T>,
): Promise<T> {
  const undo: (() => void)[] = [];
  const patch = (target: object, name: string, make: (real: Call) => Call) => {
    const real = Reflect.get(target, name) as Call;
    Reflect.set(target, name, make(real));
    undo.push(() => Reflect.set(target, name, real));
  };
  for (const name of ['rename', 'unlink'] as const) {
    patch(fs.promises, name, (real) => async (...args) => {
      await onCall({ name, path: String(args[0]) });
      return real(...args);
    });
  }
  patch(fs, 'renameSync', (real) => (...args) => {
    void onCall({ name: 'rename', path: String(args[0]) });
    return real(...args);
  });
  for (const [call, name] of [
    ['writevSync', 'write'],
    ['fsyncSync', 'sync'],
  ] as const) {
    patch(fs, call, (real) => (...args) => {
      void onCall({ name, path: '' });
      return real(...args);
    });
  }
  const paths = new WeakMap<object, string>();
  patch(fs.promises, 'open', (real) => async (...args) => {
    const handle = (await real(...args)) as object;
    paths.set(handle, String(args[0]));
    return handle;
  });
  const handle = await open(new URL(import.meta.url));
  await handle.close();
  patch(
    Object.getPrototypeOf(handle) as object,
    'sync',
    (real) =>
      async function (this: object, ...args: unknown[]) {
        await onCall({ name: 'sync', path: paths.get(this) ?? '' });
        return real.apply(this, args);
      },
  );
  syncBuiltinESMExports();
  try {
    return await body();
  } finally {
    for (const step of undo.reverse()) step();
    syncBuiltinESMExports();
  }
}
