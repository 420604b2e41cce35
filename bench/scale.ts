import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { count, formatBytes, table } from '../src/cli/format.ts';
import { writeModelRunStore } from '../src/demo/model-run-store.ts';
import { archiveCommand, type ClawbackPlace, clawback } from './clawback.ts';
import { type Command, measure } from './measure.ts';

export interface ScaleOptions {
  readonly folder: string;
  readonly say: (text: string) => void;
}

/** The first report's store, 549 rows, times these: each step is twice the one before. */
const STEPS = [9, 18, 36];

const REPORT_ROWS = 549;

/** Runs whose catalogue objects `list` gathers. */
const RUNS = 4;

/**
 * Times what reads a whole store, or a whole archive, on three sizes: a column that grows faster than the
 * rows do is a mistake.
 */
export async function measureScale({ folder, say }: ScaleOptions): Promise<void> {
  const commands = ['status', 'archive --dry-run', 'archive', 'list', 'cat'];
  const rows: (string | number)[][] = [];
  for (const step of STEPS) {
    const place = await makeStores(join(folder, String(step)), step);
    const files = (await readdir(join(place.stateDir, 'agents'), { recursive: true })).length;
    const times: number[] = [];
    let peak = 0;
    const time = async (command: Command) => {
      const { wallMs, peakBytes = 0, stdout } = await measure([command]);
      times.push(wallMs);
      peak = Math.max(peak, peakBytes);
      return stdout;
    };
    await time(clawback(place, ['status', '--json']));
    await time(clawback(place, ['archive', '--dry-run', '--json']));
    for (const agent of agentIds()) {
      const { wallMs, peakBytes = 0 } = await measure([withAgent(archiveCommand(place), agent)]);
      times[2] = (times[2] ?? 0) + wallMs;
      peak = Math.max(peak, peakBytes);
    }
    const { sessions } = JSON.parse(await time(clawback(place, ['list', '--json']))) as {
      sessions: readonly { archiveId: string }[];
    };
    await time(clawback(place, ['cat', sessions[0]?.archiveId ?? '']));
    rows.push([
      count(step * REPORT_ROWS, 'row'),
      count(files, 'file'),
      count(sessions.length, 'archived session'),
      ...times.map((ms) => `${(ms / 1000).toFixed(2)} s`),
      formatBytes(peak),
    ]);
  }
  say(table([['store', '', 'archive', ...commands, 'peak memory'], ...rows]));
}

/** One state folder with several agents; each is archived by a run of its own. */
async function makeStores(folder: string, step: number): Promise<ClawbackPlace> {
  const stateDir = join(folder, 'openclaw');
  await mkdir(folder);
  for (const agentId of agentIds()) {
    const countScale = step / RUNS;
    await writeModelRunStore({ stateDir, agentId, nowMs: Date.now(), countScale, sizeScale: 0.01 });
  }
  if (!existsSync(stateDir)) throw new Error(`bench: no store in ${stateDir}`);
  return { stateDir, archive: `file://${join(folder, 'archive')}` };
}

function agentIds(): string[] {
  return Array.from({ length: RUNS }, (_, index) => `agent-${index + 1}`);
}

function withAgent(command: Command, agentId: string): Command {
  return { ...command, args: [...command.args, '--agent', agentId] };
}
