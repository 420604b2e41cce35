import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { FileSessionStore } from '../../src/sessions/file-session-store.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

it('a sessions.json that is a pipe is refused, not waited for', async () => {
  const path = join(await temporaryFolder(), 'sessions.json');
  execFileSync('mkfifo', [path]);
  const timer = setTimeout(() => closeSync(openSync(path, constants.O_RDWR | constants.O_NONBLOCK)), 10_000);
  const startedMs = performance.now();
  await expect(new FileSessionStore(path).read()).rejects.toMatchObject({ code: 'store-not-regular' });
  expect(performance.now() - startedMs).toBeLessThan(8_000);
  clearTimeout(timer);
});
