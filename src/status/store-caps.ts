import { isClawbackError } from '../errors.ts';
import { type Installation, workableStores } from '../installation.ts';
import type { Snapshot } from '../scan/scan.ts';
import { FileSessionStore } from '../sessions/file-session-store.ts';
import { type Cap, type CapPressure, capPressure } from './cap-pressure.ts';

export interface StoreCap {
  readonly storeId: string;
  readonly cap: CapPressure;
}

/** As planned, before anything was done. */
export function capsOf(snapshots: readonly Snapshot[], openclaw: Cap): StoreCap[] {
  return snapshots.map(({ store, rows }) => ({ storeId: store.id, cap: capPressure(rows, openclaw) }));
}

/** As the stores are now. One that cannot be read is passed over: whoever reads it for work says why. */
export async function readCaps(installation: Installation): Promise<StoreCap[]> {
  const caps: StoreCap[] = [];
  for (const { id, storePath } of workableStores(installation)) {
    try {
      const { rows } = await new FileSessionStore(storePath).read();
      caps.push({ storeId: id, cap: capPressure(rows, installation.openclaw) });
    } catch (error) {
      if (!isClawbackError(error)) throw error;
    }
  }
  return caps;
}
