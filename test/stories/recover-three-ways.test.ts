import { cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { writeModelRunStore } from '../../src/demo/model-run-store.ts';
import { writeSlackStore } from '../../src/demo/slack-store.ts';
import type { Row } from '../../src/sessions/session-store.ts';
import type { ArchiveJson, ListJson, RestoreJson, VerifyJson } from './support/answers.ts';
import { DAY_MS, Home, type Settings } from './support/home.ts';
import { findProgram, unpackByHand } from './support/programs.ts';
import { threadOf, transcriptName, transcriptText, writeAged, writeThreadStore } from './support/rooms.ts';
import { pick, readTree, type Tree } from './support/tree.ts';

const hasZstd = (await findProgram('zstd')) !== undefined && (await findProgram('tar')) !== undefined;
const BIG_BYTES = 37 * 1024 * 1024;

interface Archived {
  readonly home: Home;
  /** What was there before, by agent. */
  readonly before: Readonly<Record<string, Tree>>;
  readonly rows: Readonly<Record<string, Readonly<Record<string, Row>>>>;
  /** Names of the files that the run removed, by agent. */
  readonly gone: Readonly<Record<string, readonly string[]>>;
}

const AGENTS = ['main', 'slack', 'big'];

/** Both reports' stores in small, and one transcript that is larger than two frames, archived in one run. */
async function archived(settings: Settings): Promise<Archived> {
  const home = await Home.create({
    settings: { retention: { protectedPruneAfter: '7d' }, ...settings },
  });
  const shape = { stateDir: home.stateDir, nowMs: home.nowMs, sizeScale: 0.01, countScale: 0.04 };
  await writeModelRunStore(shape);
  await writeSlackStore({ ...shape, agentId: 'slack' });
  await writeBigThread(home);
  const before: Record<string, Tree> = {};
  const rows: Record<string, Readonly<Record<string, Row>>> = {};
  for (const agentId of AGENTS) {
    before[agentId] = await readTree(home.sessionsDir(agentId));
    rows[agentId] = await home.rows(agentId);
  }
  const { plan } = await home.json<ArchiveJson>('archive', '--verbose');
  const gone = Object.fromEntries(
    plan.map(({ storeId, selected }) => [
      storeId,
      selected.flatMap(({ files }) => files.map(({ name }) => name)),
    ]),
  );
  return { home, before, rows, gone };
}

async function writeBigThread(home: Home): Promise<void> {
  const updatedAtMs = home.nowMs - 9 * DAY_MS;
  const big = threadOf('C0BIG', '1762000000.000100', { sessionId: 'big-1', updatedAtMs, text: 'logs' });
  const path = join(home.sessionsDir('big'), transcriptName(big));
  await writeThreadStore(home.storePath('big'), { big: [big] });
  const bytes = Buffer.alloc(BIG_BYTES, transcriptText(big));
  // Every block differs, the last byte stands alone, and not all of it is text.
  for (let offset = 0; offset < bytes.length; offset += 4096)
    bytes.writeUInt32LE((offset * 2_654_435_761) % 2 ** 32, offset);
  await writeAged(path, Buffer.concat([bytes, Buffer.from([0xff])]), updatedAtMs);
}

describe('every file that a run removed comes back byte for byte', () => {
  let all: Archived;

  beforeAll(async () => {
    all = await archived({ compression: { engine: 'node' } });
    expect(all.gone.main?.length).toBeGreaterThan(50);
    expect(all.gone.slack?.length).toBeGreaterThan(50);
    expect(all.gone.big).toHaveLength(1);
  });

  test('with `restore --to`, mode and time included', async () => {
    const { home, before, gone } = all;
    const { sessions } = await home.json<ListJson>('list');
    for (const { archiveId, agentId } of sessions) {
      await home.json('restore', archiveId, '--to', join(home.root, 'restored', agentId, archiveId));
    }
    for (const agentId of AGENTS) {
      const found = await readTree(join(home.root, 'restored', agentId));
      const byName = Object.fromEntries(
        Object.entries(found).map(([path, s]) => [path.split('/').at(-1), s]),
      );
      expect(Object.keys(byName)).toHaveLength(Object.keys(found).length);
      expect(byName).toEqual(pick(before[agentId] ?? {}, gone[agentId] ?? []));
    }
  });

  test.skipIf(!hasZstd)('with `zstd -d < pack | tar x`, no clawback at hand', async () => {
    const { home, before, gone } = all;
    const folder = join(home.root, 'by-hand');
    await mkdir(folder);
    const packs = Object.keys(await home.objects()).filter((key) => key.includes('/packs/'));
    expect(packs.length).toBeGreaterThanOrEqual(3);
    for (const pack of packs) await unpackByHand(join(home.archiveDir, pack), folder);
    for (const agentId of AGENTS) {
      expect(contents(await readTree(join(folder, agentId)))).toEqual(
        contents(pick(before[agentId] ?? {}, gone[agentId] ?? [])),
      );
    }
  });

  test('with the WASM engine reading what the node engine packed', async () => {
    await recoversWith('wasm', all);
  });

  test('in place: sessions folder and rows are what they were before the run', async () => {
    const { home, before, rows } = all;
    const { sessions } = await home.json<ListJson>('list');
    for (const { archiveId } of sessions) await home.json<RestoreJson>('restore', archiveId);
    for (const agentId of AGENTS) {
      const { 'sessions.json': _was, ...expected } = before[agentId] ?? {};
      const { 'sessions.json': _is, ...found } = await readTree(home.sessionsDir(agentId));
      expect(found).toEqual(expected);
      expect(await home.rows(agentId)).toEqual(rows[agentId]);
    }
  });
});

describe('what the WASM engine packed', () => {
  let all: Archived;

  beforeAll(async () => {
    all = await archived({ compression: { engine: 'wasm' } });
  });

  test('comes back with the node engine', async () => {
    await recoversWith('node', all);
  });

  test.skipIf(!hasZstd)('comes back with `zstd -d < pack | tar x`', async () => {
    const { home, before, gone } = all;
    const folder = join(home.root, 'by-hand');
    await mkdir(folder);
    const packs = Object.keys(await home.objects()).filter((key) => key.includes('/packs/'));
    for (const pack of packs) await unpackByHand(join(home.archiveDir, pack), folder);
    for (const agentId of AGENTS) {
      expect(contents(await readTree(join(folder, agentId)))).toEqual(
        contents(pick(before[agentId] ?? {}, gone[agentId] ?? [])),
      );
    }
  });
});

/** Verifies all of the archive with an engine, then restores every session with it. */
async function recoversWith(engine: 'node' | 'wasm', { home, before, gone }: Archived): Promise<void> {
  // A copy, so that the engine of the run that made the archive is nowhere in sight.
  const reader = await Home.create({ settings: { compression: { engine } } });
  await cp(home.stateDir, reader.stateDir, { recursive: true, preserveTimestamps: true });
  await rm(join(reader.stateDir, 'clawback', 'cache'), { recursive: true, force: true });
  await cp(home.archiveDir, reader.archiveDir, { recursive: true });
  await reader.configure({ compression: { engine } });
  const verified = await reader.json<VerifyJson>('verify', '--read-data');
  expect(verified).toMatchObject({ differences: [], strayPacks: [], uncatalogued: [] });
  expect(verified.packsRead).toBe(verified.packs);
  const { sessions } = await reader.json<ListJson>('list');
  for (const { archiveId, agentId } of sessions) {
    await reader.json('restore', archiveId, '--to', join(reader.root, 'restored', agentId, archiveId));
  }
  for (const agentId of AGENTS) {
    const found = Object.entries(await readTree(join(reader.root, 'restored', agentId)));
    expect(Object.fromEntries(found.map(([path, state]) => [path.split('/').at(-1), state]))).toEqual(
      pick(before[agentId] ?? {}, gone[agentId] ?? []),
    );
  }
}

/** Times in a tar are whole seconds, and modes are subject to the user's umask. */
function contents(tree: Tree): Record<string, string> {
  return Object.fromEntries(Object.entries(tree).map(([name, { sha256 }]) => [name, sha256]));
}
