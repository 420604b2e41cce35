import { z } from 'zod';
import { timetableProblem } from '../schedule/timetable.ts';
import { archiveUrlProblem, endpointProblem } from './archive-url.ts';
import {
  DAY_MS,
  DURATION_PATTERN,
  type DurationReading,
  HOUR_MS,
  MINUTE_MS,
  readDuration,
} from './duration.ts';
import { checked, key } from './key-doc.ts';
import { healthcheckUrlProblem, textfileProblem } from './monitoring-values.ts';
import { type HighWater, readHighWater, readSize, SIZE_PATTERN } from './size.ts';

export const MAX_JOBS = 64;
/** The highest level of the WASM engine; `node:zlib` goes further. */
export const MAX_WASM_LEVEL = 9;
const MAX_LEVEL = 19;
/** Whoever has written waits for it, and so does a run that wants the store's lock meanwhile. */
const MAX_DEADLINE_MS = 30_000;

const DURATION = 'a duration with a unit, such as 90d, 24h or 30m';
const SIZE = 'a size with a unit, such as 500MB or 2GB';
const durationSchema = { type: 'string', pattern: DURATION_PATTERN.source };
const off = [{ const: 'off' }, { const: false }];

interface LowerLimit {
  readonly ms: number;
  readonly text: string;
}

const HOUR: LowerLimit = { ms: HOUR_MS, text: '1h' };

function readAtLeast(given: unknown, least: LowerLimit | undefined): { value: number } | { problem: string } {
  const reading: DurationReading = readDuration(given);
  if ('problem' in reading) return reading;
  if (least && reading.ms < least.ms) return { problem: `is shorter than ${least.text}` };
  return { value: reading.ms };
}

/** An age in milliseconds; undefined is off. */
function age(about: string, fallback: string, least?: LowerLimit) {
  const schema = checked<number | undefined>((given) =>
    given === 'off' || given === false ? { value: undefined } : readAtLeast(given, least),
  ).prefault(fallback);
  const allowed = `${DURATION}${least ? `, at least ${least.text}` : ''}; or off`;
  return key(schema, {
    about,
    allowed,
    fallback,
    kind: 'text',
    jsonSchema: { anyOf: [durationSchema, ...off] },
  });
}

function text(about: string, pattern: RegExp, allowed: string) {
  return key(z.string().regex(pattern).optional(), { about, allowed, fallback: 'not set', kind: 'text' });
}

function url(
  about: string,
  allowed: string,
  fallback: string,
  problemOf: (url: string) => string | undefined,
) {
  const schema = checked((given) => {
    const problem = typeof given === 'string' ? problemOf(given) : 'is not a URL';
    return problem === undefined ? { value: given as string } : { problem };
  }).optional();
  return key(schema, { about, allowed, fallback, kind: 'text', jsonSchema: { type: 'string' } });
}

function flag(about: string, fallback: boolean) {
  const schema = z.boolean().prefault(fallback);
  return key(schema, { about, allowed: 'true or false', fallback: String(fallback), kind: 'boolean' });
}

function choice<const Name extends string>(about: string, names: readonly [Name, ...Name[]], fallback: Name) {
  const allowed = names.join(', ');
  return key(z.enum(names).prefault(fallback as never), { about, allowed, fallback, kind: 'text' });
}

function perKind(rows: string) {
  return age(`Age at which ${rows} are archived and removed.`, 'off');
}

const count = checked<number | undefined>((given) => {
  if (given === 'off' || given === false) return { value: undefined };
  if (Number.isSafeInteger(given) && (given as number) > 0) return { value: given as number };
  return { problem: 'is not a count' };
});

/**
 * The single source of the config: what is accepted, the defaults, the JSON
 * Schema, the names in the environment and the table of `docs/config.md`.
 */
export const configSchema = z.strictObject({
  archive: url(
    'Where archived conversations go: a folder, or a bucket and a prefix in it.',
    'file:///absolute/dir or s3://bucket/prefix, without credentials',
    'file://<stateDir>/clawback/archive',
    archiveUrlProblem,
  ),
  instance: key(
    z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{2,40}$/)
      .optional(),
    {
      about:
        'The name of this OpenClaw in a shared bucket. Everything it writes lies under it, so no two hosts may share one.',
      allowed: '3 to 41 of a-z 0-9 -, the first not a -',
      fallback: 'an id made once and kept in the state dir',
      kind: 'text',
    },
  ),
  s3: z
    .strictObject({
      endpoint: url(
        'The server, where it is not AWS.',
        'http://host[:port] or https://host[:port], without credentials',
        "the SDK's",
        endpointProblem,
      ),
      region: text('The region of the bucket.', /^[a-z0-9-]{1,40}$/, 'a region name such as eu-central-1'),
      forcePathStyle: key(z.boolean().optional(), {
        about: 'Puts the bucket into the path instead of the host name, as MinIO and most others need it.',
        allowed: 'true or false',
        fallback: "the SDK's",
        kind: 'boolean',
      }),
      storageClass: text(
        'The storage class of every object. Classes that must be thawed are refused: what was stored is read back before anything local goes, and again by every restore.',
        /^(?!GLACIER$|DEEP_ARCHIVE$)[A-Z][A-Z0-9_]{0,63}$/,
        'a class that can be read at once, such as STANDARD, STANDARD_IA or GLACIER_IR; not GLACIER or DEEP_ARCHIVE',
      ),
      sse: text(
        'Server-side encryption asked for with every object.',
        /^(?:AES256|aws:kms|aws:kms:dsse)$/,
        'AES256, aws:kms or aws:kms:dsse',
      ),
    })
    .prefault({}),
  retention: z
    .strictObject({
      protectedPruneAfter: age(
        'Age at which a protected conversation (channel, group, thread, topic) is trimmed to its routing. Off until set: the protection that OpenClaw gives today holds. Less than an hour is refused, because OpenClaw writes the rows of a conversation in progress back from memory.',
        'off',
        HOUR,
      ),
      protectedRemoveAfter: age(
        "Time after its archiving at which the routing tombstone of a protected conversation is removed too, so that it no longer counts against OpenClaw's maxEntries. From then until somebody writes there, OpenClaw has no address for that conversation: cron jobs, reminders and other proactive messages do not reach it. Settings, routing and transcript stay in the archive, and restore brings them back.",
        'off',
        { ms: 30 * DAY_MS, text: '30d' },
      ),
      modelRunPruneAfter: age(
        'Age at which the rows of model-run probes (agent:*:explicit:model-run-<uuid>) are archived and removed. OpenClaw 2026.7.1 and later uses the same 24 hours.',
        '24h',
      ),
      perKind: z
        .strictObject({
          cron: perKind('rows of cron runs'),
          hook: perKind('rows of hooks and heartbeats'),
          subagent: perKind('rows of subagents'),
          acp: perKind('rows of ACP sessions'),
          direct: perKind('direct conversations'),
          slash: perKind('rows of native slash commands'),
          main: perKind('the main conversations of agents'),
          other: perKind('rows of no other kind (dashboard, explicit ids, …)'),
        })
        .prefault({}),
      orphanPruneAfter: age(
        'Age at which files that no row references (.reset.*, .deleted.*, .bak-*, orphan transcripts, trajectories and checkpoints) are archived and removed.',
        '7d',
      ),
      pruneAfter: age('Age at which ordinary rows of any kind are archived and removed.', 'off'),
      maxEntries: key(count.prefault('off'), {
        about:
          'Number of ordinary rows to keep; the oldest above it are archived and removed. Protected rows are not counted and not touched.',
        allowed: 'a whole number from 1; or off',
        fallback: 'off',
        kind: 'integer',
        jsonSchema: { anyOf: [{ type: 'integer', minimum: 1 }, ...off] },
      }),
      minIdle: key(
        checked<number>((given) => readAtLeast(given, { ms: MINUTE_MS, text: '1m' })).prefault('1h'),
        {
          about: 'Nothing younger is ever touched, whatever the other ages say.',
          allowed: `${DURATION}, at least 1m`,
          fallback: '1h',
          kind: 'text',
          jsonSchema: durationSchema,
        },
      ),
    })
    .prefault({}),
  modelRun: z
    .strictObject({
      keepTranscripts: flag(
        'Whether the files of model-run probes are archived. false deletes them and keeps only the row in the catalogue.',
        true,
      ),
    })
    .prefault({}),
  tombstone: z
    .strictObject({
      stub: flag(
        "Whether a trimmed row keeps a transcript of one message, which protects it from OpenClaw's sessions cleanup --fix-missing.",
        true,
      ),
    })
    .prefault({}),
  restore: z
    .strictObject({
      onMessage: age(
        'How long ago an archived conversation may have been active for a message to bring it back by itself, transcript and all, before the agent answers. Needs the plugin in the gateway. The age is that of the last activity in the archived generation, not of the archiving.',
        'off',
      ),
      deadline: key(
        checked<number>((given) => {
          const reading = readDuration(given);
          if ('problem' in reading) return reading;
          return reading.ms > MAX_DEADLINE_MS ? { problem: 'is longer than 30s' } : { value: reading.ms };
        }).prefault('10s'),
        {
          about:
            'How long a message waits for that. After it the agent answers without the old messages, and nothing is restored any more.',
          allowed: `${DURATION}, at most 30s`,
          fallback: '10s',
          kind: 'text',
          jsonSchema: durationSchema,
        },
      ),
    })
    .prefault({}),
  gc: z
    .strictObject({
      grace: key(checked<number>((given) => readAtLeast(given, { ms: HOUR_MS, text: '1h' })).prefault('7d'), {
        about:
          'How long a conversation must have been forgotten before clawback gc deletes it from the archive. Until then clawback unforget takes it back. Less than an hour is refused: a slip must be noticed before it counts, and the clocks of two hosts may differ.',
        allowed: `${DURATION}, at least 1h`,
        fallback: '7d',
        kind: 'text',
        jsonSchema: durationSchema,
      }),
    })
    .prefault({}),
  compression: z
    .strictObject({
      level: key(z.int().min(1).max(MAX_LEVEL).prefault(3), {
        about: 'The zstd level. The WASM engine stops at 9.',
        allowed: `a whole number from 1 to ${MAX_LEVEL}; to ${MAX_WASM_LEVEL} with engine wasm`,
        fallback: '3',
        kind: 'integer',
      }),
      engine: choice(
        'Which zstd compresses: node is the one in Node 22.15 and later, wasm runs on every Node, auto takes node where there is one.',
        ['auto', 'node', 'wasm'],
        'auto',
      ),
    })
    .prefault({}),
  verify: choice(
    'What is proven before anything local goes. content reads the stored pack back, decodes it and compares the SHA-256 of every file; stored compares the stored bytes only.',
    ['content', 'stored'],
    'content',
  ),
  diskBudget: z
    .strictObject({
      maxDiskBytes: key(
        checked<number | undefined>((given) => {
          if (given === 'off' || given === false) return { value: undefined };
          const reading = readSize(given);
          return 'problem' in reading ? reading : { value: reading.bytes };
        }).prefault('off'),
        {
          about:
            'What the sessions folders of all agents may hold on the disk, in blocks. Over it, clawback nightly and clawback reclaim archive and free until diskBudget.highWaterBytes is reached.',
          allowed: `${SIZE}; or off`,
          fallback: 'off',
          kind: 'text',
          jsonSchema: { anyOf: [{ type: 'string', pattern: SIZE_PATTERN.source }, ...off] },
        },
      ),
      highWaterBytes: key(
        checked<HighWater>((given) => {
          const reading = readHighWater(given);
          return 'problem' in reading ? reading : { value: reading };
        }).prefault('80%'),
        {
          about: 'How far down to free once the budget is exceeded.',
          allowed: `${SIZE}, or a share of the budget such as 80%`,
          fallback: '80%',
          kind: 'text',
          jsonSchema: { type: 'string' },
        },
      ),
      protectedFloor: key(
        checked<number | 'off'>((given) =>
          given === 'off' || given === false ? { value: 'off' } : readAtLeast(given, HOUR),
        ).optional(),
        {
          about:
            'Where everything else is not enough, protected conversations that were idle for longer than this are trimmed too, the oldest first. Off where neither this nor retention.protectedPruneAfter is set.',
          allowed: `${DURATION}, at least ${HOUR.text}; or off`,
          fallback: '7d where retention.protectedPruneAfter is set, else off',
          kind: 'text',
          jsonSchema: { anyOf: [durationSchema, ...off] },
        },
      ),
    })
    .prefault({}),
  nightly: z
    .strictObject({
      at: key(
        checked<string>((given) => {
          const problem = timetableProblem(given);
          return problem === undefined ? { value: given as string } : { problem };
        }).prefault('04:30'),
        {
          about: 'When clawback nightly and the units of clawback schedule run.',
          allowed: 'a time of day such as 04:30, or five cron fields such as "30 4 * * 1-5"',
          fallback: '04:30',
          kind: 'text',
          jsonSchema: { type: 'string' },
        },
      ),
      timeZone: key(
        checked<string | undefined>((given) => {
          const problem = timetableProblem('04:30', given);
          return problem === undefined ? { value: given as string } : { problem };
        }).optional(),
        {
          about: 'The time zone of nightly.at.',
          allowed: 'an IANA name such as Europe/Berlin',
          fallback: 'that of the machine',
          kind: 'text',
          jsonSchema: { type: 'string' },
        },
      ),
      jitter: key(checked<number>((given) => readAtLeast(given, undefined)).prefault('10m'), {
        about: 'A run starts up to this much later, so that many hosts do not strike one bucket at once.',
        allowed: DURATION,
        fallback: '10m',
        kind: 'text',
        jsonSchema: durationSchema,
      }),
      drillEvery: age(
        'How often a night ends with a drill: a random sample of the archive is restored to a scratch folder and proven.',
        '7d',
      ),
      gc: flag(
        'Whether a night also deletes from the archive what has been forgotten for longer than gc.grace, as clawback gc does. Otherwise it only says how much that is.',
        false,
      ),
    })
    .prefault({}),
  healthcheck: z
    .strictObject({
      url: key(
        checked<string>((given) => {
          const problem = healthcheckUrlProblem(given);
          return problem === undefined ? { value: given as string } : { problem };
        }).optional(),
        {
          about:
            'A check at Healthchecks.io or a server that speaks like it: told when a run begins, succeeds and fails, with numbers and error codes. Whoever has the URL can ping, so it is never shown; a variable in the environment keeps it out of the file. A ping that fails is a warning, and delays a run by 10 s at most.',
          allowed: 'an http or https URL without user name and password, such as https://hc-ping.com/<uuid>',
          fallback: 'not set',
          kind: 'text',
          isSecret: true,
          jsonSchema: { type: 'string' },
        },
      ),
    })
    .prefault({}),
  metrics: z
    .strictObject({
      textfile: key(
        checked<string>((given) => {
          const problem = textfileProblem(given);
          return problem === undefined ? { value: given as string } : { problem };
        }).optional(),
        {
          about:
            "Where the numbers of the last run are left for Prometheus, in the folder of node_exporter's textfile collector. Written anew after every run, also one that failed. One file for each instance.",
          allowed: 'an absolute path that ends in .prom',
          fallback: 'not set',
          kind: 'text',
          jsonSchema: { type: 'string', pattern: '^/.*\\.prom$' },
        },
      ),
    })
    .prefault({}),
  jobs: key(z.int().min(1).max(MAX_JOBS).optional(), {
    about: 'Number of worker threads.',
    allowed: `a whole number from 1 to ${MAX_JOBS}`,
    fallback: 'the number of cores',
    kind: 'integer',
  }),
});

export type ParsedConfig = z.output<typeof configSchema>;
