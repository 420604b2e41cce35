import { constants } from 'node:os';

/** What Node throws where the operating system refuses a call: it says why, and mostly of which file. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException & { readonly code: string } {
  const { code, syscall } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
  return error instanceof Error && typeof code === 'string' && typeof syscall === 'string';
}

const NAMES = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));

/** `ENOENT`, also of those for which Node has no name: `EDQUOT` of a full quota, `ESTALE` of a lost NFS mount. */
export function errnoName({ code, errno }: { readonly code: string; readonly errno?: unknown }): string {
  return isNameless(code) ? (NAMES.get(Math.abs(Number(errno))) ?? code) : code;
}

/** The message, with that name in it. */
export function systemMessage(error: NodeJS.ErrnoException & { readonly code: string }): string {
  const { code, message } = error;
  return isNameless(code) ? message.replaceAll(`${code}: ${code}`, errnoName(error)) : message;
}

function isNameless(code: string): boolean {
  return code.startsWith('Unknown system error');
}

/** Whether a disk is full, or the share of it that we may fill. */
export function isFull(errno: string | undefined): boolean {
  return errno === 'ENOSPC' || errno === 'EDQUOT';
}

/** What can be done about it, where nobody nearer to the call knows better. */
export function systemHint(errno: string): string {
  return HINTS[errno] ?? 'run again; should it come back, check the disk and its file system';
}

const FULL = 'make room on that disk, then run again';
const TOO_MANY = 'raise the limit of open files (`ulimit -n`) or lower --jobs, then run again';
const FORBIDDEN = 'run clawback as the user that runs OpenClaw';

const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: FULL,
  EDQUOT: FULL,
  EMFILE: TOO_MANY,
  ENFILE: TOO_MANY,
  EACCES: FORBIDDEN,
  EPERM: FORBIDDEN,
  EROFS: 'remount that file system for writing, then run again',
  EIO: 'check the disk that it lies on (`dmesg`), then run again',
};

/** Runs `call`, which works on the file at `path`; calls on a descriptor fail without saying whose it is. */
export async function onFile<Result>(path: string, call: () => Promise<Result>): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    throw naming(path, error);
  }
}

/** The same error, whose message names the file. */
export function naming(path: string, error: unknown): unknown {
  if (isSystemError(error) && error.path === undefined) {
    error.path = path;
    error.message += ` '${path}'`;
  }
  return error;
}
