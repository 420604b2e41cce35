import { constants, existsSync } from 'node:fs';
import { cp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeSlackStore } from '../src/demo/slack-store.ts';
import { type ClawbackPlace, clawbackJson } from './clawback.ts';
import { addImages } from './images.ts';
import { measure } from './measure.ts';

/** Everything that is older than an hour goes: there is nothing else that `tar` could be compared with. */
const SETTINGS = { retention: { protectedPruneAfter: '1h', orphanPruneAfter: '1h', minIdle: '1h' } };

export interface CorpusScale {
  /** Share of the second report's rows and files. */
  readonly countScale: number;
  /** Share of their size. */
  readonly sizeScale: number;
}

export interface Selected {
  readonly sessionKey: string | null;
  readonly files: readonly { readonly name: string; readonly sizeBytes: number }[];
}

/** A store to archive again and again, always from the same place: its rows name their files by absolute path. */
export interface Corpus {
  readonly stateDir: string;
  readonly sessionsDir: string;
  /** What clawback selects, by its own dry run; every other tool gets exactly these files. */
  readonly selected: readonly Selected[];
  readonly fileNames: readonly string[];
  readonly rawBytes: number;
  /** Puts the untouched store into its place. */
  renew(): Promise<void>;
}

export async function makeCorpus(folder: string, scale: CorpusScale): Promise<Corpus> {
  const stateDir = join(folder, 'openclaw');
  const store = await writeSlackStore({ stateDir, nowMs: Date.now(), blockers: false, seed: 1, ...scale });
  addImages(store.sessionsDir);
  return corpusOf(folder, stateDir, store.sessionsDir);
}

/** Takes over a state folder that has been written below `folder`. */
export async function corpusOf(folder: string, stateDir: string, sessionsDir: string): Promise<Corpus> {
  await writeFile(join(stateDir, 'clawback.json'), JSON.stringify(SETTINGS));
  const selected = await select({ stateDir, archive: `file://${join(folder, 'none')}` });
  const files = selected.flatMap((session) => session.files);
  const untouched = `${stateDir}-untouched`;
  await rename(stateDir, untouched);
  return {
    stateDir,
    sessionsDir,
    selected,
    fileNames: files.map(({ name }) => name),
    rawBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    async renew() {
      await rm(stateDir, { recursive: true, force: true });
      const mode = constants.COPYFILE_FICLONE;
      await cp(untouched, stateDir, { recursive: true, preserveTimestamps: true, mode });
      // What the copy left unwritten would otherwise be paid for by the first who calls fsync.
      if (existsSync('/bin/sync')) await measure([{ program: '/bin/sync', args: [] }]);
    },
  };
}

interface DryRun {
  readonly plan: readonly { readonly selected: readonly Selected[] }[];
}

async function select(place: ClawbackPlace): Promise<readonly Selected[]> {
  const { plan } = await clawbackJson<DryRun>(place, ['archive', '--dry-run']);
  return plan.flatMap(({ selected }) => selected);
}
