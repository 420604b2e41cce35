import { describe, expect, it } from 'vitest';
import { HealthCheck, signalOf, tailOf } from '../../src/healthcheck/health-check.ts';
import { pingUrl } from '../../src/healthcheck/ping.ts';
import { closedPort, PingServer } from '../support/ping-server.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** One run against this URL. Returns what it complained of. */
async function faultsOf(
  url: string,
  { exitCode = 0, body = '', deadlineMs = 10_000 } = {},
): Promise<string[]> {
  const faults: string[] = [];
  const health = new HealthCheck({
    url,
    deadlineMs,
    pausesMs: [1, 1],
    onFault: (what) => faults.push(what),
  });
  await health.end(exitCode, body);
  return faults;
}

describe('the pings of a run', () => {
  it('are a start and an end of one id, with the report', async () => {
    const server = await PingServer.start();
    expect(await faultsOf(server.url, { body: 'a report' })).toEqual([]);
    const [start, end] = server.pings;
    expect(server.paths).toEqual(['/start', '']);
    expect([start?.method, start?.body, end?.method, end?.body]).toEqual(['POST', '', 'POST', 'a report']);
    expect(start?.rid).toMatch(UUID);
    expect(end?.rid).toBe(start?.rid);
  });

  it.each([
    [0, ''],
    [1, '/fail'],
    [2, '/fail'],
    [3, '/fail'],
    [130, '/log'],
  ])('say of exit code %d: %s', async (exitCode, path) => {
    const server = await PingServer.start();
    await faultsOf(server.url, { exitCode });
    expect(server.paths).toEqual(['/start', path]);
  });

  it.each([
    ['http://h/ping/uuid', 'http://h/ping/uuid/start?rid=r'],
    ['http://h/ping/uuid/', 'http://h/ping/uuid/start?rid=r'],
    ['http://h/key/slug?create=1', 'http://h/key/slug/start?create=1&rid=r'],
  ])('of %s go to %s', (url, target) => {
    expect(pingUrl({ url, signal: 'start', runId: 'r' }).href).toBe(target);
  });
});

describe('a check that is out of order never throws and is told of once a ping', () => {
  it('because it answers 500: it is asked three times', async () => {
    const server = await PingServer.start((response) => response.writeHead(500).end());
    expect(await faultsOf(server.url)).toEqual([
      'ping the health check (start): answered 500',
      'ping the health check (success): answered 500',
    ]);
    expect(server.paths).toEqual(['/start', '/start', '/start', '', '', '']);
  });

  it('for a moment only: then it is no fault', async () => {
    const server = await PingServer.start((response, _ping, seen) =>
      response.writeHead(seen === 1 ? 503 : 200).end(),
    );
    expect(await faultsOf(server.url)).toEqual([]);
    expect(server.paths).toEqual(['/start', '/start', '']);
  });

  it('because it does not know us: asking again would not help', async () => {
    const server = await PingServer.start((response) => response.writeHead(404).end());
    expect(await faultsOf(server.url)).toEqual([
      'ping the health check (start): answered 404',
      'ping the health check (success): answered 404',
    ]);
    expect(server.paths).toEqual(['/start', '']);
  });

  it('because nobody is there', async () => {
    const [fault] = await faultsOf(`http://127.0.0.1:${await closedPort()}/0d1c9a7e-ping`);
    expect(fault).toBe('ping the health check (start): ECONNREFUSED');
  });

  it('because its name leads nowhere', async () => {
    const [fault] = await faultsOf('http://no-such-host.invalid/0d1c9a7e-ping');
    expect(fault).toMatch(/^ping the health check \(start\): (ENOTFOUND|EAI_AGAIN)$/);
  });

  it('because it sends us round in a circle', async () => {
    const server = await PingServer.start((response, { path }) =>
      response.writeHead(307, { location: path }).end(),
    );
    const [fault] = await faultsOf(server.url);
    expect(fault).toBe('ping the health check (start): redirects in a circle');
  });

  it('because it hangs, and the run ends within the deadline', async () => {
    const server = await PingServer.start(() => {});
    const startedMs = performance.now();
    const faults = await faultsOf(server.url, { deadlineMs: 400 });
    const tookMs = performance.now() - startedMs;
    expect(faults).toEqual([
      'ping the health check (start): no answer in time',
      'ping the health check (success): no answer in time',
    ]);
    // Start and end together: the deadline of the end is the last.
    expect(tookMs).toBeGreaterThan(300);
    expect(tookMs).toBeLessThan(20_000);
  });

  it('because its answer never ends: what it answers is not read', async () => {
    const server = await PingServer.start((response) => {
      response.writeHead(200);
      response.write('OK, and then');
    });
    expect(await faultsOf(server.url, { deadlineMs: 5000 })).toEqual([]);
  });

  it('and nothing of its URL is in what is said', async () => {
    const server = await PingServer.start((response) => response.writeHead(500).end());
    const urls = [server.url, 'http://no-such-host.invalid/0d1c9a7e-ping'];
    for (const url of urls) {
      const said = (await faultsOf(url, { deadlineMs: 1000 })).join('\n');
      expect(said).not.toMatch(/0d1c9a7e|127\.0\.0\.1|invalid/);
    }
  });
});

describe('the tail of a report', () => {
  it('is all of a short one', () => {
    expect(tailOf('one\ntwo')).toBe('one\ntwo');
  });

  it('is its last whole lines, and at most so many bytes', () => {
    const text = Array.from({ length: 2000 }, (_value, n) => `line ${n} ü`).join('\n');
    const tail = tailOf(text);
    expect(Buffer.byteLength(tail)).toBeLessThanOrEqual(10_000);
    expect(Buffer.byteLength(tail)).toBeGreaterThan(9_900);
    expect(tail).toMatch(/^line \d+ ü\n/);
    expect(tail.endsWith('line 1999 ü')).toBe(true);
  });
});

it('only a run that did all is a success', () => {
  expect([0, 1, 2, 3, 130].map(signalOf)).toEqual(['success', 'fail', 'fail', 'fail', 'log']);
});
