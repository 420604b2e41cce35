import { mkdir, mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Writable } from 'node:stream';
import { writeModelRunStore } from '../demo/model-run-store.ts';
import { writeSlackStore } from '../demo/slack-store.ts';
import { ClawbackError } from '../errors.ts';
import { archive } from './archive.ts';
import { cat } from './cat.ts';
import { EXIT, type ExitCode, type GlobalFlags, type Io, type Verb } from './context.ts';
import { list } from './list.ts';
import { restore } from './restore.ts';
import { status } from './status.ts';
import { verify } from './verify.ts';

interface DemoFlags {
  readonly dir?: string;
}

/** Small enough for two seconds, with every kind of row and blocker of the two reports. */
const SHAPE = { sizeScale: 0.02, countScale: 0.1 };

/** The settings of the demo. The second line is what an operator decides; everything else is the default. */
const SETTINGS = `{
  // Off by default: nothing protected is touched until you ask for it.
  "retention": { "protectedPruneAfter": "7d" }
}
`;

/** A port of its own: a gateway that runs on this machine serves another store than the demo's. */
const OPENCLAW_SETTINGS = `${JSON.stringify({ gateway: { mode: 'local', port: 28_789 } }, null, 2)}\n`;

/** Runs the product on a store of its own making, in a folder of its own. */
export const demo: Verb<DemoFlags> = async (io, flags) => {
  assertOwn(flags);
  const folder = await demoFolder(flags.dir);
  const stateDir = join(folder, 'openclaw');
  const nowMs = io.clock.nowMs();
  await mkdir(stateDir);
  await writeFile(join(stateDir, 'openclaw.json'), OPENCLAW_SETTINGS);
  await writeModelRunStore({ stateDir, agentId: 'main', nowMs, ...SHAPE });
  const slack = await writeSlackStore({ stateDir, agentId: 'slack', nowMs, ...SHAPE });
  await writeFile(join(stateDir, 'clawback.json'), SETTINGS);
  // The demo's settings are its own: nothing of the user's environment may point it at a real archive.
  const own: Io = { ...io, env: { PATH: io.env.PATH } };
  const base: GlobalFlags = {
    stateDir,
    ...(flags.quiet ? { quiet: true } : {}),
    ...(flags.jobs ? { jobs: flags.jobs } : {}),
    ...(flags.json ? { json: true } : {}),
  };
  const say = (text: string) => void (flags.quiet || flags.json || io.stdout.write(text));
  const oldest = [...slack.sessions]
    .filter(({ blocker }) => blocker === undefined)
    .sort((a, b) => b.ageMs - a.ageMs)[0];
  const thread = oldest?.sessionKey ?? '';

  say(
    `A store like the two reports, a tenth of the size, in ${stateDir}\nIts clawback.json says: retention.protectedPruneAfter 7d. Everything else is the default.\n`,
  );
  const steps: readonly (readonly [string, () => Promise<ExitCode>])[] = [
    ['status', () => status(own, base)],
    ['archive', () => archive(own, base)],
    [
      "list --key '*:thread:*' --older-than 12d",
      () => list(own, { ...base, key: '*:thread:*', olderThan: '12d' }),
    ],
    ['verify --read-data', () => verify(own, { ...base, readData: true })],
    [`cat ${thread} | head`, () => (flags.json ? cat(own, base, thread) : catHead(own, base, thread, say))],
    [`restore ${thread}`, () => restore(own, base, thread)],
    ['archive', () => archive(own, base)],
  ];
  for (const [command, step] of steps) {
    if (io.signal.aborted) throw new ClawbackError('interrupted', 'demo: interrupted');
    say(`\n$ clawback ${command}\n`);
    const exitCode = await step();
    if (exitCode !== EXIT.done) return exitCode;
  }
  say(`\nLook around: clawback list --state-dir ${stateDir}\n`);
  return EXIT.done;
};

/** The flags that would point it at something of the user's. */
function assertOwn({ archive: url, stateDir, config }: GlobalFlags): void {
  const given = Object.entries({ '--archive': url, '--state-dir': stateDir, '--config': config });
  const names = given.flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (names.length === 0) return;
  throw new ClawbackError(
    'usage',
    `demo: ${names.join(', ')}: it has a store, settings and an archive of its own`,
    {
      hint: 'clawback demo --dir DIR says where; for your own store: clawback archive --dry-run',
    },
  );
}

async function demoFolder(dir: string | undefined): Promise<string> {
  if (dir === undefined) return mkdtemp(join(tmpdir(), 'clawback-demo-'));
  const folder = resolve(dir);
  await mkdir(folder, { recursive: true });
  if ((await readdir(folder)).length === 0) return folder;
  throw new ClawbackError('usage', `demo: ${folder} is not empty`, {
    hint: 'name a new folder: the demo never writes into one of yours',
  });
}

/** As `clawback cat … | head` would show it. */
async function catHead(
  io: Io,
  flags: GlobalFlags,
  selector: string,
  say: (text: string) => void,
): Promise<ExitCode> {
  const chunks: Buffer[] = [];
  const stdout = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  const exitCode = await cat({ ...io, stdout }, flags, selector);
  say(`${Buffer.concat(chunks).toString('utf8').split('\n').slice(0, 10).join('\n')}\n`);
  return exitCode;
}
