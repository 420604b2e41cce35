import type { Archive } from '../archive/archive.ts';
import { type Drill, type DrilledSession, drillArchive } from '../drill/drill.ts';
import { describe as describeError } from '../errors.ts';
import type { Installation } from '../installation.ts';
import { EXIT, type Io, installationFrom, print, type Verb, warn } from './context.ts';
import { count, formatBytes, safe } from './format.ts';
import { openKnownArchive } from './open-archive.ts';

const DEFAULT_SAMPLE = 5;

interface DrillFlags {
  readonly sample?: number;
}

export const drill: Verb<DrillFlags> = async (io, flags) => {
  const installation = await installationFrom(io, flags);
  const archive = await openKnownArchive(installation, io.signal);
  const atMs = installation.clock.nowMs();
  const { sample = DEFAULT_SAMPLE, agent: agentIds } = flags;
  const done = await drillArchive(archive, { sample, random: Math.random, agentIds }, io.signal);
  await record(installation, done, atMs, io);
  const ok = faultsOf(done) === 0;
  const json = {
    schema: 'clawback.drill/1',
    archive: archive.objects.url,
    instance: archive.instance,
    drilledAt: new Date(atMs).toISOString(),
    archived: done.archived,
    sampled: done.sessions.length,
    cold: done.cold,
    ok,
    sessions: done.sessions,
    damaged: done.damaged,
  };
  print(io, flags, json, () => describe(done, archive), describeFaults(done));
  return ok ? EXIT.done : EXIT.failed;
};

/** Sessions that differ, and objects that hide sessions. */
function faultsOf({ sessions, damaged }: Drill): number {
  return sessions.filter(({ differences }) => differences.length > 0).length + damaged.length;
}

/** A drill of nothing proves nothing, and is not remembered. */
async function record({ config, state }: Installation, done: Drill, atMs: number, io: Io): Promise<void> {
  const { archived, sessions, damaged } = done;
  if (sessions.length === 0 && damaged.length === 0) return;
  const { archive } = config;
  try {
    await state.recordDrill({ atMs, archive, archived, sampled: sessions.length, faults: faultsOf(done) });
  } catch (error) {
    // Its outcome counts for more than that doctor knows of it.
    warn(io, `note the drill for clawback doctor: ${describeError(error)}`);
  }
}

function describe(done: Drill, archive: Archive): string {
  const { archived, cold, sessions, damaged } = done;
  const damages = damaged.map(({ what, error }) => `  DAMAGED    ${safe(what)}: ${safe(error.message)}`);
  if (archived === 0)
    return [
      `nothing is archived in ${archive.objects.url} (${archive.instance}): there is nothing to drill`,
      ...damages,
    ].join('\n');
  const faults = faultsOf(done);
  return [
    `restored ${sessions.length} of ${count(archived, 'archived session')} to a scratch folder, which is gone again`,
    ...sessions.flatMap(describeSession),
    ...damages,
    ...(cold === 0
      ? []
      : [
          `passed over ${count(cold, 'session')} in cold storage: nothing is proven of them (docs/cold-storage.md)`,
        ]),
    faults === 0 && sessions.length === 0
      ? 'this drill proves nothing: all that could be drawn must be thawed first'
      : faults === 0
        ? 'all came back as archived: files, times, modes, every line, rows'
        : `${count(faults, 'fault')}: clawback verify --read-data shows what else is damaged`,
  ].join('\n');
}

function describeSession(session: DrilledSession): string[] {
  const { archiveId, sessionKey, sessionId, files, bytes, notKept, row, differences, notes } = session;
  const label = differences.length === 0 ? 'ok       ' : 'DIFFERENT';
  const parts = [
    files === 0 ? 'no files' : `${count(files, 'file')}, ${formatBytes(bytes)}`,
    ...(notKept === 0 ? [] : [`${count(notKept, 'file')} not kept by choice`]),
    ...(row === 'whole' ? ['its row'] : []),
  ];
  return [
    `  ${label}  ${archiveId}  ${safe(sessionKey ?? sessionId)}: ${parts.join(', ')}`,
    ...[...differences, ...notes].map((one) => `             ${ofFile(one)}`),
  ];
}

function ofFile({ file, text }: { readonly file: string | null; readonly text: string }): string {
  return file === null ? safe(text) : `${safe(file)}: ${safe(text)}`;
}

function describeFaults({ sessions, damaged }: Drill): string[] {
  return [
    ...sessions.flatMap(({ archiveId, differences }) =>
      differences.map((difference) => `DIFFERENT ${archiveId}: ${ofFile(difference)}`),
    ),
    ...damaged.map(({ what, error }) => `DAMAGED ${safe(what)}: ${safe(error.message)}`),
  ];
}
