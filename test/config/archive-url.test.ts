import { describe, expect, test } from 'vitest';
import { archiveUrlProblem } from '../../src/config/archive-url.ts';

describe('the URL of an archive', () => {
  test.each([
    'file:///var/archive',
    'file:///var/my%20archive/',
    'file:///mnt/nas@home/archive',
    's3://bucket',
    's3://my.bucket-1/',
    's3://bucket/Prefix/of_parts/v1.2',
  ])('%s is taken', (url) => {
    expect(archiveUrlProblem(url)).toBeUndefined();
  });

  test.each([
    ['/var/archive', 'type file:///var/archive'],
    ['/var/my archive', 'type file:///var/my%20archive'],
    ['archive', 'is not a URL; type file:///absolute/dir'],
    ['~/archive', 'is not a URL'],
    ['', 'is not a URL'],
    ['file://archive', 'is not absolute'],
    ['file:archive', 'is not absolute'],
    ['file://host/share', 'is not absolute'],
    ['file:///', 'is the root folder'],
    ['file:///var/../etc', 'has .. in its path'],
    ['file:///var/a%00b', 'a percent escape'],
    ['file:///var/100%', 'a percent escape'],
    ['file:///var/a?b', 'has a ? or #'],
    ['s3://', 'no valid bucket'],
    ['s3://Bucket/x', 'no valid bucket'],
    ['s3://bucket//x', 'empty or dot segment'],
    ['s3://bucket/../x', 'empty or dot segment'],
    ['s3://bucket/a b', 'other characters'],
    ['gs://bucket/x', 'unknown scheme'],
    ['https://bucket.s3.amazonaws.com/x', 'unknown scheme'],
    ['s3://key:secret@bucket', 'holds a credential'],
  ])('%s is refused: %s', (url, problem) => {
    expect(archiveUrlProblem(url)).toContain(problem);
  });
});
