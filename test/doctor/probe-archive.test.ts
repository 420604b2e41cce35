import type { ServerResponse } from 'node:http';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type ProbeLimits, probeArchive } from '../../src/doctor/probe-archive.ts';
import { clockFinding, stepFindings } from '../../src/doctor/probe-findings.ts';
import { S3ObjectStore } from '../../src/objects/s3.ts';
import { S3_TUNING } from '../../src/objects/s3-tuning.ts';
import {
  type FaultyRequest,
  FaultyS3,
  type Interference,
  sendError,
  sendList,
} from '../support/faulty-s3.ts';
import { useCredentials } from '../support/s3-bucket.ts';

const NOW_MS = Date.parse('2026-11-21T09:30:00.000Z');
const CONTEXT = { url: 's3://bucket/archive', verify: 'content', prefix: 'oc-1' } as const;

/** Parts of 64 KiB, and a patience that fits a server in the same process. */
const TUNING = {
  ...S3_TUNING,
  partBytes: 64 * 1024,
  attempts: 2,
  pauseMs: 5,
  retryMode: 'standard' as const,
};

async function openServer() {
  const server = new FaultyS3();
  const endpoint = await server.listen();
  onTestFinished(() => server.close());
  useCredentials({ endpoint, region: 'us-east-1', accessKeyId: 'id', secretAccessKey: 'secret' });
  const objects = await S3ObjectStore.open(CONTEXT.url, { endpoint, forcePathStyle: true }, TUNING);
  const probe = (options: { limits?: ProbeLimits; signal?: AbortSignal } = {}) =>
    probeArchive({ objects, server: objects.server }, { instance: 'oc-1', nowMs: NOW_MS, ...options });
  return { server, objects, probe };
}

/** What a real server does and this one does not by itself: compares the bytes with the checksum. */
function checksChecksums({ operation, key }: FaultyRequest, response: ServerResponse): boolean {
  if (operation !== 'PUT object' || !key.endsWith('.damaged')) return false;
  sendError(response, 400, 'XAmzContentChecksumMismatch');
  return true;
}

function denies(...operations: readonly string[]): Interference {
  return (request, response) => {
    if (!operations.includes(request.operation)) return checksChecksums(request, response);
    sendError(response, 403, 'AccessDenied');
    return true;
  };
}

function states(results: Awaited<ReturnType<typeof probeArchive>>): Record<string, string> {
  return Object.fromEntries(results.map(({ name, state }) => [name, state]));
}

const ALL_DONE = {
  write: 'done',
  read: 'done',
  range: 'done',
  list: 'done',
  overwrite: 'done',
  large: 'done',
  checksum: 'done',
  delete: 'done',
};

describe('a server that does all that is asked of it', () => {
  test('passes every step, and nothing of the probe is left there', async () => {
    const { server, probe, objects } = await openServer();
    server.interfere = checksChecksums;
    const results = await probe();
    expect(states(results)).toEqual(ALL_DONE);
    expect(stepFindings(results, CONTEXT).map(({ level }) => level)).toEqual(['ok']);
    expect(server.log.filter((operation) => operation === 'PUT part').length).toBeGreaterThan(1);
    expect([server.objects.size, server.uploads.size]).toEqual([0, 0]);
    expect(Math.abs(objects.server.clockAheadMs ?? Number.NaN)).toBeLessThan(30_000);
  });

  test('sees no other keys than below the doctor folder of the instance', async () => {
    const { server, probe } = await openServer();
    const keys = new Set<string>();
    server.interfere = (request, response) => {
      if (request.method === 'PUT') keys.add(request.key);
      return checksChecksums(request, response);
    };
    await probe();
    expect([...keys].map((key) => key.replace(/[0-9a-f]{8}\./, '*.')).sort()).toEqual(
      ['damaged', 'large', 'small'].map((part) => `archive/oc-1/doctor/20261121t093000z-*.${part}`),
    );
  });
});

describe('a server that takes what it should refuse', () => {
  test('a conditional put over a taken key: a warning, and the rest is tried', async () => {
    const { server, probe } = await openServer();
    server.interfere = checksChecksums;
    server.honoursConditions = false;
    const results = await probe();
    expect(states(results)).toEqual({ ...ALL_DONE, overwrite: 'wrong' });
    expect(stepFindings(results, CONTEXT).filter(({ level }) => level !== 'ok')).toMatchObject([
      {
        level: 'warning',
        text: expect.stringMatching(/If-None-Match is not honoured.*could overwrite each other/),
        advice: expect.stringContaining('an instance name of its own'),
      },
    ]);
  });

  test('a condition that it does not know counts as one that it ignores', async () => {
    const { server, probe } = await openServer();
    server.interfere = (request, response) => {
      if (request.operation !== 'PUT object' || request.headers['if-none-match'] === undefined)
        return checksChecksums(request, response);
      sendError(response, 501, 'NotImplemented');
      return true;
    };
    expect(states(await probe())).toEqual({ ...ALL_DONE, overwrite: 'wrong' });
  });

  test.each([
    ['content', 'keep verify: "content"'],
    ['stored', 'set verify to "content"'],
  ] as const)(
    'a wrong checksum: a warning of what is lost with it, under verify %s',
    async (verify, advice) => {
      const { server, probe } = await openServer();
      const results = await probe();
      expect(states(results)).toEqual({ ...ALL_DONE, checksum: 'wrong' });
      expect(stepFindings(results, { ...CONTEXT, verify }).at(-1)).toMatchObject({
        level: 'warning',
        text: expect.stringContaining('damage in transit is only found by reading back'),
        advice,
      });
      expect(server.objects.size).toBe(0);
    },
  );
});

describe('a server that forgets', () => {
  test('a delete that it says it has made: a warning', async () => {
    const { server, probe } = await openServer();
    server.interfere = (request, response) => {
      if (request.operation !== 'DELETE object') return checksChecksums(request, response);
      response.writeHead(204).end();
      return true;
    };
    const results = await probe();
    expect(states(results)).toEqual({ ...ALL_DONE, delete: 'wrong' });
    expect(stepFindings(results, CONTEXT).at(-1)).toMatchObject({
      level: 'warning',
      text: expect.stringContaining('what was deleted is still there'),
    });
  });

  test('what it was given, or hides it from its listing: a problem', async () => {
    const { server, probe } = await openServer();
    server.interfere = (request, response) => {
      if (request.operation !== 'GET list') return checksChecksums(request, response);
      sendList(response, []);
      return true;
    };
    const results = await probe();
    expect(states(results)).toEqual({ ...ALL_DONE, list: 'wrong' });
    expect(stepFindings(results, CONTEXT).at(-1)).toMatchObject({ level: 'problem' });
  });
});

describe('a server that refuses', () => {
  test('writes: one problem, and what depends on it is not tried', async () => {
    const { server, probe } = await openServer();
    server.interfere = denies('PUT object', 'POST create');
    const results = await probe();
    expect(results.map(({ state }) => state)).toEqual(['failed', ...Array(7).fill('not-tried')]);
    expect(stepFindings(results, CONTEXT)).toMatchObject([
      {
        level: 'problem',
        text: expect.stringMatching(/write: .*access denied.*a run can archive nothing/),
        advice: expect.stringContaining('credentials'),
      },
      { level: 'warning', text: expect.stringMatching(/^not tried.*: read back, .*, delete$/) },
    ]);
  });

  test('reads or lists: a problem, and the others are tried', async () => {
    const { server, probe } = await openServer();
    server.interfere = denies('GET object');
    expect(states(await probe())).toEqual({
      ...ALL_DONE,
      read: 'failed',
      range: 'not-tried',
      overwrite: 'not-tried',
      large: 'not-tried',
    });
    expect(server.objects.size).toBe(0);
    server.interfere = denies('GET list');
    const results = await probe();
    expect(states(results)).toEqual({ ...ALL_DONE, list: 'failed' });
    expect(stepFindings(results, CONTEXT).map(({ level }) => level)).toEqual(['ok', 'problem']);
  });

  test('large objects: a problem, and no part of an upload is left', async () => {
    const { server, probe } = await openServer();
    server.interfere = denies('PUT part');
    const results = await probe();
    expect(states(results)).toEqual({ ...ALL_DONE, large: 'failed' });
    expect(stepFindings(results, CONTEXT)[1]).toMatchObject({ level: 'problem' });
    expect([server.objects.size, server.uploads.size]).toEqual([0, 0]);
  });

  test('deletes: a warning, since no run deletes; a later probe that may removes the leftovers', async () => {
    const { server, objects, probe } = await openServer();
    server.interfere = denies('DELETE object');
    const results = await probe();
    expect(states(results)).toEqual({ ...ALL_DONE, delete: 'failed' });
    expect(stepFindings(results, CONTEXT).at(-1)).toMatchObject({
      level: 'warning',
      text: expect.stringContaining('and so do two small leases of every run'),
    });
    expect(server.objects.size).toBeGreaterThan(0);
    server.interfere = checksChecksums;
    const later = { instance: 'oc-1', nowMs: NOW_MS + 2 * 3_600_000 };
    expect(states(await probeArchive({ objects, server: objects.server }, later))).toEqual(ALL_DONE);
    expect(server.objects.size).toBe(0);
  });
});

describe('time', () => {
  test('a server that never answers is a problem as soon as the limit is over', async () => {
    const { server, probe } = await openServer();
    server.interfere = () => true;
    const startedMs = performance.now();
    const results = await probe({ limits: { stepsMs: 200, cleanUpMs: 100 } });
    expect(performance.now() - startedMs).toBeLessThan(20_000);
    expect(results[0]).toMatchObject({ name: 'write', state: 'late' });
    expect(stepFindings(results, CONTEXT)[0]).toMatchObject({
      level: 'problem',
      text: expect.stringContaining('not done when the time of the probe was over (30 s in all)'),
    });
  });

  test('an upload that the time is too short for is a warning, and is removed', async () => {
    const { server, probe } = await openServer();
    server.interfere = (request, response) =>
      request.operation === 'PUT part' || checksChecksums(request, response);
    const results = await probe({ limits: { stepsMs: 1500, cleanUpMs: 5000 } });
    expect(states(results)).toEqual({ ...ALL_DONE, large: 'late', checksum: 'not-tried' });
    expect(stepFindings(results, CONTEXT).map(({ level }) => level)).toEqual(['ok', 'warning', 'warning']);
    expect([server.objects.size, server.uploads.size]).toEqual([0, 0]);
  });

  test('an interrupt ends it amid an upload, and nothing is left', async () => {
    const { server, probe } = await openServer();
    const interrupt = new AbortController();
    server.interfere = ({ operation }) => {
      if (operation !== 'PUT part') return false;
      interrupt.abort();
      return true;
    };
    await expect(probe({ signal: interrupt.signal })).rejects.toMatchObject({ code: 'interrupted' });
    expect([server.objects.size, server.uploads.size]).toEqual([0, 0]);
  });

  test.each([
    [0, 'ok', "agrees with the server's"],
    [-60, 'warning', 'behind'],
    [60, 'warning', 'ahead of'],
    [600, 'warning', 'count as old'],
  ] as const)('of a host that is %i s ahead of the server: %s', async (aheadS, level, text) => {
    const { server, objects, probe } = await openServer();
    server.interfere = (request, response) => {
      response.setHeader('date', new Date(Date.now() - aheadS * 1000).toUTCString());
      return checksChecksums(request, response);
    };
    expect(states(await probe())).toEqual(ALL_DONE);
    expect(clockFinding(objects.server.clockAheadMs)).toMatchObject([
      { level, text: expect.stringContaining(text) },
    ]);
  });
});
