import { describe, expect, onTestFinished, test } from 'vitest';
import { openObjectStore } from '../../src/objects/open.ts';
import { parseS3Url } from '../../src/objects/s3-url.ts';

describe('an s3:// archive', () => {
  test('is a bucket and perhaps a prefix', () => {
    expect(parseS3Url('s3://my.bucket')).toEqual({ bucket: 'my.bucket', prefix: '' });
    expect(parseS3Url('s3://bucket/')).toEqual({ bucket: 'bucket', prefix: '' });
    expect(parseS3Url('s3://bucket/a/b')).toEqual({ bucket: 'bucket', prefix: 'a/b/' });
    expect(parseS3Url('s3://bucket/a/b/')).toEqual({ bucket: 'bucket', prefix: 'a/b/' });
  });

  test('is refused, with what is allowed, where the URL is something else', async () => {
    const bad = [
      's3://',
      's3:///prefix',
      's3://ab',
      's3://Bucket/x',
      's3://bucket/../x',
      's3://bucket//x',
      's3://bucket/Ä',
    ];
    for (const url of bad) {
      await expect(openObjectStore({ url, s3: { region: 'r' } }), url).rejects.toMatchObject({
        code: 'config-invalid',
        hint: expect.stringContaining('a-z'),
      });
    }
  });

  test('never shows a credential that somebody put into a URL', async () => {
    const region = 'us-east-1';
    for (const location of [
      { url: 's3://AKIAID:hunter2@bucket/prefix', s3: { region } },
      { url: 's3://bucket/prefix?secret=hunter2', s3: { region } },
      { url: 's3://bucket', s3: { region, endpoint: 'https://id:hunter2@host' } },
      { url: 's3://bucket', s3: { region, endpoint: 'hunter2' } },
      { url: 's3://bucket', s3: { region, endpoint: 'ftp://hunter2' } },
    ]) {
      const error: unknown = await openObjectStore(location).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'config-invalid' });
      expect(`${(error as Error).stack} ${JSON.stringify(error)}`).not.toContain('hunter2');
    }
  });

  test('needs to know its region, unless the server is one of your own', async () => {
    const kept = { ...process.env };
    onTestFinished(() => {
      process.env = kept;
    });
    for (const name of ['AWS_REGION', 'AWS_DEFAULT_REGION', 'AWS_PROFILE']) delete process.env[name];
    process.env.AWS_CONFIG_FILE = '/nonexistent';
    await expect(openObjectStore({ url: 's3://bucket', s3: {} })).rejects.toMatchObject({
      code: 'config-invalid',
      hint: 'set s3.region or AWS_REGION',
    });
    const store = await openObjectStore({ url: 's3://bucket/p', s3: { endpoint: 'http://127.0.0.1:9000' } });
    expect(store.url).toBe('s3://bucket/p');
  });
});
