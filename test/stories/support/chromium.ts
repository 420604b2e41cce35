import { access, constants } from 'node:fs/promises';
import { findProgram } from './programs.ts';

/** No request of the browser itself leaves the machine. */
export const CHROMIUM_ARGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** `CLAWBACK_TEST_CHROMIUM`, or the one that is installed. Undefined if there is none: an error with `CI` set. */
export async function findChromium(): Promise<string | undefined> {
  const named = process.env.CLAWBACK_TEST_CHROMIUM;
  if (named !== undefined && named !== '') {
    await access(named, constants.X_OK);
    return named;
  }
  for (const name of NAMES) {
    const path = await findProgram(name);
    if (path !== undefined) return path;
  }
  if (process.env.CI) throw new Error('no Chromium: install one, or name it in CLAWBACK_TEST_CHROMIUM');
  console.log('Chromium for tests: SKIPPED, none is installed; CLAWBACK_TEST_CHROMIUM may name one');
  return undefined;
}
