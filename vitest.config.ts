import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// unit: pure code and one module at a time · stories: whole runs against a directory archive ·
// s3: whatever needs a real S3 server · openclaw: a real OpenClaw release (npm run test:openclaw).
const S3 = 'test/**/*.s3.test.ts';
const STORIES = 'test/stories/**/*.test.ts';
const OPENCLAW = 'test/openclaw/**/*.test.ts';

/**
 * Tests run the worker threads from source. Node strips their types by WebAssembly, and over that being started and ended
 * hundreds of times in one process V8 stumbles now and then (nodejs/node#64500). What is cached needs no stripping.
 */
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('.cache/compile/', import.meta.url));

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [S3, STORIES, OPENCLAW],
          // A machine that builds something else at the same time is slow, not wrong.
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'stories',
          include: [STORIES],
          exclude: [S3],
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: 's3',
          include: [S3],
          globalSetup: ['test/support/s3-global-setup.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        // One file at a time: a gateway takes half a gigabyte.
        test: {
          name: 'openclaw',
          include: [OPENCLAW],
          testTimeout: 600_000,
          hookTimeout: 900_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
