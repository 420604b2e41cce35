import { readFile, writeFile } from 'node:fs/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Archive } from '../../src/archive/archive.ts';
import type { Manifest, ManifestSession } from '../../src/manifest/manifest.ts';
import { writeMarks } from '../../src/marks/write-marks.ts';
import { planStep } from '../../src/plan/reclaim-steps.ts';
import { findArchivedCopies } from '../../src/recover/archived-copies.ts';
import { rowSha256 } from '../../src/sessions/canonical-json.ts';
import { FileSessionStore } from '../../src/sessions/file-session-store.ts';
import type { Row } from '../../src/sessions/session-store.ts';
import { FaultHome, threadRow } from '../support/faults.ts';
import { DAY_MS, uuid } from '../support/snapshot.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const KEY = 'agent:main:slack:channel:c01';
const ID = uuid(1);
const FLOOR_MS = 7 * DAY_MS;
const ROW = threadRow(ID, 10 * DAY_MS, {});

let home: FaultHome;

const RECORDER = `${uuid(2)}.trajectory.jsonl`;

/** A conversation and a lone flight recorder that were archived, and are here again as they were. */
beforeEach(async () => {
  home = await FaultHome.empty(await temporaryFolder());
  await putThere();
  await home.run();
  await putThere();
});

async function putThere(): Promise<void> {
  await home.addSession(ID, 10 * DAY_MS, 700);
  await home.addFile(RECORDER, 10 * DAY_MS, 2100);
  await home.writeRows({ [KEY]: ROW });
}

async function planned() {
  return planStep('copies', await home.lineStore(new FileSessionStore(home.storePath)).look(), FLOOR_MS);
}

/**
 * Which of them may be taken: the lone recorder, the row with all files. Never the row's own recorder alone: its next
 * generation would come back without it.
 */
async function copies(change: (archive: Archive) => void = () => {}, storeId = 'main'): Promise<string[]> {
  const archive = await home.archive();
  change(archive);
  const plan = await planned();
  expect(plan.selected.map(({ action }) => action).sort()).toEqual(['files', 'files', 'trim']);
  const found = await findArchivedCopies(archive, plan, { storeId, folders: home });
  return found.map(({ planned: { action, files } }) => `${action} ${files.length}`).sort();
}

/** An archive whose manifests say something else of the conversation. */
function saying(change: (session: ManifestSession) => Partial<ManifestSession>) {
  return (archive: Archive) => {
    const manifest = archive.manifest.bind(archive);
    archive.manifest = async (...args) => {
      const whole: Manifest = await manifest(...args);
      return { ...whole, sessions: whole.sessions.map((session) => ({ ...session, ...change(session) })) };
    };
  };
}

describe('what is here and in the archive, byte for byte', () => {
  it('is found, with its row and without', async () => {
    expect(await copies()).toEqual(['files 1', 'trim 3']);
  });

  it('is no row that is another by now', async () => {
    await home.writeRows({ [KEY]: { ...ROW, label: 'renamed' } });
    expect(await copies()).toEqual(['files 1']);
  });

  it('is no row one of whose files is another', async () => {
    await home.addFile(`${ID}.jsonl`, 10 * DAY_MS, 'x'.repeat(700));
    expect(await copies()).toEqual(['files 1']);
  });

  it('is no row that has a file more', async () => {
    await home.addFile(`${ID}.checkpoint.${uuid(5)}.jsonl`, 10 * DAY_MS, 50);
    expect(await copies()).toEqual(['files 1']);
  });

  it('is no file that is another', async () => {
    await home.addFile(RECORDER, 10 * DAY_MS, 'x'.repeat(2100));
    expect(await copies()).toEqual(['trim 3']);
  });

  it('is nothing of another store', async () => {
    expect(await copies(undefined, 'other')).toEqual([]);
  });

  it('is nothing that is forgotten', async () => {
    const archive = await home.archive();
    const archiveIds = (await archive.catalogue({ onDamage: () => {} })).map((row) => row.archive_id);
    await writeMarks(archive, await archive.marks(), 'forget', archiveIds, home.nowMs);
    expect(await copies()).toEqual([]);
  });

  it('is nothing whose pack would have to be thawed first', async () => {
    const cold = (archive: Archive) => {
      const stat = archive.objects.stat.bind(archive.objects);
      archive.objects.stat = async (...args) => ({
        ...(await stat(...args)),
        cold: { storage: 'GLACIER', state: 'cold' },
      });
    };
    expect(await copies(cold)).toEqual([]);
  });

  it('is nothing whose bytes were not kept', async () => {
    const files = ({ files }: ManifestSession) => files.map((file) => ({ ...file, place: null }));
    expect(await copies(saying((session) => ({ files: files(session) })))).toEqual([]);
  });

  it.each<[string, (session: ManifestSession) => Partial<ManifestSession>]>([
    ['another key', () => ({ sessionKey: 'agent:main:slack:channel:c02' })],
    ['another action', () => ({ action: 'remove', tombstone: null })],
    ['a tombstone that sends answers elsewhere', ({ tombstone }) => ({ tombstone: elsewhere(tombstone) })],
    ['another row', ({ row }) => ({ rowSha256: rowSha256({ ...row, x: 1 }) })],
  ])('is no row of which the manifest has %s', async (_what, change) => {
    expect(await copies(saying(change))).toEqual(['files 1']);
  });
});

function elsewhere(tombstone: Row | null): Row {
  return { ...tombstone, deliveryContext: { channel: 'slack', to: 'channel:EVIL' } };
}

it('a disk is freed of no copy whose pack is damaged: it is archived anew', async () => {
  const damaged = await (await home.archive()).batchIds();
  const pack = (await home.objectNames()).find((name) => name.includes('/packs/')) ?? '';
  const bytes = await readFile(pack);
  bytes[40] = (bytes[40] ?? 0) ^ 1;
  await writeFile(pack, bytes);
  home.nowMs += 1000;
  const tally = await home.freeDisk({ maxDiskBytes: 1, highWaterBytes: 1, protectedFloorMs: FLOOR_MS });
  expect(tally.problems.map(({ what }) => what)).toEqual([`batch ${damaged[0]}, of which copies are here`]);
  expect(tally.counts.protectedRowsTrimmed).toBe(1);
  const whole = (await (await home.archive()).batchIds()).filter((id) => !damaged.includes(id));
  expect(await home.lostFiles(whole)).toEqual([]);
});
