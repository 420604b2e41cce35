import { readdirSync, statSync } from 'node:fs';
import { readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Archive } from '../../src/archive/archive.ts';
import { CatalogueCache } from '../../src/archive/catalogue-cache.ts';
import { drillArchive } from '../../src/drill/drill.ts';
import { openArchive, openInstallation } from '../../src/installation.ts';
import type { LastDrill } from '../../src/state/local-state.ts';
import { seededRandom } from '../support/random.ts';
import { RecordingStore } from '../support/recording-store.ts';
import { clockAt, runCli } from '../support/run-cli.ts';
import { DAY_MS, Home } from './support/home.ts';
import { type Thread, threadOf, transcriptName, writeAged, writeThreadStore } from './support/rooms.ts';
import { oldThreadHome, TRIM } from './support/trimmed.ts';

interface DrillJson {
  readonly schema: string;
  readonly drilledAt: string;
  readonly archived: number;
  readonly sampled: number;
  readonly ok: boolean;
  readonly sessions: readonly {
    readonly archiveId: string;
    readonly agentId: string;
    readonly sessionKey: string | null;
    readonly files: number;
    readonly row: string;
    readonly differences: readonly {
      readonly file: string | null;
      readonly what: string;
      readonly text: string;
    }[];
    readonly notes: readonly { readonly file: string; readonly text: string }[];
  }[];
  readonly damaged: readonly { readonly what: string; readonly error: { readonly code: string } }[];
}

const AGENTS = ['a1', 'a2', 'a3'];
const SECRET = 'the quarterly numbers';

function threadOfAgent(home: Home, agentId: string): Thread {
  const ts = `176250000${AGENTS.indexOf(agentId)}.000000`;
  return threadOf('C0A', ts, {
    sessionId: `s-${agentId}`,
    updatedAtMs: home.nowMs - 9 * DAY_MS,
    text: SECRET,
  });
}

/** Three agents with a thread each, in a pack each. What a drill writes goes to `<root>/tmp`. */
async function home(prepare: (home: Home) => Promise<void> = async () => {}): Promise<Home> {
  const made = await Home.create({ settings: TRIM });
  vi.stubEnv('TMPDIR', tmpOf(made));
  for (const agentId of AGENTS)
    await writeThreadStore(made.storePath(agentId), { [agentId]: [threadOfAgent(made, agentId)] });
  await prepare(made);
  await made.json('archive');
  return made;
}

afterEach(() => vi.unstubAllEnvs());

const tmpOf = ({ root }: Home) => join(root, 'tmp');
const lastDrillPath = ({ stateDir }: Home) => join(stateDir, 'clawback', 'last-drill.json');

/** Whatever a drill found, its scratch folder is gone. */
async function drill(at: Home, exitCode: number, ...flags: string[]): Promise<DrillJson> {
  const result = await at.clawback('drill', '--json', ...flags);
  expect(await readdir(tmpOf(at))).toEqual([]);
  const { text } = result.expect(exitCode);
  expect(text).not.toContain(SECRET);
  return result.json<DrillJson>();
}

async function objectOf(at: Home, kind: 'packs' | 'manifests', agentId: string): Promise<string> {
  const { sessions } = await at.json<{ sessions: { archiveId: string; agentId: string }[] }>('list');
  const batchId = sessions.find((one) => one.agentId === agentId)?.archiveId.split('.')[0] ?? '?';
  const key = Object.keys(await at.objects()).find((one) => one.includes(`/${kind}/${batchId}`));
  return join(at.archiveDir, key ?? '?');
}

async function flipByte(path: string): Promise<void> {
  const bytes = await readFile(path);
  const at = Math.floor(bytes.length / 2);
  bytes[at] = (bytes[at] ?? 0) ^ 0x10;
  await writeFile(path, bytes);
}

const ofAgent = ({ sessions }: DrillJson, agentId: string) => sessions.find((one) => one.agentId === agentId);
const differing = ({ sessions }: DrillJson) =>
  sessions.filter(({ differences }) => differences.length > 0).map(({ agentId }) => agentId);

describe('a drill of a good archive', () => {
  test('restores as many as it is told to, proves each, and changes nothing but its own note', async () => {
    const at = await home();
    const objects = await at.objects();
    const json = await drill(at, 0, '--sample', '2');
    expect(json).toMatchObject({
      schema: 'clawback.drill/1',
      drilledAt: new Date(at.nowMs).toISOString(),
      archived: 3,
      sampled: 2,
      ok: true,
      damaged: [],
    });
    for (const session of json.sessions)
      expect(session).toMatchObject({ files: 1, row: 'whole', differences: [], notes: [] });
    expect(await at.objects()).toEqual(objects);
    expect(JSON.parse(await readFile(lastDrillPath(at), 'utf8'))).toEqual({
      atMs: at.nowMs,
      archive: `file://${at.archiveDir}`,
      archived: 3,
      sampled: 2,
      faults: 0,
    });
  });

  test('tries all of them where the sample is larger than the archive', async () => {
    const at = await home();
    const json = await drill(at, 0, '--sample', '1000');
    expect([json.archived, json.sampled]).toEqual([3, 3]);
    expect(json.sessions.map(({ agentId }) => agentId).sort()).toEqual(AGENTS);
    expect((await drill(at, 0)).sampled).toBe(3);
    expect((await drill(at, 0, '--agent', 'a2')).sessions.map(({ agentId }) => agentId)).toEqual(['a2']);
  });

  test('says so in words, without a word of a conversation', async () => {
    const at = await home();
    const { text } = (await at.clawback('drill')).expect(0);
    expect(text).toMatch(/^restored 3 of 3 archived sessions to a scratch folder/);
    expect(text.match(/^ {2}ok .* 1 file, .*, its row$/gm)).toHaveLength(3);
    expect(text).toMatch(/^all came back as archived/m);
    expect(text).not.toMatch(new RegExp(`DIFFERENT|undefined|${SECRET}`));
  });

  test('needs no store and no OpenClaw', async () => {
    const at = await home();
    await rm(join(at.stateDir, 'agents'), { recursive: true });
    await rm(join(at.stateDir, 'openclaw.json'));
    expect(await drill(at, 0)).toMatchObject({ sampled: 3, ok: true });
  });

  test('knows a session without a transcript by its row', async () => {
    const at = await home(async (made) =>
      rm(join(made.sessionsDir('a2'), transcriptName(threadOfAgent(made, 'a2')))),
    );
    expect(ofAgent(await drill(at, 0), 'a2')).toMatchObject({ files: 0, row: 'whole', differences: [] });
    expect((await at.clawback('drill', '--agent', 'a2')).expect(0).text).toMatch(/: no files, its row$/m);
  });

  test('says of a torn last line that it was archived so', async () => {
    const name = (made: Home) =>
      transcriptName(threadOfAgent(made, 'a1')).replace('.jsonl', '.trajectory.jsonl');
    const at = await home((made) =>
      writeAged(join(made.sessionsDir('a1'), name(made)), '{"seq":1}\n{"seq":2,"te', made.nowMs - 9 * DAY_MS),
    );
    const session = ofAgent(await drill(at, 0), 'a1');
    expect(session).toMatchObject({
      files: 2,
      differences: [],
      notes: [{ file: name(at), text: expect.stringMatching(/last line is torn: archived so/) }],
    });
  });
});

describe('a drill finds', () => {
  test('a transcript that is none, however well it was stored', async () => {
    const at = await home((made) =>
      writeAged(
        join(made.sessionsDir('a3'), transcriptName(threadOfAgent(made, 'a3'))),
        `{"type":"message"}\n${SECRET}\n`,
        made.nowMs - 9 * DAY_MS,
      ),
    );
    const json = await drill(at, 1);
    expect(ofAgent(json, 'a3')?.differences.map(({ what }) => what)).toEqual(['line', 'header']);
    expect(differing(json)).toEqual(['a3']);
  });

  test('a damaged pack, and tries the others all the same', async () => {
    const at = await home();
    await flipByte(await objectOf(at, 'packs', 'a2'));
    const json = await drill(at, 1);
    expect([json.ok, json.sampled, differing(json)]).toEqual([false, 3, ['a2']]);
    expect(ofAgent(json, 'a2')).toMatchObject({
      row: 'unread',
      differences: [{ file: null, what: 'restore' }],
    });
    const { text, stderr } = (await at.clawback('drill', '--quiet')).expect(1);
    expect([text, stderr.match(/DIFFERENT/g)?.length]).toEqual(['', 1]);
    expect((await at.clawback('drill')).expect(1).text).toMatch(/^1 fault: clawback verify --read-data/m);
  });

  test('a pack that lost its tail', async () => {
    const at = await home();
    const pack = await objectOf(at, 'packs', 'a1');
    await truncate(pack, Math.floor((await stat(pack)).size / 2));
    expect(differing(await drill(at, 1))).toEqual(['a1']);
  });

  test.each(['packs', 'manifests'] as const)('that one of the %s is missing', async (kind) => {
    const at = await home();
    await rm(await objectOf(at, kind, 'a3'));
    const json = await drill(at, 1);
    expect([json.archived, differing(json)]).toEqual([3, ['a3']]);
    expect(ofAgent(json, 'a3')?.differences[0]?.text).toMatch(/not found|is gone|there is no/);
  });

  test('a damaged manifest, and a damaged catalogue', async () => {
    const at = await home();
    await flipByte(await objectOf(at, 'manifests', 'a1'));
    expect(differing(await drill(at, 1))).toEqual(['a1']);
    const [catalogue = ''] = Object.keys(await at.objects()).filter((key) => key.includes('/catalogue/'));
    await flipByte(join(at.archiveDir, catalogue));
    await rm(join(at.stateDir, 'clawback', 'cache'), { recursive: true });
    const { damaged, sessions, ok } = await drill(at, 1);
    expect(damaged.map(({ what }) => what.split(' ')[0]).sort()).toEqual(['catalogue', 'manifest']);
    expect([sessions.length, ok]).toEqual([2, false]);
  });
});

describe('an empty archive', () => {
  test('is no failure, is said plainly, and is not remembered as a drill', async () => {
    const at = await home();
    await at.configure({ archive: `file://${at.archiveDir}-new` });
    expect(await drill(at, 0)).toMatchObject({ archived: 0, sampled: 0, ok: true, sessions: [] });
    expect((await at.clawback('drill')).expect(0).text).toMatch(
      /^nothing is archived in file:.*nothing to drill$/m,
    );
    await expect(stat(lastDrillPath(at))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('Ctrl-C', () => {
  test('in the middle of a restore leaves no scratch folder, which was its owner’s alone', async () => {
    const at = await home();
    const installation = await openInstallation({ env: at.env, clock: clockAt(at.nowMs) });
    const { objects, codec, instance } = await openArchive(installation, { create: false });
    const interrupt = new AbortController();
    const seen: { folder: string; mode: number }[] = [];
    const onGet = (key: string, bytes: Uint8Array) => {
      if (!key.includes('/packs/')) return bytes;
      for (const folder of readdirSync(tmpOf(at)))
        seen.push({ folder, mode: statSync(join(tmpOf(at), folder)).mode & 0o777 });
      interrupt.abort();
      return bytes;
    };
    const watched = new RecordingStore(objects, { corruptGet: onGet });
    const cache = new CatalogueCache(installation.state.cacheDir, watched.url);
    const archive = new Archive(watched, codec, instance, cache);
    const options = { sample: 3, random: seededRandom(7) };
    await expect(drillArchive(archive, options, interrupt.signal)).rejects.toMatchObject({
      code: 'interrupted',
    });
    expect(seen).toEqual([{ folder: expect.stringMatching(/^clawback-drill-/), mode: 0o700 }]);
    expect(await readdir(tmpOf(at))).toEqual([]);
  });

  test('ends with 130 and is not remembered as a drill', async () => {
    const at = await home();
    const result = await runCli(['drill'], { env: at.env, nowMs: at.nowMs, signal: AbortSignal.abort() });
    expect(result.exitCode).toBe(130);
    await expect(stat(lastDrillPath(at))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('a temporary folder that cannot be used', () => {
  test('says nothing about the archive: it is an error of its own, with what to do', async () => {
    const at = await home();
    vi.stubEnv('TMPDIR', join(at.root, 'nowhere'));
    const { stderr } = (await at.clawback('drill')).expect(1);
    expect(stderr).toMatch(/ENOENT\n.*TMPDIR=/);
    await expect(stat(lastDrillPath(at))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('the doctor', () => {
  interface DoctorJson {
    readonly checks: readonly {
      readonly name: string;
      readonly level: string;
      readonly findings: readonly { readonly text: string; readonly advice?: string }[];
    }[];
  }
  const check = async (at: Home, ...flags: string[]) => {
    const { checks } = await at.json<DoctorJson>('doctor', ...flags);
    const found = checks.find(({ name }) => name === 'drill');
    return { level: found?.level, ...found?.findings[0] };
  };

  test('asks for a drill where there was none', async () => {
    expect(await check(await home())).toMatchObject({
      level: 'warning',
      text: expect.stringContaining('no restore drill so far'),
      advice: 'clawback drill',
    });
  });

  test('asks for none where nothing was ever archived', async () => {
    expect(await check(await oldThreadHome())).toMatchObject({
      level: 'ok',
      text: expect.stringContaining('no restore drill is due'),
    });
  });

  test('is content for 35 days after a good one, and then asks again', async () => {
    const at = await home();
    await drill(at, 0);
    const good = {
      level: 'ok',
      text: 'last restore drill on 2026-11-21: 3 of 3 archived sessions tried, all came back',
    };
    expect(await check(at)).toEqual(good);
    at.nowMs += 35 * DAY_MS;
    expect(await check(at)).toEqual(good);
    at.nowMs += 1;
    expect(await check(at)).toMatchObject({
      level: 'warning',
      text: 'the last restore drill is 35 days old (2026-11-21)',
      advice: 'clawback drill',
    });
  });

  test('warns of a drill that failed, until one is good again', async () => {
    const at = await home();
    const pack = await objectOf(at, 'packs', 'a2');
    await rename(pack, `${pack}.away`);
    await drill(at, 1);
    expect(await check(at)).toMatchObject({
      level: 'warning',
      text: expect.stringMatching(/drill of 2026-11-21 FAILED: 1 /),
      advice: expect.stringContaining('verify --read-data'),
    });
    await rename(`${pack}.away`, pack);
    await drill(at, 0);
    expect((await check(at)).level).toBe('ok');
  });

  test('does not take a drill of another archive for one of this', async () => {
    const at = await home();
    await drill(at, 0);
    const other = `file://${at.root}/other`;
    expect((await check(at, '--archive', other)).text).toContain('of another archive');
    const last = JSON.parse(await readFile(lastDrillPath(at), 'utf8')) as LastDrill;
    await writeFile(lastDrillPath(at), JSON.stringify({ ...last, archive: other }));
    expect((await check(at)).level).toBe('warning');
  });

  test('counts a note that cannot be read as none', async () => {
    const at = await home();
    await writeFile(lastDrillPath(at), '{ torn');
    expect((await check(at)).text).toContain('no restore drill so far');
  });
});
