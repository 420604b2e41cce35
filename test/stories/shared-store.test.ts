import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { writeSlackStore } from '../../src/demo/slack-store.ts';
import type { Row } from '../../src/sessions/session-store.ts';
import type { ArchiveJson, ListJson, RestoreJson } from './support/answers.ts';
import { DAY_MS, Home, type Settings } from './support/home.ts';
import {
  type Thread,
  threadOf,
  transcriptName,
  transcriptText,
  writeAged,
  writeThreadStore,
} from './support/rooms.ts';
import { fingerprint, readFileState, readTree } from './support/tree.ts';

const TRIM = { retention: { protectedPruneAfter: '7d' } };

/** Two agents that listen in one channel; each has an old thread and a fresh one. */
function threadsOf(home: Home, agentId: string): { readonly old: Thread; readonly fresh: Thread } {
  const aged = (name: string, threadTs: string, days: number) =>
    threadOf('C0SHARED', threadTs, {
      sessionId: `${agentId}-${name}`,
      updatedAtMs: home.nowMs - days * DAY_MS,
      text: `${name} of ${agentId}`,
    });
  return { old: aged('old', '1762500000.000001', 9), fresh: aged('fresh', '1763500000.000002', 2) };
}

async function rowsOf(storePath: string): Promise<Record<string, Row>> {
  return JSON.parse(await readFile(storePath, 'utf8')) as Record<string, Row>;
}

describe('session.store without {agentId}: one store for all agents', () => {
  async function sharedHome(): Promise<{ home: Home; storePath: string; folder: string }> {
    const home = await Home.create({ settings: TRIM });
    const folder = join(home.root, 'shared');
    const storePath = join(folder, 'sessions.json');
    await home.configureOpenClaw({
      session: { store: storePath },
      agents: { list: [{ id: 'main' }, { id: 'ops' }] },
    });
    const [main, ops] = [threadsOf(home, 'main'), threadsOf(home, 'ops')];
    await writeThreadStore(storePath, { main: [main.old, main.fresh], ops: [ops.old, ops.fresh] });
    return { home, storePath, folder };
  }

  test('the old threads of both are archived in one run, the fresh ones stay', async () => {
    const { home, storePath, folder } = await sharedHome();
    const before = await rowsOf(storePath);
    const json = await home.json<ArchiveJson>('archive');
    expect(json.done).toMatchObject({ protectedRowsTrimmed: 2, filesReclaimed: 2 });
    const now = await rowsOf(storePath);
    expect(Object.keys(now)).toEqual(Object.keys(before));
    for (const agentId of ['main', 'ops']) {
      const { old, fresh } = threadsOf(home, agentId);
      expect(now[`agent:${agentId}:${old.rest}`]).toHaveProperty('clawback');
      expect(now[`agent:${agentId}:${fresh.rest}`]).toEqual(before[`agent:${agentId}:${fresh.rest}`]);
      expect(Object.keys(await readTree(folder))).toContain(transcriptName(fresh));
    }
    const { sessions } = await home.json<ListJson>('list');
    expect(sessions.map(({ agentId }) => agentId).sort()).toEqual(['main', 'ops']);
  });

  test('--agent touches the rows and files of that agent only', async () => {
    const { home, storePath, folder } = await sharedHome();
    const before = await rowsOf(storePath);
    const { done } = await home.json<ArchiveJson>('archive', '--agent', 'ops');
    expect(done).toMatchObject({ protectedRowsTrimmed: 1, filesReclaimed: 1 });
    const key = `agent:main:${threadsOf(home, 'main').old.rest}`;
    expect((await rowsOf(storePath))[key]).toEqual(before[key]);
    expect(Object.keys(await readTree(folder))).toContain(transcriptName(threadsOf(home, 'main').old));
  });

  test('a thread of the second agent comes back into the shared store', async () => {
    const { home, storePath, folder } = await sharedHome();
    const key = `agent:ops:${threadsOf(home, 'ops').old.rest}`;
    const row = (await rowsOf(storePath))[key];
    const path = join(folder, transcriptName(threadsOf(home, 'ops').old));
    const state = await readFileState(path);
    await home.json('archive');
    await home.json<RestoreJson>('restore', key);
    expect((await rowsOf(storePath))[key]).toEqual(row);
    expect(await readFileState(path)).toEqual(state);
  });
});

describe('a {agentId} template outside of the state dir', () => {
  test('is where archive and restore work; the default place stays empty', async () => {
    const home = await Home.create({ settings: TRIM });
    const template = join(home.root, 'elsewhere', '{agentId}', 'store.json');
    await home.configureOpenClaw({ session: { store: template }, agents: { list: [{ id: 'main' }] } });
    const storePath = template.replace('{agentId}', 'main');
    const { old, fresh } = threadsOf(home, 'main');
    await writeThreadStore(storePath, { main: [old, fresh] });
    // An agent that openclaw.json does not list: only the folder tells of it.
    const retired = template.replace('{agentId}', 'retired');
    await writeThreadStore(retired, { retired: [threadsOf(home, 'retired').old] });
    const row = (await rowsOf(storePath))[`agent:main:${old.rest}`];
    const { done } = await home.json<ArchiveJson>('archive');
    expect(done).toMatchObject({ protectedRowsTrimmed: 2, filesReclaimed: 2 });
    await expect(readTree(join(home.stateDir, 'agents'))).rejects.toMatchObject({ code: 'ENOENT' });
    await home.json('restore', `agent:main:${old.rest}`);
    expect((await rowsOf(storePath))[`agent:main:${old.rest}`]).toEqual(row);
    expect(Object.keys(await readTree(join(storePath, '..')))).toEqual(
      [transcriptName(fresh), transcriptName(old), basename(storePath)].sort(),
    );
  });

  test('a store of the Slack report works the same there', async () => {
    const home = await Home.create({ settings: TRIM });
    const folder = join(home.root, 'elsewhere', 'main');
    const storePath = join(folder, 'sessions.json');
    await home.configureOpenClaw({
      session: { store: join(home.root, 'elsewhere', '{agentId}', 'sessions.json') },
    });
    const { stateDir, nowMs } = home;
    const store = await writeSlackStore({
      stateDir,
      nowMs,
      sizeScale: 0.01,
      countScale: 0.1,
      orphans: false,
    });
    await mkdir(join(folder, '..'), { recursive: true });
    await rename(store.sessionsDir, folder);
    // Rows name their transcripts by absolute path.
    const text = (await readFile(storePath, 'utf8')).replaceAll(store.sessionsDir, folder);
    await writeFile(storePath, text);
    const { done } = await home.json<ArchiveJson>('archive');
    const old = store.sessions.filter(({ ageMs, blocker }) => ageMs > 7 * DAY_MS && blocker === undefined);
    expect(done).toMatchObject({ protectedRowsTrimmed: old.length, orphanSessionsArchived: 0 });
  });
});

describe('two stores that keep their transcripts in one folder', () => {
  async function sharedFolder() {
    const home = await Home.create({ settings: TRIM });
    const folder = join(home.root, 'one-folder');
    await home.configureOpenClaw({
      session: { store: join(folder, 'sessions-{agentId}.json') },
      agents: { list: [{ id: 'main' }, { id: 'ops' }] },
    });
    const storePath = (agentId: string) => join(folder, `sessions-${agentId}.json`);
    for (const agentId of ['main', 'ops']) {
      const { old, fresh } = threadsOf(home, agentId);
      await writeThreadStore(storePath(agentId), { [agentId]: [old, fresh] });
    }
    return { home, folder, storePath };
  }

  test('the files of one are no orphans of the other', async () => {
    const { home, folder } = await sharedFolder();
    const orphan = { sessionId: 'nobodys', updatedAtMs: home.nowMs - 8 * DAY_MS, text: 'left over' };
    await writeAged(join(folder, 'nobodys.jsonl'), transcriptText(orphan), orphan.updatedAtMs);
    await home.configure({ retention: { protectedPruneAfter: '30d' } });
    const { plan } = await home.json<ArchiveJson>('archive', '--dry-run');
    const files = plan.flatMap(({ selected }) => selected.flatMap((one) => one.files));
    expect(new Set(files.map(({ name }) => name))).toEqual(new Set(['nobodys.jsonl']));
  });

  test('a run archives the old threads of both, and no file of the other store', async () => {
    const { home, folder, storePath } = await sharedFolder();
    const { done, failures } = await home.json<ArchiveJson>('archive');
    expect(failures).toEqual([]);
    expect(done).toMatchObject({ protectedRowsTrimmed: 2, orphanSessionsArchived: 0, filesReclaimed: 2 });
    const names = Object.keys(await readTree(folder));
    for (const agentId of ['main', 'ops']) {
      const { old, fresh } = threadsOf(home, agentId);
      expect(names).toContain(transcriptName(fresh));
      expect(names).not.toContain(transcriptName(old));
      const stub = String((await rowsOf(storePath(agentId)))[`agent:${agentId}:${old.rest}`]?.sessionFile);
      expect(names).toContain(stub);
    }
  });

  test('the stubs of one are not taken for orphans of the other, nights later', async () => {
    const { home, folder } = await sharedFolder();
    await home.json('archive');
    await home.configure({ retention: { orphanPruneAfter: '7d', protectedPruneAfter: '365d' } });
    home.nowMs = Date.now() + 30 * DAY_MS;
    const before = await fingerprint(folder);
    const { planned } = await home.json<ArchiveJson>('archive');
    expect(planned).toMatchObject({ selectedRows: 0, selectedFiles: 0 });
    expect(await fingerprint(folder)).toEqual(before);
  });
});

describe('rows that spell the sessions folder as a container sees it', () => {
  const INSIDE = '/home/node/.openclaw/agents/main/sessions';

  async function containerHome(settings: Settings) {
    const home = await Home.create({ settings });
    const { old, fresh } = threadsOf(home, 'main');
    await writeThreadStore(home.storePath(), { main: [old, fresh] });
    const text = (await home.storeText()).replaceAll(home.sessionsDir(), INSIDE);
    await writeFile(home.storePath(), text);
    return { home, old, key: `agent:main:${old.rest}` };
  }

  test('with the default settings their transcripts are no orphans, however old', async () => {
    const { home } = await containerHome({});
    const before = await fingerprint(home.sessionsDir());
    const { done } = await home.json<ArchiveJson>('archive');
    expect(done).toMatchObject({ filesArchived: 0, filesReclaimed: 0 });
    expect(await fingerprint(home.sessionsDir())).toEqual(before);
  });

  test('an old thread is archived and comes back, its path spelt as the container needs it', async () => {
    const { home, old, key } = await containerHome(TRIM);
    const row = (await home.rows())[key];
    const state = await readFileState(join(home.sessionsDir(), transcriptName(old)));
    const { done } = await home.json<ArchiveJson>('archive');
    expect(done).toMatchObject({ protectedRowsTrimmed: 1, orphanSessionsArchived: 0, filesReclaimed: 1 });
    await home.json('restore', key);
    expect((await home.rows())[key]).toEqual(row);
    expect(await readFileState(join(home.sessionsDir(), transcriptName(old)))).toEqual(state);
  });

  test('a transcript that truly lies elsewhere keeps its row, and stays', async () => {
    const { home, old, key } = await containerHome(TRIM);
    await rename(join(home.sessionsDir(), transcriptName(old)), join(home.root, transcriptName(old)));
    await home.changeRows((rows) => ({
      ...rows,
      [key]: { ...rows[key], sessionFile: join(home.root, transcriptName(old)) },
    }));
    const before = await home.storeText();
    const { planned } = await home.json<ArchiveJson>('archive');
    expect(planned.keptByReason).toMatchObject({ 'transcript-elsewhere': 1 });
    expect(await home.storeText()).toBe(before);
    expect(Object.keys(await readTree(home.root))).toContain(transcriptName(old));
  });
});
