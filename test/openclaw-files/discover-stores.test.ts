import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { discoverStores, type StoreDiscovery } from '../../src/openclaw/discover-stores.ts';

let stateDir: string;

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'clawback-stores-'));
});

afterEach(async () => {
  await rm(stateDir, { recursive: true });
});

function discover(openclaw: Partial<StoreDiscovery['openclaw']> = {}, agents?: string[]) {
  const config = { agentIds: ['main'], ...openclaw };
  return discoverStores({ stateDir, openclaw: config, ...(agents ? { agents } : {}) });
}

const storeOf = (agent: string) => join(stateDir, 'agents', agent, 'sessions', 'sessions.json');

async function writeStore(path: string) {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, '{}');
}

async function createTable(path: string, table: string, journal = 'DELETE') {
  await mkdir(dirname(path), { recursive: true });
  const database = new DatabaseSync(path);
  database.exec(
    `PRAGMA journal_mode=${journal}; CREATE TABLE auth (x); CREATE TABLE IF NOT EXISTS ${table} (id TEXT)`,
  );
  return database;
}

const databaseOf = (agent: string) => join(stateDir, 'agents', agent, 'agent', 'openclaw-agent.sqlite');

describe('the stores of an OpenClaw', () => {
  test('are those of configured agents and of agents that only the disk knows, by id', async () => {
    await writeStore(storeOf('work'));
    await writeStore(storeOf('main'));
    await mkdir(join(stateDir, 'agents', 'empty', 'agent'), { recursive: true });
    await mkdir(join(stateDir, 'agents', 'Not an id'));
    expect(await discover({ agentIds: ['main', 'new'] })).toEqual([
      {
        id: 'main',
        agentId: 'main',
        storePath: storeOf('main'),
        sessionsDir: dirname(storeOf('main')),
        mediaDir: join(stateDir, 'media', 'outgoing'),
        state: 'file',
      },
      expect.objectContaining({ id: 'new', state: 'absent' }),
      expect.objectContaining({ id: 'work', state: 'file' }),
    ]);
  });

  test('lie where session.store puts them', async () => {
    const template = join(stateDir, 'data', '{agentId}', 'store.json');
    await writeStore(join(stateDir, 'data', 'main', 'store.json'));
    await writeStore(join(stateDir, 'data', 'side', 'store.json'));
    await mkdir(join(stateDir, 'data', 'unrelated'));
    const found = await discover({ sessionStore: template });
    expect(found.map(({ id, storePath, state }) => [id, storePath, state])).toEqual([
      ['main', join(stateDir, 'data', 'main', 'store.json'), 'file'],
      ['side', join(stateDir, 'data', 'side', 'store.json'), 'file'],
    ]);
  });

  test('are one where session.store names no agent', async () => {
    const shared = join(stateDir, 'all', 'sessions.json');
    await writeStore(shared);
    expect(await discover({ sessionStore: shared, agentIds: ['main', 'work'] })).toEqual([
      {
        id: 'shared',
        storePath: shared,
        sessionsDir: dirname(shared),
        mediaDir: join(stateDir, 'media', 'outgoing'),
        state: 'file',
      },
    ]);
  });

  test('are narrowed to the agents that were asked for, and an unknown one is refused', async () => {
    await writeStore(storeOf('main'));
    await writeStore(storeOf('work'));
    expect((await discover({}, ['Work'])).map(({ id }) => id)).toEqual(['work']);
    await expect(discover({}, ['wrok'])).rejects.toMatchObject({
      code: 'usage',
      hint: 'known agents: main, work',
    });
    await expect(discover({}, ['../x'])).rejects.toMatchObject({ code: 'usage' });
  });

  test('of an OpenClaw that never ran are absent', async () => {
    expect(await discover()).toEqual([expect.objectContaining({ id: 'main', state: 'absent' })]);
  });
});

describe('a link', () => {
  test('in place of sessions.json, of the sessions folder or of the agent is never followed', async () => {
    const elsewhere = join(stateDir, 'elsewhere', 'sessions');
    await writeStore(join(elsewhere, 'sessions.json'));
    await mkdir(dirname(storeOf('file')), { recursive: true });
    await symlink(join(elsewhere, 'sessions.json'), storeOf('file'));
    await mkdir(join(stateDir, 'agents', 'folder'));
    await symlink(elsewhere, dirname(storeOf('folder')));
    await symlink(dirname(elsewhere), join(stateDir, 'agents', 'whole'));
    await mkdir(storeOf('directory'), { recursive: true });
    const found = await discover({ agentIds: [] });
    expect(found.map(({ id, state }) => [id, state])).toEqual([
      ['directory', 'symlink'],
      ['file', 'symlink'],
      ['folder', 'symlink'],
      ['whole', 'symlink'],
    ]);
    expect(found[0]?.detail).toBe(`${storeOf('directory')} is a folder`);
    expect(found[2]?.detail).toBe(`${dirname(storeOf('folder'))} is a symbolic link`);
  });

  test('above the agents is how people move them to another disk', async () => {
    await mkdir(join(stateDir, 'disk', 'main', 'sessions'), { recursive: true });
    await writeFile(join(stateDir, 'disk', 'main', 'sessions', 'sessions.json'), '{}');
    await symlink(join(stateDir, 'disk'), join(stateDir, 'agents'));
    expect((await discover())[0]?.state).toBe('file');
  });
});

describe('an agent that has moved to SQLite', () => {
  test('is known by the folder of the import, even where sessions.json is back', async () => {
    await writeStore(storeOf('main'));
    await mkdir(join(stateDir, 'agents', 'main', 'session-sqlite-import-archive'));
    expect(await discover()).toMatchObject([
      { state: 'migrated', detail: expect.stringContaining('import-archive') },
    ]);
  });

  test('is known by the store that the import renamed', async () => {
    await writeStore(join(dirname(storeOf('side')), 'legacy-store.sessions.json.imported-1780000000000'));
    expect(await discover({ agentIds: [] })).toMatchObject([{ id: 'side', state: 'migrated' }]);
  });

  test.each(['DELETE', 'WAL'])(
    'is known by the table session_nodes (journal %s), also while it is open',
    async (journal) => {
      await writeStore(storeOf('main'));
      const database = await createTable(databaseOf('main'), 'session_nodes', journal);
      try {
        expect((await discover())[0]?.state).toBe('migrated');
      } finally {
        database.close();
      }
      expect((await discover())[0]).toMatchObject({
        state: 'migrated',
        detail: expect.stringContaining('session_nodes'),
      });
    },
  );

  test('is not known by the database alone, which file-store releases have too', async () => {
    await writeStore(storeOf('main'));
    (await createTable(databaseOf('main'), 'session_nodes_old')).close();
    expect((await discover())[0]?.state).toBe('file');
  });

  test('ends the use of a shared store', async () => {
    const shared = join(stateDir, 'all', 'sessions.json');
    await writeStore(shared);
    (await createTable(databaseOf('work'), 'session_nodes')).close();
    const found = await discover({ sessionStore: shared, agentIds: ['main', 'work'] });
    expect(found).toMatchObject([{ id: 'shared', state: 'migrated' }]);
  });
});
