import { open } from 'node:fs/promises';
import { onFile } from '../system-error.ts';

/** Makes names created, renamed or removed in `path` survive a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await onFile(path, () => directory.sync());
  } finally {
    await directory.close();
  }
}
