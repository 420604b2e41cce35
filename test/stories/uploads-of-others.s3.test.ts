import { describe, expect, onTestFinished, test } from 'vitest';
import { S3ObjectStore } from '../../src/objects/s3.ts';
import { spawnAnd } from '../support/fault-stories.ts';
import { freshBucket } from '../support/s3-bucket.ts';
import { hasS3, s3Access } from '../support/s3-provided.ts';
import type { ArchiveJson, VerifyJson } from './support/answers.ts';
import type { Home } from './support/home.ts';
import { Line } from './support/line.ts';
import { hostWith, INSTANCE, LARGE_BYTES } from './support/two-hosts.ts';

/** As the SDK of a child process finds them. */
function credentials(): Record<string, string> {
  const { accessKeyId, secretAccessKey, region } = s3Access();
  return { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_REGION: region };
}

/** Two hosts without an agent in common; what the first one sends goes through the line. */
async function twoHosts() {
  const { url, s3 } = await freshBucket(s3Access());
  const line = await Line.to(s3Access().endpoint);
  onTestFinished(() => line.close());
  const objects = await S3ObjectStore.open(url, s3);
  const open = async () => {
    const keys: string[] = [];
    for await (const key of objects.openUploads(`${INSTANCE}/`)) keys.push(key);
    return keys;
  };
  const slow = await hostWith({ archive: url, s3: { ...s3, endpoint: line.endpoint } }, LARGE_BYTES);
  return { slow, other: await hostWith({ archive: url, s3 }, 0, 'ops'), line, open };
}

/** The signal reaches a run of this host when it has sent a part and begins the next. */
function archiveAndSignal(
  slow: Home,
  line: Line,
  signal: 'SIGSTOP' | 'SIGKILL',
  then: (kill: (signal: NodeJS.Signals) => void) => Promise<void>,
) {
  const meddle = async (kill: (signal: NodeJS.Signals) => void) => {
    await new Promise<void>((resolve) => {
      line.cutBefore = (request) => {
        if (!/[?&]partNumber=3/.test(request)) return false;
        kill(signal);
        line.cutBefore = () => false;
        resolve();
        return false;
      };
    });
    await then(kill);
  };
  return spawnAnd(slow, ['archive', '--json'], meddle, credentials());
}

describe.skipIf(!hasS3)(
  'two hosts that use one instance name in a bucket and have no agent in common',
  () => {
    test('upload at the same time, and neither gives up what the other sends', async () => {
      const { slow, other, line, open } = await twoHosts();
      const ending = await archiveAndSignal(slow, line, 'SIGSTOP', async (kill) => {
        expect(await open()).toHaveLength(1);
        await other.json('archive');
        expect(await open()).toHaveLength(1);
        kill('SIGCONT');
      });
      expect(ending.code, ending.output).toBe(0);
      expect(JSON.parse(ending.output) as ArchiveJson).toMatchObject({ failures: [] });
      expect(await open()).toEqual([]);
      expect(await slow.json<VerifyJson>('verify', '--read-data')).toMatchObject({ differences: [] });
    });

    test('leave to each host what a run of its own has left, and that one gives it up', async () => {
      const { slow, other, line, open } = await twoHosts();
      await archiveAndSignal(slow, line, 'SIGKILL', async () => {});
      expect(await open()).toHaveLength(1);
      await other.json('archive');
      expect(await open()).toHaveLength(1);
      await slow.json('archive');
      expect(await open()).toEqual([]);
    });
  },
);
