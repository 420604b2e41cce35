import { createHash } from 'node:crypto';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { ClawbackError, describe, errnoOf } from '../errors.ts';
import { isProcessAlive } from './process-alive.ts';
import { isRecord } from './read-json5.ts';

export interface GatewayProbe {
  readonly stateDir: string;
  /** `OpenClawConfig.configPath`: the gateway's lock is named after it. */
  readonly configPath: string;
  /** `OpenClawConfig.gatewayPort`. Whoever listens there is taken for the gateway. */
  readonly port: number;
  /** The folder for temporary files that the gateway sees, `os.tmpdir()`. */
  readonly tmpDir: string;
}

export type GatewayState =
  | { readonly running: false }
  | { readonly running: true; readonly evidence: 'lock' | 'port'; readonly detail: string };

const CONNECT_TIMEOUT_MS = 1_000;
/** Refused; or there is no loopback network here at all. Any other error is ours, and says nothing of a gateway. */
const NOBODY_LISTENS: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENETUNREACH']);
const LOCK_NAME = /^gateway\.[0-9a-f]{8}\.lock$/;
/** A gateway writes its lock right after it made the file; OpenClaw takes an older empty one for a left-over. */
const WRITING_LOCK_MS = 30_000;

/**
 * Whether a gateway serves this state dir, by its lock file and its port. A lock
 * whose process is dead proves nothing: the gateway may have crashed, or run in
 * a container with processes of its own, where the port decides.
 */
export async function probeGateway(probe: GatewayProbe): Promise<GatewayState> {
  for (const lock of await findLocks(probe)) {
    const detail = await holderOf(lock);
    if (detail !== undefined) return { running: true, evidence: 'lock', detail };
  }
  const detail = await listenerAt(probe.port);
  return detail === undefined ? { running: false } : { running: true, evidence: 'port', detail };
}

interface GatewayLock {
  readonly path: string;
  readonly payload: Readonly<Record<string, unknown>> | undefined;
}

/**
 * OpenClaw hashes the path of its config as it was spelt, so the locks are told
 * apart by the path that they hold as well: another spelling is the same gateway.
 */
async function findLocks(probe: GatewayProbe): Promise<GatewayLock[]> {
  const hash = createHash('sha256').update(probe.configPath).digest('hex').slice(0, 8);
  const config = await realOrSame(probe.configPath);
  const stateDir = await realOrSame(probe.stateDir);
  const found: GatewayLock[] = [];
  for (const path of await listLocks(probe)) {
    const payload = await readPayload(path);
    const held = typeof payload?.configPath === 'string' ? await realOrSame(payload.configPath) : undefined;
    const isOurs = held === undefined ? false : held === config || dirname(held) === stateDir;
    if (isOurs || basename(path) === `gateway.${hash}.lock`) found.push({ path, payload });
  }
  return found;
}

/** The folders are per user: ours, and that of the owner of the state dir. */
async function listLocks({ stateDir, tmpDir }: GatewayProbe): Promise<string[]> {
  const owner = await stat(stateDir).then(({ uid }) => uid, ignoreMissing);
  const users = new Set([process.getuid?.(), owner].filter((uid) => uid !== undefined));
  // Without user ids OpenClaw has one folder for all; with them a plain `openclaw` is somebody's logs.
  const folderNames = users.size === 0 ? ['openclaw'] : [...users].map((uid) => `openclaw-${uid}`);
  const folders = folderNames.map((name) => join(tmpDir, name));
  const names = await Promise.all(
    folders.map(async (folder) => (await readdir(folder).catch(ignoreMissing)) ?? []),
  );
  return folders.flatMap((folder, index) =>
    (names[index] ?? []).filter((name) => LOCK_NAME.test(name)).map((name) => join(folder, name)),
  );
}

async function readPayload(path: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  const text = await readFile(path, 'utf8').catch(ignoreMissing);
  try {
    const payload: unknown = JSON.parse(text ?? '');
    return isRecord(payload) ? payload : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Who holds the lock, for people; undefined where nobody does. */
async function holderOf({ path, payload }: GatewayLock): Promise<string | undefined> {
  if (typeof payload?.pid !== 'number') {
    const stats = await stat(path).catch(ignoreMissing);
    const isBeingWritten = stats !== undefined && Date.now() - stats.mtimeMs < WRITING_LOCK_MS;
    return isBeingWritten ? `${path} is being written` : undefined;
  }
  const startTime = typeof payload.startTime === 'number' ? payload.startTime : undefined;
  return isProcessAlive(payload.pid, startTime) ? `process ${payload.pid} holds ${path}` : undefined;
}

/** What is there, for people; undefined where nobody listens. Who does not answer in time may be a gateway that is busy. */
function listenerAt(port: number): Promise<string | undefined> {
  const at = `127.0.0.1:${port}`;
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: '127.0.0.1', port, timeout: CONNECT_TIMEOUT_MS });
    const settle = (detail: string | undefined) => {
      socket.destroy();
      resolve(detail);
    };
    socket.once('connect', () => settle(`${at} accepts connections`));
    socket.once('timeout', () => settle(`${at} neither accepts nor refuses connections`));
    socket.once('error', (error) => {
      const errno = errnoOf(error);
      if (errno !== undefined && NOBODY_LISTENS.has(errno)) resolve(undefined);
      else reject(unknown(`connect to ${at}: ${errno ?? describe(error)}`, connectHint(at), error));
    });
  });
}

function connectHint(at: string): string {
  return `clawback must be able to connect to ${at}: check the limit of open files (\`ulimit -n\`), sandbox and firewall, then run again`;
}

async function realOrSame(path: string): Promise<string> {
  return (await realpath(path).catch(ignoreMissing)) ?? path;
}

/** Anything else than an absent file leaves it open whether a gateway runs, and that stops the run. */
function ignoreMissing(error: unknown): undefined {
  const errno = errnoOf(error);
  if (errno === 'ENOENT' || errno === 'ENOTDIR') return undefined;
  throw unknown(describe(error), 'run clawback as the user that runs OpenClaw', error);
}

/** Whether a gateway runs. */
function unknown(why: string, hint: string, cause: unknown): ClawbackError {
  return new ClawbackError('gateway-running', `look for the gateway: ${why}`, { hint, cause });
}
