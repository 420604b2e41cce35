import type { ManifestFile, ManifestPack } from '../manifest/manifest.ts';
import type { ShipReport, ShipTask } from './task.ts';

/** Packs and uploads batches somewhere else than the caller's thread. */
export interface Shipper {
  /**
   * @param onBytes told how many bytes of the task are dealt with so far, now and then.
   * @param signal gives up what has not begun; what has is finished.
   * @throws {ClawbackError} if the batch as a whole could not be shipped; nothing local was touched.
   */
  ship(task: ShipTask, signal?: AbortSignal, onBytes?: (bytes: number) => void): Promise<ShipReport>;
  /** @throws {ClawbackError} with the first difference. */
  verify(pack: ManifestPack, files: readonly ManifestFile[], signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
