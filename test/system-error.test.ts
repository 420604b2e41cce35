import { readFileSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { errnoOf, describe as messageOf, toErrorData } from '../src/errors.ts';
import { onFile } from '../src/system-error.ts';
import { temporaryFolder } from './support/temporary-folder.ts';

function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

/** As Node makes them of a number that libuv has no name for. */
function nameless(errno: number): Error {
  const code = `Unknown system error -${errno}`;
  return Object.assign(new Error(`${code}: ${code}, write`), { code, errno: -errno, syscall: 'write' });
}

describe('an error of the operating system that nobody translated', () => {
  test('is no bug of ours: it has a code of its own, names the file and says what to do', async () => {
    const folder = await temporaryFolder();
    expect(toErrorData(thrownBy(() => readFileSync(folder)))).toEqual({
      code: 'system-io',
      message: 'EISDIR: illegal operation on a directory, read',
      hint: 'run again; should it come back, check the disk and its file system',
      retryable: false,
    });
    const missing = join(folder, 'missing');
    expect(toErrorData(thrownBy(() => readFileSync(missing))).message).toContain(missing);
  });

  test('names the file also where a call on a descriptor failed', async () => {
    const folder = await temporaryFolder();
    await expect(onFile(folder, () => readFile(folder))).rejects.toThrow(`directory, read '${folder}'`);
    const handle = await open(folder);
    try {
      await expect(onFile(folder, () => handle.write('x'))).rejects.toThrow(`write '${folder}'`);
    } finally {
      await handle.close();
    }
  });

  test('leaves errors of our own code what they are', async () => {
    expect(toErrorData(new TypeError('x is not a function'))).toMatchObject({ code: 'internal' });
    await expect(onFile('/a', () => Promise.reject(new Error('no')))).rejects.toThrow(/^no$/);
  });

  test.each([
    ['EDQUOT', 'make room on that disk, then run again'],
    ['ESTALE', 'run again; should it come back, check the disk and its file system'],
  ] as const)('goes by its name, which Node does not know: %s', (name, hint) => {
    const error = nameless(constants.errno[name]);
    expect(errnoOf(error)).toBe(name);
    expect(messageOf(error)).toBe(`${name}, write`);
    expect(toErrorData(error)).toEqual({
      code: 'system-io',
      message: `${name}, write`,
      hint,
      retryable: false,
    });
  });
});
