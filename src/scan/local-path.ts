import { join } from 'node:path';

/** Where a file that a manifest names lies: the one place that turns a name into a path of this machine. */
export function localPath(sessionsDir: string, name: string): string {
  return join(sessionsDir, name);
}
