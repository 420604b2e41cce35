import { expect, test } from 'vitest';
import { chooseSelected } from '../../src/forget/choose.ts';
import { collect, GRACE_MS, mark } from '../support/collecting.ts';
import { FaultHome, threadRow } from '../support/faults.ts';
import { DAY_MS, uuid } from '../support/snapshot.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const KEY = 'agent:main:slack:channel:c01';

/** A conversation with a loose file of an earlier session, and another one in the same batch. */
async function withLooseFile(): Promise<FaultHome> {
  const home = await FaultHome.empty(await temporaryFolder());
  await home.addFile(`${uuid(64)}.jsonl.reset.2026-10-01T04-00-00.000Z`, 30 * DAY_MS, 500);
  // Nothing says yet whose it is.
  await home.run();
  home.nowMs += 60_000;
  for (const n of [1, 2]) await home.addSession(uuid(n), 10 * DAY_MS, 500);
  await home.writeRows({
    [KEY]: threadRow(uuid(1), 10 * DAY_MS, { usageFamilySessionIds: [uuid(64)] }),
    'agent:main:slack:channel:c02': threadRow(uuid(2), 10 * DAY_MS, {}),
  });
  await home.run();
  return home;
}

test('of a conversation that a collection has begun to delete its loose files are chosen too', async () => {
  const home = await withLooseFile();
  const archive = await home.archive();
  const before = await archive.catalogue();
  const whole = await chooseSelected(archive, before, KEY, undefined, undefined, {});
  const ids = whole.map((row) => row.archive_id).sort();
  expect(whole.map((row) => row.session_id).sort()).toEqual([uuid(1), uuid(64)].sort());

  // The loose file is not due yet.
  const begun = before.filter((row) => row.session_key === KEY).map((row) => row.archive_id);
  await mark(archive, 'forget', begun, home.nowMs);
  const objects = home.directory();
  objects.delete = () => Promise.reject(new Error('died'));
  const dying = collect(await home.archive(objects), home.nowMs + GRACE_MS);
  await expect(dying).rejects.toThrow('died');
  expect((await archive.catalogue()).map((row) => row.session_id)).toEqual([uuid(64), uuid(2)]);

  const rows = await archive.catalogue({ withBegun: true });
  expect(rows.map((row) => row.archive_id)).toEqual(before.map((row) => row.archive_id));
  const chosen = await chooseSelected(archive, rows, KEY, undefined, undefined, {});
  expect(chosen.map((row) => row.archive_id).sort()).toEqual(ids);
});
