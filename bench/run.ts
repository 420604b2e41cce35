import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { compare } from './compare.ts';
import { startS3Target } from './s3-target.ts';

// npm run bench [-- --quick | --full | --memory | --scale] [--no-s3] [--rounds N]
// Compares the built program with other tools, in ratios of medians. docs/contributing.md says how to read it.

const { values } = parseArgs({
  allowNegative: true,
  options: {
    /** A corpus of a few files, one round, no S3: shows in seconds that the benchmark itself works. */
    quick: { type: 'boolean', default: false },
    /** The whole report instead of a tenth: starts of processes and threads weigh less. */
    full: { type: 'boolean', default: false },
    memory: { type: 'boolean', default: false },
    scale: { type: 'boolean', default: false },
    s3: { type: 'boolean', default: true },
    rounds: { type: 'string' },
  },
});

const say = (text: string) => console.log(text);
const folder = await mkdtemp(join(tmpdir(), 'clawback-bench-'));
const target =
  values.s3 && !values.quick && !values.scale ? await startS3Target() : { absent: 'not asked for' };
const s3 = 'absent' in target ? undefined : target;
try {
  say(`node ${process.version}, ${process.platform} ${process.arch}, ${cpus().length} cores`);
  say(`S3: ${'absent' in target ? `SKIPPED, ${target.absent}` : target.road}\n`);
  if (values.memory) await (await import('./memory.ts')).measureMemory({ folder, s3, say });
  else if (values.scale) await (await import('./scale.ts')).measureScale({ folder, say });
  else {
    const shape = values.quick
      ? { countScale: 0.02, sizeScale: 0.05 }
      : { countScale: values.full ? 1 : 0.1, sizeScale: 1 };
    const rounds = Number(values.rounds ?? (values.quick ? 1 : 5));
    await compare({ folder, s3, say, ...shape, rounds, warmUps: values.quick ? 0 : 1 });
  }
} finally {
  await s3?.stop();
  await rm(folder, { recursive: true, force: true });
}
