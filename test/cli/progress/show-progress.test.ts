import { Writable } from 'node:stream';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { GlobalFlags, Io } from '../../../src/cli/context.ts';
import { Log, type LogFormat } from '../../../src/cli/log.ts';
import { type Told, withProgress, withRunProgress } from '../../../src/cli/progress/show-progress.ts';
import type { Phase } from '../../../src/progress.ts';

const MB = 1024 * 1024;
const CLEAR = '\r\u001b[K';

class Screen extends Writable {
  isTTY = true;
  columns = 60;
  written: string[] = [];
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.written.push(chunk.toString('utf8'));
    done();
  }
}

interface Setting {
  readonly screen?: Partial<Screen>;
  readonly env?: Record<string, string>;
  readonly format?: LogFormat;
  readonly flags?: GlobalFlags;
}

/** A progress on a screen of its own, with a clock that moves when it is told to. */
function stage({ screen: looks = {}, env = {}, format = 'text', flags = {} }: Setting = {}) {
  const screen = Object.assign(new Screen(), looks);
  const interrupt = new AbortController();
  let nowMs = Date.UTC(2026, 10, 21);
  const clock = { nowMs: () => nowMs, pause: async () => {} };
  const surroundings = { stdout: new Screen(), stderr: screen, env, clock, signal: interrupt.signal };
  const io: Io = { ...surroundings, log: new Log(surroundings, format) };
  return {
    screen,
    io,
    interrupt,
    passMs: (ms: number) => {
      nowMs += ms;
    },
    run: (body: (show: (told: Told) => void) => void) =>
      withProgress(io, flags, 'archive', async (show) => body(show)),
  };
}

const at = (done: number): Told => ({
  runId: '20261121t000000z-00000001',
  unit: 'sessions',
  done,
  total: 10,
  bytesDone: done * MB,
  bytesTotal: 10 * MB,
});

const during = (phase: Phase): Told => ({ ...at(3), phase });
const SETTLING = { name: 'settling', leftMs: 46_000 } as const;

describe('on a terminal', () => {
  it('says what is done while no bytes move, and changes at once', async () => {
    const { screen, run } = stage({ env: { NO_COLOR: '1' } });
    await run((show) => {
      show(during({ name: 'planning' }));
      show(at(0));
      show(during({ name: 'proving' }));
    });
    expect(screen.written).toEqual([
      '\rarchive: planning\u001b[K',
      '\rarchive [          ]   0%  0 B of 10.0 MB, 0 of 10 sessions\u001b[K',
      '\rarchive: proving what the archive holds already\u001b[K',
      CLEAR,
    ]);
  });

  it('counts down while it waits', async () => {
    const { screen, passMs, run } = stage({ screen: { columns: 90 } });
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    await run((show) => {
      show(during(SETTLING));
      passMs(2500);
      vi.advanceTimersByTime(1000);
      passMs(60_000);
      vi.advanceTimersByTime(1000);
    });
    const line = (seconds: number) =>
      `\rarchive: waiting until the gateway cannot overwrite the rows any more (${seconds} s)\u001b[K`;
    expect(screen.written).toEqual([line(46), line(44), line(0), CLEAR]);
  });

  it('does not count that time into the rate', async () => {
    const { screen, passMs, run } = stage({ screen: { columns: 90 }, env: { NO_COLOR: '1' } });
    await run((show) => {
      show(at(0));
      passMs(2000);
      show(at(2));
      show(during(SETTLING));
      passMs(46_000);
      show(at(3));
      passMs(1000);
      show(at(4));
    });
    expect(screen.written.at(-2)).toContain('1.0 MB/s');
  });

  it('draws at once, then at most ten times a second, and is gone in the end', async () => {
    const { screen, passMs, run } = stage({ env: { NO_COLOR: '1' } });
    await run((show) => {
      for (let done = 0; done <= 10; done += 1) {
        show(at(done));
        passMs(30);
      }
    });
    const [first, ...others] = screen.written;
    expect(first).toBe('\rarchive [          ]   0%  0 B of 10.0 MB, 0 of 10 sessions\u001b[K');
    expect(others).toHaveLength(3);
    expect(others.at(-1)).toBe(CLEAR);
  });

  it('makes way for whatever else is said, and comes back below it', async () => {
    const { screen, io, run } = stage({ env: { NO_COLOR: '1' } });
    await run((show) => {
      show(at(0));
      io.log.write({ level: 'info', msg: 'a line' });
    });
    expect(screen.written.slice(1)).toEqual([CLEAR, 'a line\n', screen.written[0], CLEAR]);
  });

  it('follows a terminal that is made narrower', async () => {
    const { screen, passMs, run } = stage({ env: { NO_COLOR: '1' } });
    await run((show) => {
      show(at(0));
      screen.columns = 10;
      passMs(1000);
      show(at(5));
    });
    expect(screen.written[1]).toBe('\r50%\u001b[K');
  });

  it('has a colour unless NO_COLOR says otherwise', async () => {
    const { screen, run } = stage();
    await run((show) => show(at(0)));
    expect(screen.written[0]).toContain('\u001b[32m');
  });

  it('is cleared by Ctrl-C, and stays away', async () => {
    const { screen, passMs, interrupt, run } = stage();
    await run((show) => {
      show(at(0));
      interrupt.abort();
      passMs(1000);
      show(at(1));
    });
    expect(screen.written.slice(1)).toEqual([CLEAR]);
  });

  it('is cleared when the run fails', async () => {
    const { screen, run } = stage();
    const failing = run((show) => {
      show(at(0));
      throw new Error('the bucket is gone');
    });
    await expect(failing).rejects.toThrow('the bucket is gone');
    expect(screen.written.at(-1)).toBe(CLEAR);
  });
});

describe('elsewhere', () => {
  it.each<[string, Setting]>([
    ['in a pipe', { screen: { isTTY: false } }],
    ['on a dumb terminal', { env: { TERM: 'dumb' } }],
  ])('%s there is a plain line every 30 s', async (_where, setting) => {
    const { screen, passMs, run } = stage(setting);
    await run((show) => {
      for (let done = 0; done <= 7; done += 1) {
        show(at(done));
        passMs(10_000);
      }
    });
    expect(screen.written).toEqual([
      'archive: 30%, 3.0 MB of 10.0 MB, 3 of 10 sessions, 102 KB/s, 1 min 10 s left\n',
      'archive: 60%, 6.0 MB of 10.0 MB, 6 of 10 sessions, 102 KB/s, 40 s left\n',
    ]);
  });

  it('a line says what is done where no bytes move', async () => {
    const { screen, passMs, run } = stage({ screen: { isTTY: false } });
    await run((show) => {
      show(during({ name: 'planning' }));
      passMs(30_000);
      show(during({ name: 'planning' }));
      show(during(SETTLING));
      passMs(30_000);
      show(during({ ...SETTLING, leftMs: 16_000 }));
    });
    expect(screen.written).toEqual([
      'archive: planning\n',
      'archive: waiting until the gateway cannot overwrite the rows any more (16 s)\n',
    ]);
  });

  it('a short run says nothing', async () => {
    const { screen, run } = stage({ screen: { isTTY: false } });
    await run((show) => show(at(10)));
    expect(screen.written).toEqual([]);
  });
});

describe('a log in JSON', () => {
  it.each<[string, GlobalFlags]>([
    ['even on a terminal', {}],
    ['beside --json too: it is on the other stream', { json: true }],
  ])('has one object every 30 s, %s', async (_where, flags) => {
    const { screen, passMs, run } = stage({ format: 'json', flags });
    await run((show) => {
      show(at(0));
      passMs(30_000);
      show(at(3));
    });
    expect(screen.written.map((line) => JSON.parse(line))).toEqual([
      {
        time: '2026-11-21T00:00:30.000Z',
        level: 'info',
        msg: 'archive: 30%, 3.0 MB of 10.0 MB, 3 of 10 sessions, 102 KB/s, 1 min 10 s left',
        runId: '20261121t000000z-00000001',
        sessionsDone: 3,
        sessionsTotal: 10,
        bytesDone: 3 * MB,
        bytesTotal: 10 * MB,
        bytesPerSecond: Math.round((3 * MB) / 30),
      },
    ]);
  });
});

it('a log in JSON says what is done where no bytes move', async () => {
  const { screen, passMs, run } = stage({ format: 'json' });
  await run((show) => {
    show(during(SETTLING));
    passMs(30_000);
    show(during(SETTLING));
  });
  expect(screen.written.map((line) => JSON.parse(line))).toMatchObject([
    {
      msg: 'archive: waiting until the gateway cannot overwrite the rows any more (46 s)',
      phase: 'settling',
      sessionsDone: 3,
    },
  ]);
});

it.each<[GlobalFlags, LogFormat]>([
  [{ quiet: true }, 'text'],
  [{ json: true }, 'text'],
  [{ quiet: true }, 'json'],
])('with %j and a log as %s there is no progress', async (flags, format) => {
  const { screen, passMs, run } = stage({ flags, format });
  await run((show) => {
    show(during({ name: 'planning' }));
    show(at(0));
    passMs(60_000);
    show(at(5));
    show(during(SETTLING));
  });
  expect(screen.written).toEqual([]);
});

it('a run is planning before it has told anything', async () => {
  const { screen, io } = stage({ env: { NO_COLOR: '1' } });
  await withRunProgress(io, {}, 'reclaim', async () => {});
  expect(screen.written).toEqual(['\rreclaim: planning\u001b[K', CLEAR]);
});
