import { describe, expect, test } from 'vitest';
import { spawnAnd } from '../support/fault-stories.ts';
import type { ArchiveJson, VerifyJson } from './support/answers.ts';
import { LARGE_BYTES, packNames, twoHosts, untilAnyPack } from './support/two-hosts.ts';

const isTemporary = (name: string) => name.endsWith('.tmp');

describe('two hosts that use one instance name and have no agent in common', () => {
  test('write at the same time, and neither takes from the other what it has begun', async () => {
    const [slow, other] = await twoHosts(LARGE_BYTES, 'ops');
    const ending = await spawnAnd(slow, ['archive', '--json'], async (kill) => {
      await untilAnyPack(slow);
      kill('SIGSTOP');
      try {
        expect((await packNames(slow)).filter(isTemporary)).toHaveLength(1);
        (await other.compiled(process.execPath, 'archive')).expect(0);
        expect((await packNames(slow)).filter(isTemporary)).toHaveLength(1);
      } finally {
        kill('SIGCONT');
      }
    });
    expect(ending.code, ending.output).toBe(0);
    expect(JSON.parse(ending.output) as ArchiveJson).toMatchObject({ failures: [] });
    expect((await packNames(slow)).filter(isTemporary)).toEqual([]);
    expect(await slow.json<VerifyJson>('verify', '--read-data')).toMatchObject({ differences: [] });
  });

  test('leave to each host what a run of its own has left, and that one clears it away', async () => {
    const [killed, other] = await twoHosts(LARGE_BYTES, 'ops');
    await spawnAnd(killed, ['archive'], async (kill) => {
      await untilAnyPack(killed);
      kill('SIGKILL');
    });
    expect((await packNames(killed)).filter(isTemporary)).toHaveLength(1);
    (await other.compiled(process.execPath, 'archive')).expect(0);
    expect((await packNames(killed)).filter(isTemporary)).toHaveLength(1);
    (await killed.compiled(process.execPath, 'archive')).expect(0);
    expect((await packNames(killed)).filter(isTemporary)).toEqual([]);
  });
});
