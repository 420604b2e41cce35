import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { pathOf } from '../../src/manifest/file-place.ts';
import { manifestKey } from '../../src/manifest/keys.ts';
import {
  encodeManifest,
  type Manifest,
  type ManifestFile,
  type ManifestSession,
} from '../../src/manifest/manifest.ts';
import { planRestore } from '../../src/restore/restore-in-place.ts';
import { rowSha256 } from '../../src/sessions/canonical-json.ts';
import { FileSessionStore } from '../../src/sessions/file-session-store.ts';
import type { Row } from '../../src/sessions/session-store.ts';
import { FaultHome, INSTANCE, sha256, threadRow } from '../support/faults.ts';
import { FILE } from '../support/manifests.ts';
import { attachmentId } from '../support/media.ts';
import { entryOf, foldersOf, sessionOf } from '../support/sessions.ts';
import { DAY_MS, HOUR_MS, NOW_MS, uuid } from '../support/snapshot.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

// Whoever can write to the bucket can leave a manifest there that no catalogue names: the next nightly run reads
// it as the work of a run that died. It may waste our time; it may not cost us a file, a row or a route.

const BATCH = '20261120t090000z-0000bad1-0001';
const KEY = 'agent:main:slack:channel:c01';

async function oneThread(): Promise<FaultHome> {
  const home = await FaultHome.empty(await temporaryFolder());
  await home.addSession(uuid(1), 10 * DAY_MS, 500);
  await home.writeRows({ [KEY]: threadRow(uuid(1), 10 * DAY_MS, {}) });
  return home;
}

async function plant(
  home: FaultHome,
  session: Partial<ManifestSession>,
  manifest: Partial<Manifest> = {},
): Promise<void> {
  const archive = await home.archive();
  const forged: Manifest = {
    format: 'clawback.manifest/1',
    tool: 'clawback/0',
    instance: INSTANCE,
    runId: BATCH.slice(0, -5),
    batchId: BATCH,
    createdAt: new Date(NOW_MS).toISOString(),
    source: { kind: 'openclaw-file-store', storeId: 'main' },
    verified: 'content',
    packs: [],
    sessions: [
      {
        archiveId: `${BATCH}.0`,
        sessionKey: 'agent:main:gone',
        sessionId: uuid(9),
        agentId: 'main',
        kind: 'other',
        protected: false,
        action: 'remove',
        lastActivityMs: null,
        row: null,
        rowSha256: null,
        tombstone: null,
        files: [],
        ...session,
      },
    ],
    ...manifest,
  };
  await archive.objects.put(manifestKey(INSTANCE, BATCH), archive.codec.compress(encodeManifest(forged), 3));
}

async function describeVictim(
  home: FaultHome,
  name: string,
  place: ManifestFile['place'],
  kind: ManifestFile['kind'] = 'transcript',
): Promise<ManifestFile> {
  const bytes = await readFile(pathOf({ kind, name }, home));
  return {
    name,
    kind,
    size: bytes.length,
    sha256: sha256(bytes),
    mode: 0o600,
    mtimeMs: 0,
    place,
  };
}

function trimOf(
  row: Row | undefined,
  tombstone: Row | null,
  files: ManifestFile[] = [],
): Partial<ManifestSession> {
  if (row === undefined) throw new Error('there is no such row');
  const place = { sessionKey: KEY, kind: 'channel', protected: true, action: 'trim' } as const;
  return { ...place, row, rowSha256: rowSha256(row), tombstone, files };
}

/** What is lost is looked for in what the line itself archived. */
async function lostFiles(home: FaultHome): Promise<string[]> {
  const ids = await (await home.archive()).batchIds();
  return home.lostFiles(ids.filter((id) => id !== BATCH));
}

describe('a forged manifest', () => {
  test.each([null, { frame: 0, offset: 0 }])(
    'removes no file that it says is archived (place %o)',
    async (place) => {
      const home = await FaultHome.empty(await temporaryFolder());
      const victim = `${uuid(5)}.jsonl`;
      await home.addFile(victim, HOUR_MS / 2, 100);
      await plant(home, { files: [await describeVictim(home, victim, place)] });
      await home.run();
      expect(await lostFiles(home)).toEqual([]);
    },
  );

  test('removes no model-run file that it says was not kept', async () => {
    const home = await FaultHome.empty(await temporaryFolder());
    const id = `model-run-${uuid(5)}`;
    await home.addFile(`${id}.jsonl`, HOUR_MS / 2, 100);
    const row = { sessionId: id, updatedAt: 1 };
    const files = [await describeVictim(home, `${id}.jsonl`, null)];
    const sessionKey = `agent:main:explicit:${id}`;
    await plant(home, { kind: 'model-run', sessionKey, row, rowSha256: rowSha256(row), files });
    await home.run();
    expect(await lostFiles(home)).toEqual([]);
  });

  test.each([null, { frame: 0, offset: 0 }])(
    'removes no file of another row with the row that it trims (place %o)',
    async (place) => {
      const home = await oneThread();
      await home.addSession(uuid(7), HOUR_MS / 2, 100);
      const live = threadRow(uuid(7), HOUR_MS / 2, { status: 'running' });
      const rows: Record<string, Row> = { ...(await home.rows()), 'agent:main:slack:channel:live': live };
      await home.writeRows(rows);
      const tombstone = { sessionId: uuid(3), updatedAt: 0 };
      await plant(
        home,
        trimOf(rows[KEY], tombstone, [await describeVictim(home, `${uuid(7)}.jsonl`, place)]),
      );
      await home.run();
      expect(await lostFiles(home)).toEqual([]);
    },
  );

  test.each([null, { frame: 0, offset: 0 }])(
    'removes neither record nor image of another conversation (place %o)',
    async (place) => {
      const home = await oneThread();
      const other = 'agent:main:slack:channel:live';
      await home.addMedia({ n: 1, sessionKey: other, ageMs: 30 * DAY_MS });
      const rows: Record<string, Row> = {
        ...(await home.rows()),
        [other]: threadRow(uuid(7), HOUR_MS / 2, {}),
      };
      await home.writeRows(rows);
      const files = await Promise.all(
        (['media-record', 'media-original'] as const).map(async (kind) => {
          const [name = ''] = await readdir(
            join(home.mediaDir, kind === 'media-record' ? 'records' : 'originals'),
          );
          return describeVictim(home, name, place, kind);
        }),
      );
      await plant(home, trimOf(rows[KEY], { sessionId: uuid(3), updatedAt: 0 }, files));
      await home.run();
      expect(await lostFiles(home)).toEqual([]);
    },
  );

  test('removes no protected row', async () => {
    const home = await oneThread();
    await plant(home, trimOf((await home.rows())[KEY], null));
    await home.run();
    expect(Object.keys(await home.rows())).toEqual([KEY]);
  });

  test('sends no conversation elsewhere', async () => {
    const home = await oneThread();
    const row = (await home.rows())[KEY];
    const deliveryContext = { channel: 'slack', to: 'channel:EVIL' };
    await plant(home, trimOf(row, { sessionId: uuid(3), updatedAt: 0, deliveryContext }));
    await home.run();
    expect((await home.rows())[KEY]?.deliveryContext).toEqual(row?.deliveryContext);
  });

  test.each(['victim.jsonl', '../victim.jsonl', 'sessions.json'])(
    'writes no stub into %s',
    async (sessionFile) => {
      const home = await oneThread();
      await home.addFile('victim.jsonl', HOUR_MS / 2, 0);
      await plant(home, trimOf((await home.rows())[KEY], { sessionId: uuid(3), updatedAt: 0, sessionFile }));
      await home.run();
      expect((await stat(join(home.sessionsDir, 'victim.jsonl'))).size).toBe(0);
      expect(Object.keys(await home.rows())).toEqual([KEY]);
    },
  );

  test.each([
    [
      'a file name that leads out',
      {
        files: [
          {
            name: '../x',
            kind: 'transcript',
            size: 0,
            sha256: sha256(Buffer.of()),
            mode: 0,
            mtimeMs: 0,
            place: null,
          },
        ],
      },
      {},
    ],
    [
      'an absolute file name',
      {
        files: [
          {
            name: '/etc/passwd',
            kind: 'transcript',
            size: 0,
            sha256: sha256(Buffer.of()),
            mode: 0,
            mtimeMs: 0,
            place: null,
          },
        ],
      },
      {},
    ],
    ['an image that leads out', { files: [fileNamed('media-original', '../../../../x')] }, {}],
    ['a record that leads out', { files: [fileNamed('media-record', `../${attachmentId(1)}.json`)] }, {}],
    ['a record under a name of its own', { files: [fileNamed('media-record', 'x.json')] }, {}],
    ['a file of a kind that is none', { files: [fileNamed('media-inbound', 'x.png')] }, {}],
    ['a moment that no date can hold', { lastActivityMs: 1e300 }, {}],
    ['the batch id of another', {}, { batchId: '20261120t090000z-0000bad1-0002' }],
    ['another instance', {}, { instance: 'oc-other' }],
    ['the pack of another instance', {}, { packs: [packAt('oc-other/packs/x.tar.zst', 1)] }],
    ['a pack key that leads out', {}, { packs: [packAt('../../etc/passwd', 1)] }],
    ['a frame of a terabyte', {}, { packs: [packAt(`${INSTANCE}/packs/${BATCH}.tar.zst`, 2 ** 40)] }],
  ] as const)(
    'with %s is reported, keeps nothing else from being archived, and hides nothing',
    async (_what, session, manifest) => {
      const home = await oneThread();
      await plant(
        home,
        session as unknown as Partial<ManifestSession>,
        manifest as unknown as Partial<Manifest>,
      );
      const tally = await home.run();
      expect(tally.problems).toHaveLength(1);
      expect(tally.counts.protectedRowsTrimmed).toBe(1);
      const rows = await (await home.archive()).catalogue({ onDamage: () => {} });
      expect(rows.map(({ session_key }) => session_key)).toContain(KEY);
      expect(await lostFiles(home)).toEqual([]);
    },
  );
});

function fileNamed(kind: string, name: string) {
  return { kind, name, size: 0, sha256: sha256(Buffer.of()), mode: 0, mtimeMs: 0, place: null };
}

function packAt(key: string, rawBytes: number) {
  const frames = [{ offset: 0, storedBytes: 10, rawBytes }];
  const about = { sha256: 'a'.repeat(64), engine: 'node', level: 3, encryption: 'none' };
  return { key, storedBytes: 10, rawBytes, frames, ...about };
}

test.each(['rows.json', 'rows.json.bak.1', '.clawback.lock', 'a.jsonl.lock'])(
  'nothing is restored of a session that names a file which is no session’s: %s',
  async (name) => {
    const sessionsDir = await temporaryFolder();
    const storePath = join(sessionsDir, 'rows.json');
    await writeFile(storePath, '{}');
    const target = {
      ...foldersOf(sessionsDir),
      sessions: new FileSessionStore(storePath),
      assertMayCommit: async () => {},
      hasPrompt: () => true,
    };
    const options = { force: true, resume: false, nowMs: NOW_MS };
    const plan = (file: ManifestFile) => planRestore(sessionOf(entryOf(), [file]), target, options);
    await expect(plan({ ...FILE, name })).rejects.toMatchObject({ code: 'manifest-invalid' });
    expect((await plan({ ...FILE, name: 'a.jsonl' })).files).toMatchObject([{ state: 'absent' }]);
  },
);
