import { readFile, rm, stat, utimes, writeFile, appendFile, mkdir, access } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { encodeManifest, type Manifest } from '../../src/manifest/manifest.ts';
import { manifestKey } from '../../src/manifest/keys.ts';
import { selectArchived } from '../../src/restore/select.ts';
import { planRestore, restoreInPlace } from '../../src/restore/restore-in-place.ts';
import { FileSessionStore } from '../../src/sessions/file-session-store.ts';
import { openCodec } from '../../src/codec/open.ts';
import { rowSha256 } from '../../src/sessions/canonical-json.ts';
import { Mortal, mortalObjects } from '../support/dying-calls.ts';
import { FaultHome, INSTANCE, sha256, threadRow } from '../support/faults.ts';
import { DAY_MS, NOW_MS, uuid } from '../support/snapshot.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const exists = (p: string) => access(p).then(() => true, () => false);
async function empty() { return FaultHome.empty(await temporaryFolder()); }
const KEY = 'agent:main:slack:channel:c01:thread:1700000000.000100';

async function oneThread(home: FaultHome, fields = {}) {
  await home.addSession(uuid(1), 10 * DAY_MS, 500);
  await home.writeRows({ [KEY]: threadRow(uuid(1), 10 * DAY_MS, fields) });
}

/** dies right before the tombstone commit: manifest durable, store untouched */
async function dieBeforeCommit(home: FaultHome) {
  const real = new FileSessionStore(home.storePath);
  await home.run({ sessions: { kind: 'file', path: real.path, read: () => real.read(), commit: async () => { throw new Error('died'); } }, }).catch(() => {});
  // catalogue must be missing
  const archive = await home.archive();
  expect((await archive.uncataloguedBatchIds()).length).toBeGreaterThan(0);
}

async function plantManifest(home: FaultHome, change: (m: Manifest) => unknown, batchId = '20261120t090000z-00000bad-0001') {
  const archive = await home.archive();
  const codec = await openCodec('auto');
  const base: Manifest = {
    format: 'clawback.manifest/1', tool: 't', instance: INSTANCE, runId: batchId.slice(0, -5), batchId,
    createdAt: new Date(NOW_MS).toISOString(), source: { kind: 'openclaw-file-store', storeId: 'main' }, verified: 'content', packs: [], sessions: [],
  };
  const m = change(base) ?? base;
  await archive.objects.put(manifestKey(INSTANCE, batchId), codec.compress(encodeManifest(m as Manifest), 3));
}

test.each(['sessions.jsonl', 'a\\b.jsonl', 'sessions.json-x.jsonl.deleted.2026-10-02T04-00-00.000Z'])('R1 poison name %s', async (name) => {
  const home = await empty(); await oneThread(home);
  await home.addFile(name, 30 * DAY_MS, 100);
  await home.addFile(`${uuid(5)}.jsonl`, 30 * DAY_MS, 100);
  const t = await home.run();
  console.log(name, t.failures, t.problems);
  expect(await home.lostFiles()).toEqual([]);
});

test('R2 recovery with changed transcript', async () => {
  const home = await empty(); await oneThread(home);
  await dieBeforeCommit(home);
  await appendFile(join(home.sessionsDir, `${uuid(1)}.jsonl`), 'more\n');
  home.nowMs += 20 * DAY_MS;
  await utimes(join(home.sessionsDir, `${uuid(1)}.jsonl`), (NOW_MS + DAY_MS)/1000, (NOW_MS+DAY_MS)/1000);
  const t = await home.run();
  console.log(t.counts, t.leftAlone);
  const row = (await home.rows())[KEY] as any;
  const archive = await home.archive();
  const id = row.clawback.archiveId;
  const m = await archive.manifest(id.split('.')[0]);
  const s = m.sessions.find(s => s.archiveId === id)!;
  console.log(row, s.files.map(f => [f.name, f.size]), await exists(join(home.sessionsDir, `${uuid(1)}.jsonl`)), (await archive.catalogue()).map(r => [r.archive_id, r.session_key, r.action, r.files, r.raw_bytes]));
  expect(s.files.find(f => f.name === `${uuid(1)}.jsonl`)!.size).toBe(505);
});

test('R3 keepTranscripts turned on after a run that died', async () => {
  const home = await empty();
  const id = `model-run-${uuid(16)}`;
  await home.addSession(id, 2 * DAY_MS, 300);
  await home.writeRows({ [`agent:main:explicit:${id}`]: { sessionId: id, updatedAt: NOW_MS - 2 * DAY_MS, status: 'done' } });
  home.keepModelRunFiles = false;
  await dieBeforeCommit(home);
  home.keepModelRunFiles = true;
  const t = await home.run();
  console.log(t.counts);
  expect(await home.lostFiles()).toEqual([]);
});

function forgedSession(home: FaultHome, over: object) {
  return { archiveId: '20261120t090000z-00000bad-0001.0', sessionKey: null, sessionId: uuid(9), agentId: 'main', kind: 'model-run', protected: false, action: 'remove', lastActivityMs: null, row: null, rowSha256: null, tombstone: null, files: [], ...over };
}
const victimFile = async (home: FaultHome, name: string, over: object = {}) => { const b = await readFile(join(home.sessionsDir, name)); return { name, kind: 'transcript', size: b.length, sha256: sha256(b), mode: 0o600, mtimeMs: 0, place: null, ...over }; };

test('R4a forged done manifest with place null deletes an orphan victim', async () => {
  const home = await empty();
  await home.addFile(`${uuid(5)}.jsonl`, DAY_MS/24/2, 100);
  const f = await victimFile(home, `${uuid(5)}.jsonl`);
  await plantManifest(home, (m) => { (m as any).sessions = [forgedSession(home, { sessionKey: 'agent:main:gone', files: [f] })]; });
  const t = await home.run(); console.log(t.counts, t.problems);
  expect(await home.lostFiles()).toEqual([]);
});
test('R4b forged ready manifest names the file of another row', async () => {
  const home = await empty(); await oneThread(home);
  await home.addSession(uuid(7), 0.01 * DAY_MS, 100);
  const rows = await home.rows(); rows['agent:main:slack:channel:live'] = threadRow(uuid(7), 0.01*DAY_MS, { status: 'running' }); await home.writeRows(rows);
  const f = await victimFile(home, `${uuid(7)}.jsonl`, { place: { frame: 0, offset: 0 } });
  const row = rows[KEY]!;
  await plantManifest(home, (m) => { (m as any).sessions = [forgedSession(home, { kind: 'thread', protected: true, action: 'trim', sessionKey: KEY, row, rowSha256: rowSha256(row), tombstone: { sessionId: 'x', updatedAt: 0 }, files: [f] })]; });
  const t = await home.run(); console.log(t.counts, t.problems);
  expect(await home.lostFiles()).toEqual([]);
});
test('R4c forged trim with tombstone null removes a protected row', async () => {
  const home = await empty(); await oneThread(home);
  const row = (await home.rows())[KEY]!;
  await plantManifest(home, (m) => { (m as any).sessions = [forgedSession(home, { kind: 'thread', protected: true, action: 'trim', sessionKey: KEY, row, rowSha256: rowSha256(row), tombstone: null, files: [] })]; });
  await home.run().catch(e => console.log(e));
  expect(Object.keys(await home.rows())).toEqual([KEY]);
});
test('R4d forged tombstone rewrites routing', async () => {
  const home = await empty(); await oneThread(home);
  const row = (await home.rows())[KEY]!;
  await plantManifest(home, (m) => { (m as any).sessions = [forgedSession(home, { kind: 'thread', protected: true, action: 'trim', sessionKey: KEY, row, rowSha256: rowSha256(row), tombstone: { sessionId: 'x', updatedAt: 0, deliveryContext: { channel: 'evil' } }, files: [] })]; });
  await home.run().catch(e => console.log(e));
  expect(((await home.rows())[KEY] as any).deliveryContext.channel).toBe('slack');
});
test('R12 forged manifests do not block the run', async () => {
  for (const over of [{ packs: [{ key: '../../etc/passwd', storedBytes: 0, sha256: 'a'.repeat(64), rawBytes: 0, engine: 'node', level: 3, encryption: 'none', frames: [] }] }, { sessions: 'late' }] as any[]) {
    const home = await empty(); await oneThread(home);
    await plantManifest(home, (m) => ({ ...m, ...over, ...(over.sessions === 'late' ? { sessions: [forgedSession(home, { lastActivityMs: 1e300, action: 'trim', sessionKey: 'x', tombstone: { sessionId: 'q', sessionFile: 'q.jsonl' } })] } : {}) }));
    const t = await home.run().then(t => [t.problems, t.counts.protectedRowsTrimmed], e => ['THROWN', String(e), e.code]);
    console.log(JSON.stringify(over).slice(0, 60), t);
    const c = await (await home.archive()).catalogue().then(r => r.length, e => String(e)); console.log('catalogue', c);
  }
});

test('R5 restore removes the stub of a row that was touched by an inbound message only', async () => {
  const home = await empty(); await oneThread(home);
  await home.run();
  const rows = await home.rows(); const t0 = rows[KEY] as any;
  const stub = t0.sessionFile as string;
  rows[KEY] = { ...t0, updatedAt: NOW_MS + 5 }; await home.writeRows(rows);
  const archive = await home.archive();
  const cat = await archive.catalogue(); const m = await archive.manifest(cat[0]!.batch_id);
  const target = { sessions: new FileSessionStore(home.storePath), sessionsDir: home.sessionsDir, assertMayCommit: async () => {}, hasPrompt: () => true };
  const opts = { force: false, resume: false, nowMs: NOW_MS };
  const plan = await planRestore(m.sessions[0]!, target, opts);
  console.log(plan.row);
  await restoreInPlace(archive, m, plan, target, opts);
  expect(await exists(join(home.sessionsDir, stub))).toBe(true);
});
test('R5b recovery removes the stub of a revived row', async () => {
  const home = await empty(); await oneThread(home);
  // die at catalogue
  const objects = home.directory();
  await home.run({ objects: new Proxy(objects, { get(t, p) { if (p === 'put') return async (k: string, b: Uint8Array) => { if (k.includes('/catalogue/')) throw new Error('died'); return t.put(k, b); }; const v = (t as any)[p]; return typeof v === 'function' ? v.bind(t) : v; } }) });
  const rows = await home.rows(); const t0 = rows[KEY] as any; const stub = t0.sessionFile as string;
  expect(await exists(join(home.sessionsDir, stub))).toBe(true);
  rows[KEY] = { ...t0, updatedAt: NOW_MS + 5 }; await home.writeRows(rows);
  await home.run();
  expect(await exists(join(home.sessionsDir, stub))).toBe(true);
});
test('R6 a row that came back hides the transcript', async () => {
  const home = await empty(); await oneThread(home);
  const before = await home.rows();
  await home.run();
  await home.writeRows(before); // a gateway wrote its memory back
  home.nowMs += 1000;
  await home.run();
  const archive = await home.archive();
  const picked = selectArchived(await archive.catalogue(), KEY);
  console.log((await archive.catalogue()).map(r => [r.archive_id, r.archived_at, r.files, r.session_id]), picked.archive_id);
  expect(picked.files).toBe(3);
});
test('R7 a row that spells the folder otherwise keeps its transcript', async () => {
  const home = await empty();
  await home.addSession(`${uuid(1)}-topic-1`, 10 * DAY_MS, 500);
  home.policy = { ...home.policy }; delete (home.policy as any).protectedPruneAfterMs;
  await home.writeRows({ [KEY]: threadRow(uuid(1), 10 * DAY_MS, { sessionFile: `/other/spelling/agents/main/sessions/${uuid(1)}-topic-1.jsonl`, pinnedAt: 5 }) });
  await home.run();
  expect(await exists(join(home.sessionsDir, `${uuid(1)}-topic-1.jsonl`))).toBe(true);
});
test('R10 mtime before 1970', async () => {
  const home = await empty(); await oneThread(home);
  await utimes(join(home.sessionsDir, `${uuid(1)}.jsonl`), -86400.5, -86400.5);
  const t = await home.run(); console.log(t.failures, t.problems, t.counts.protectedRowsTrimmed);
  expect(t.failures).toEqual([]);
});
test('R11 __proto__ in a row', async () => {
  const home = await empty(); await home.addSession(uuid(1), 10*DAY_MS, 10);
  const row = JSON.stringify(threadRow(uuid(1), 10 * DAY_MS, {})).replace('{', '{"__proto__":{"a":1},"constructor":5,');
  await writeFile(home.storePath, `{"${KEY}": ${row}, "__proto__": {"sessionId":"${uuid(2)}","updatedAt":${NOW_MS - 10*DAY_MS}}}`);
  const t = await home.run(); console.log(t.failures, t.problems, t.leftAlone, t.counts.protectedRowsTrimmed);
  console.log(await readFile(home.storePath, 'utf8'));
  const archive = await home.archive();
  const ms = await archive.manifests(await archive.batchIds());
  const s = ms[0]!.sessions[0]!;
  expect(rowSha256(s.row)).toBe(s.rowSha256);
});
test('R15 recovery deletes files that a restore had put back before it died', async () => {
  const home = await empty(); await oneThread(home);
  const bytes = await readFile(join(home.sessionsDir, `${uuid(1)}.jsonl`));
  const objects = home.directory();
  await home.run({ objects: new Proxy(objects, { get(t, p) { if (p === 'put') return async (k: string, b: Uint8Array) => { if (k.includes('/catalogue/')) throw new Error('died'); return t.put(k, b); }; const v = (t as any)[p]; return typeof v === 'function' ? v.bind(t) : v; } }) });
  await writeFile(join(home.sessionsDir, `${uuid(1)}.jsonl`), bytes);
  home.restoredAtMs.set(uuid(1), NOW_MS);
  await home.run();
  expect(await exists(join(home.sessionsDir, `${uuid(1)}.jsonl`))).toBe(true);
});
test('R19 forged tombstone writes stub into 0-byte victim', async () => {
  const home = await empty(); await oneThread(home);
  await home.addFile('victim.jsonl', DAY_MS / 48, 0);
  const row = (await home.rows())[KEY]!;
  await plantManifest(home, (m) => { (m as any).sessions = [forgedSession(home, { kind: 'thread', protected: true, action: 'trim', sessionKey: KEY, row, rowSha256: rowSha256(row), tombstone: { sessionId: uuid(3), updatedAt: 0, sessionFile: 'victim.jsonl' }, files: [] })]; });
  await home.run().catch(e => console.log(e));
  expect((await stat(join(home.sessionsDir, 'victim.jsonl'))).size).toBe(0);
});
