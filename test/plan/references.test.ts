import { describe, expect, it } from 'vitest';
import { type Folder, namesOf, References, transcriptPlace } from '../../src/plan/references.ts';
import type { ScannedFile } from '../../src/scan/scan.ts';
import type { StoreRow } from '../../src/sessions/session-store.ts';
import { DAY_MS, fileOf, rowOf, SESSIONS_DIR, snapshotOf, uuid } from '../support/snapshot.ts';

const FOLDER: Folder = { paths: [SESSIONS_DIR, '/real/sessions'], has: (name) => name === 'b.jsonl' };
const KEY = 'agent:main:slack:channel:c1';

describe('the transcript of a row', () => {
  it.each([
    ['its session id', { sessionId: 'a' }, { at: 'here', name: 'a.jsonl' }],
    [
      'a bare name',
      { sessionId: 'a', sessionFile: 'b-topic-1.2.jsonl' },
      { at: 'here', name: 'b-topic-1.2.jsonl' },
    ],
    ['a path into the folder', { sessionFile: `${SESSIONS_DIR}/b.jsonl` }, { at: 'here', name: 'b.jsonl' }],
    [
      'a path into the folder behind the link',
      { sessionFile: '/real/sessions/b.jsonl' },
      { at: 'here', name: 'b.jsonl' },
    ],
    [
      'a roundabout path into the folder',
      { sessionFile: `${SESSIONS_DIR}/x/../b.jsonl` },
      { at: 'here', name: 'b.jsonl' },
    ],
    ['spaces around a name', { sessionFile: ' b.jsonl ' }, { at: 'here', name: 'b.jsonl' }],
    ['an empty name', { sessionId: 'a', sessionFile: ' ' }, { at: 'here', name: 'a.jsonl' }],
    ['a name that is no text', { sessionId: 'a', sessionFile: 5 }, { at: 'here', name: 'a.jsonl' }],
    [
      'the path of a container, if the file is here',
      { sessionFile: '/home/node/.openclaw/agents/main/sessions/b.jsonl' },
      { at: 'here', name: 'b.jsonl' },
    ],
    [
      'the path of a container, if the file is not here',
      { sessionFile: '/home/node/.openclaw/agents/main/sessions/other.jsonl' },
      { at: 'elsewhere' },
    ],
    [
      'the path of another agent',
      { sessionFile: '/home/node/.openclaw/agents/other/sessions/b.jsonl' },
      { at: 'elsewhere' },
    ],
    ['a path elsewhere', { sessionId: 'a', sessionFile: '/tmp/b.jsonl' }, { at: 'elsewhere' }],
    ['a path that leads out', { sessionFile: `${SESSIONS_DIR}/../b.jsonl` }, { at: 'elsewhere' }],
    ['a path into a folder below', { sessionFile: `${SESSIONS_DIR}/x/b.jsonl` }, { at: 'elsewhere' }],
    ['a relative path that leads out', { sessionFile: '../b.jsonl' }, { at: 'elsewhere' }],
    ['two dots', { sessionFile: '..' }, { at: 'elsewhere' }],
    ['the folder itself', { sessionFile: '.' }, { at: 'elsewhere' }],
    ['nothing', {}, { at: 'nowhere' }],
    ['an id that is no file name', { sessionId: '../a' }, { at: 'nowhere' }],
  ])('is told by %s', (_what, row, place) => {
    expect(transcriptPlace(row, FOLDER)).toEqual(place);
  });
});

describe('the files of a row', () => {
  it('are everything that hangs on its id and on its transcript', () => {
    const row = {
      sessionId: 'a',
      sessionFile: 'b-topic-1.jsonl',
      compactionCheckpoints: [{ preCompaction: { sessionFile: 'c.jsonl' } }],
    };
    const ends = [
      '.jsonl',
      '.trajectory.jsonl',
      '.trajectory-path.json',
      '.jsonl.codex-app-server.json',
      '.jsonl.lock',
    ];
    const expected = [...['a', 'b-topic-1'].flatMap((base) => ends.map((end) => base + end)), 'c.jsonl'];
    expect([...namesOf(row, FOLDER)].sort()).toEqual(expected.sort());
  });

  it.each([
    ['no list', 'x'],
    ['no objects', [null, 5, 'x']],
    ['no files', [{}, { preCompaction: null }, { preCompaction: { sessionFile: 5 } }]],
    ['files elsewhere', [{ postCompaction: { sessionFile: '../x.jsonl' } }]],
  ])('are not more for checkpoints that are %s', (_what, compactionCheckpoints) => {
    expect(namesOf({ sessionId: 'a', compactionCheckpoints }, FOLDER)).toEqual(
      namesOf({ sessionId: 'a' }, FOLDER),
    );
  });
});

describe('references between rows', () => {
  it('tell which files exist, which are shared, and whose child a row is', () => {
    const rows = [
      rowOf(KEY, DAY_MS, { sessionId: uuid(1), usageFamilySessionIds: [uuid(7)] }),
      rowOf('agent:main:a', DAY_MS, { sessionId: uuid(2), spawnedBy: KEY, parentSessionKey: KEY }),
      rowOf('agent:main:b', DAY_MS, { sessionId: uuid(3), sessionFile: `${uuid(2)}.jsonl` }),
    ];
    const files = [fileOf(`${uuid(1)}.jsonl`, 0), fileOf(`${uuid(9)}.jsonl`, 0)];
    const references = new References(snapshotOf({ rows, files }));
    expect(rows.map(({ row }) => references.isShared(row))).toEqual([false, true, true]);
    expect(references.filesOf(rows[0]?.row ?? {}).map(({ name }) => name)).toEqual([`${uuid(1)}.jsonl`]);
    expect([`${uuid(1)}.jsonl`, `${uuid(9)}.jsonl`].map((name) => references.isReferenced(name))).toEqual([
      true,
      false,
    ]);
    expect(references.childrenOf(KEY).map(({ sessionKey }) => sessionKey)).toEqual(['agent:main:a']);
    expect([uuid(7), uuid(1), uuid(8)].map((id) => references.keyOfFamilyMember(id))).toEqual([
      KEY,
      KEY,
      null,
    ]);
  });

  describe('to an interim session, whose transcript was left behind when an older one was resumed', () => {
    const INTERIM = uuid(7);
    const base = `${INTERIM}-topic-1.2`;
    const owner = rowOf(KEY, DAY_MS, { sessionId: uuid(1), usageFamilySessionIds: [INTERIM, uuid(8)] });
    const left = [
      fileOf(`${base}.jsonl`, 0),
      fileOf(`${base}.trajectory.jsonl`, 0),
      fileOf(`${base}.trajectory-path.json`, 0),
      fileOf(`${base}.jsonl.reset.2026-11-01T04-00-00.000Z`, 0),
    ];
    const owned = (rows: readonly StoreRow[], files: readonly ScannedFile[] = left) =>
      new References(snapshotOf({ rows, files })).filesOf(owner.row).map(({ name }) => name);

    it('make its files the row’s, all of them', () => {
      expect(owned([owner])).toEqual(left.map(({ name }) => name));
      const references = new References(snapshotOf({ rows: [owner], files: left }));
      expect(left.every(({ name }) => references.isReferenced(name))).toBe(true);
      expect(references.interimIdsOf(owner.row)).toEqual([INTERIM]);
    });

    it('bring a lock along, so that the row is kept', () => {
      expect(owned([owner], [...left, fileOf(`${base}.jsonl.lock`, 0)])).toContain(`${base}.jsonl.lock`);
    });

    it.each<[string, readonly StoreRow[]]>([
      ['another row runs under that id', [owner, rowOf('agent:main:live', 0, { sessionId: INTERIM })]],
      [
        'another row names the transcript',
        [owner, rowOf('agent:main:live', 0, { sessionId: uuid(2), sessionFile: `${base}.jsonl` })],
      ],
      [
        'another row claims it too',
        [owner, rowOf('agent:main:other', 0, { sessionId: uuid(3), usageFamilySessionIds: [INTERIM] })],
      ],
      [
        'a row of the same name in a neighbouring store claims it too',
        [owner, { ...owner, row: { ...owner.row, sessionId: uuid(4) } }],
      ],
    ])('do not count if %s', (_what, rows) => {
      expect(owned(rows)).toEqual([]);
    });

    it('do not reach what a reset has left: without a transcript of its own it is archived by itself', () => {
      expect(owned([owner], left.slice(1))).toEqual([]);
    });

    it('end with the tombstone', () => {
      const clawback = { v: 1, archiveId: 'a', sessionId: uuid(1) };
      const row = { ...owner.row, updatedAt: 0, clawback };
      const references = new References(snapshotOf({ rows: [{ sessionKey: KEY, row }], files: left }));
      expect(references.filesOf(row)).toEqual([]);
      expect(references.isReferenced(`${base}.jsonl`)).toBe(false);
    });

    it.each([[['../x', '', 5, null]], ['x'], [null]])(
      'are none for a family of %j',
      (usageFamilySessionIds) => {
        const row = { sessionId: uuid(1), usageFamilySessionIds };
        const references = new References(snapshotOf({ rows: [{ sessionKey: KEY, row }], files: left }));
        expect(references.filesOf(row)).toEqual([]);
      },
    );
  });

  it('count neighbouring stores in', () => {
    const row = { sessionId: uuid(1) };
    const references = new References(
      snapshotOf({ rows: [{ sessionKey: KEY, row }], neighbourRows: [{ sessionKey: 'agent:other:x', row }] }),
    );
    expect(references.isShared(row)).toBe(true);
  });
});
