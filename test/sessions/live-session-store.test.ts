import { readdir, readFile, rename, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { rowSha256 } from '../../src/sessions/canonical-json.ts';
import { FileSessionStore } from '../../src/sessions/file-session-store.ts';
import type { Row, RowChange } from '../../src/sessions/session-store.ts';
import { describeSessionStore } from '../conformance/session-store.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const TIMES = { lookAgainMs: 300, settleMs: 1_500, patienceMs: 5_000 };
const KEY = 'agent:main:slack:channel:c1';
const OTHER = 'agent:main:slack:channel:c2';
const ROW: Row = { sessionId: 'a', updatedAt: 5, deliveryContext: { channel: 'slack', to: 'channel:C1' } };
const TOMBSTONE: Row = { sessionId: 'b', updatedAt: 0, deliveryContext: ROW.deliveryContext };

const change = (sessionKey: string, replaceWith: Row | null = TOMBSTONE): RowChange => ({
  sessionKey,
  archiveId: '20261120t040000z-0123abcd-0001.0',
  expectSha256: rowSha256(ROW),
  replaceWith,
});

type Rows = Record<string, Row>;

async function liveStore(rows: Rows = { [KEY]: ROW, [OTHER]: ROW }) {
  const folder = await temporaryFolder();
  const path = join(folder, 'sessions.json');
  let retries = 0;
  const store = new FileSessionStore(path, { live: TIMES, onRetry: () => (retries += 1) });
  /** As OpenClaw does it: whole, by a rename. */
  const write = async (now: Rows) => {
    await writeFile(`${path}.1.tmp`, JSON.stringify(now, null, 2), { mode: 0o600 });
    await rename(`${path}.1.tmp`, path);
  };
  const read = async () => JSON.parse(await readFile(path, 'utf8')) as Rows;
  await write(rows);
  const until = async (isSo: (now: Rows) => boolean) => {
    while (!isSo(await read())) await delay(1);
  };
  return { folder, path, store, write, read, until, retries: () => retries };
}

describeSessionStore('live file', async (rows) => {
  const { store, write, read } = await liveStore(Object.fromEntries([]));
  const text = JSON.stringify(Object.fromEntries(rows), null, 2);
  await writeFile(store.path, text);
  return {
    store,
    writeRow: async (sessionKey, row) => {
      const now = await read();
      if (row === null) delete now[sessionKey];
      else now[sessionKey] = row;
      await write(now);
    },
  };
});

const isTrimmed = (now: Rows) => now[KEY]?.sessionId === 'b';

describe('a commit beside a live OpenClaw', () => {
  it('is made again when a writer puts back the row that it had read before', async () => {
    const { store, until, write, read, retries } = await liveStore();
    const committing = store.commit([change(KEY), change(OTHER, null)]);
    for (let round = 1; round <= 3; round += 1) {
      await until(isTrimmed);
      await write({ [KEY]: ROW, [OTHER]: ROW, [`young${round}`]: { updatedAt: round } });
    }
    expect(await committing).toEqual(
      new Map([
        [KEY, 'committed'],
        [OTHER, 'committed'],
      ]),
    );
    expect(await read()).toEqual({ [KEY]: TOMBSTONE, young3: { updatedAt: 3 } });
    expect(retries()).toBeGreaterThanOrEqual(3);
  });

  it('leaves a row alone that has moved on meanwhile', async () => {
    const { store, until, write, read } = await liveStore();
    const committing = store.commit([change(KEY), change(OTHER)]);
    await until(isTrimmed);
    const revived = { ...ROW, updatedAt: 77 };
    await write({ [KEY]: revived, [OTHER]: TOMBSTONE });
    expect(await committing).toEqual(
      new Map([
        [KEY, 'changed'],
        [OTHER, 'committed'],
      ]),
    );
    expect(await read()).toEqual({ [KEY]: revived, [OTHER]: TOMBSTONE });
  });

  it('holds although OpenClaw adds the fields that it derives from others', async () => {
    const { store, until, write } = await liveStore({ [KEY]: ROW });
    const committing = store.commit([change(KEY)]);
    await until(isTrimmed);
    await write({ [KEY]: { ...TOMBSTONE, route: { channel: 'slack' }, lastTo: 'channel:C1' } });
    expect(await committing).toEqual(new Map([[KEY, 'committed']]));
  });

  it('gives up with `store-busy` where its rows are put back every time', async () => {
    const { store, write, read } = await liveStore();
    const stop = new AbortController();
    const writer = (async () => {
      for (let n = 0; !stop.signal.aborted; n += 1) {
        await write({ [KEY]: ROW, [OTHER]: ROW, n: { n } });
        await delay(2);
      }
    })();
    await expect(store.commit([change(KEY), change(OTHER)])).rejects.toMatchObject({
      code: 'store-busy',
      retryable: true,
    });
    stop.abort();
    await writer;
    expect(await read()).toMatchObject({ [KEY]: ROW, [OTHER]: ROW });
  });

  it('does not rename while another writer has a temporary file of the store open', async () => {
    const { folder, path, store, read } = await liveStore();
    const temporary = `${path}.4711.0b4f5d2e-0000-4000-8000-000000000000.tmp`;
    await writeFile(temporary, '{');
    const committing = store.commit([change(KEY)]);
    await delay(100);
    expect(await read()).toEqual({ [KEY]: ROW, [OTHER]: ROW });
    await utimes(temporary, 1, 1);
    expect((await committing).get(KEY)).toBe('committed');
    expect(await readdir(folder)).toContain('sessions.json');
  });

  it('does not wait for a temporary file that is dated in the future: its writer died under another clock', async () => {
    const { path, store } = await liveStore();
    const temporary = `${path}.4711.0b4f5d2e-0000-4000-8000-000000000000.tmp`;
    await writeFile(temporary, '{');
    const nextYear = new Date(Date.now() + 365 * 86_400_000);
    await utimes(temporary, nextYear, nextYear);
    expect((await store.commit([change(KEY)])).get(KEY)).toBe('committed');
  });
});
