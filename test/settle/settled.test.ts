import { chmod, link, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FileSessionStore } from '../../src/sessions/file-session-store.ts';
import { LIVE_TIMES } from '../../src/sessions/live-times.ts';
import { Settled } from '../../src/settle/settled.ts';
import { makeStagingFolder, stageFile, writeJournal } from '../../src/settle/staged-files.ts';
import { Tombstoned } from '../../src/tombstone/tombstone-rows.ts';
import { archivedOf, entryOf, foldersOf } from '../support/sessions.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

it('files of rows that another process may put back are not freed at once', async () => {
  const folder = await temporaryFolder();
  const checked = { ready: [], done: [{ entry: entryOf(), files: [] }], abandoned: [] };
  const earlier = (store: FileSessionStore) => Tombstoned.byEarlierRun(store, foldersOf(folder), checked);
  const path = join(folder, 'sessions.json');
  const live = earlier(new FileSessionStore(path, { live: LIVE_TIMES }));
  expect(() => Settled.atOnce(live)).toThrow('their rows could still come back');
  expect(Settled.atOnce(earlier(new FileSessionStore(path))).sessions).toHaveLength(1);
});

describe('a file that is to wait', () => {
  async function staging() {
    const folder = await temporaryFolder();
    const file = await archivedOf(folder, 'a.jsonl', 'content');
    const staged = makeStagingFolder(folder);
    await writeJournal(folder, staged, [{ entry: entryOf(), files: [file] }]);
    return { folder, staged, file, path: join(folder, 'a.jsonl') };
  }

  it('is moved, and known by its new change time', async () => {
    const { folder, staged, file } = await staging();
    expect(await stageFile(foldersOf(folder), staged, file)).toMatchObject({
      name: 'a.jsonl',
      sha256: file.sha256,
    });
    expect((await readdir(staged)).sort()).toEqual(['a.jsonl', 'journal.json']);
  });

  it.each<[string, (path: string) => Promise<unknown>]>([
    ['was written to', (path) => writeFile(path, 'CONTENT')],
    ['got other permissions', (path) => chmod(path, 0o640)],
    ['got a second name', (path) => link(path, `${path}.second`)],
    [
      'is another one of the same bytes',
      async (path) => {
        await writeFile(`${path}.new`, 'content');
        await rename(`${path}.new`, path);
      },
    ],
  ])('stays where it is if it %s since it was hashed', async (_what, happen) => {
    const { folder, staged, file, path } = await staging();
    await happen(path);
    expect(await stageFile(foldersOf(folder), staged, file)).toMatchObject({
      why: 'it changed after it was archived',
    });
    expect(await readdir(staged)).toEqual(['journal.json']);
  });
});
