import { defineConfig } from 'vitest/config';

// unit: pure code and one module at a time · stories: whole runs against a directory archive ·
// s3: whatever needs a real S3 server · openclaw: a real OpenClaw release (npm run test:openclaw).
const S3 = 'test/**/*.s3.test.ts';
const STORIES = 'test/stories/**/*.test.ts';
const OPENCLAW = 'test/openclaw/**/*.test.ts';

/**
 * Suites start and end hundreds of worker threads in one process, over which V8's book-keeping of code pages stumbles now
 * and then (`Check failed: jit_page.has_value()`, nodejs/node#64500). Without hardware keys for them it does not.
 */
const execArgv = ['--no-memory-protection-keys'];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          execArgv,
          include: ['test/**/*.test.ts'],
          exclude: [S3, STORIES, OPENCLAW],
          // A machine that builds something else at the same time is slow, not wrong.
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'stories',
          execArgv,
          include: [STORIES],
          exclude: [S3],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 's3',
          execArgv,
          include: [S3],
          globalSetup: ['test/support/s3-global-setup.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
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
