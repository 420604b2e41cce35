import { resolve } from 'node:path';
import type { Archive } from '../archive/archive.ts';
import { ClawbackError, isClawbackError } from '../errors.ts';
import type { Installation } from '../installation.ts';
import type { CatalogueRow } from '../manifest/catalogue.ts';
import { manifestKey, packKey } from '../manifest/keys.ts';
import type { Manifest, ManifestFile } from '../manifest/manifest.ts';
import type { ThawTier } from '../objects/cold.ts';
import { AskedThaws } from '../state/asked-thaws.ts';
import { type Thaw, thaw } from '../thaw/thaw.ts';
import { EXIT, type ExitCode, type GlobalFlags, type Io, print } from './context.ts';
import { safe } from './format.ts';
import { refuseCold } from './refuse-cold.ts';
import { amountOf, formatUsd, minute, readyByMs, thawJson, thawLines } from './thaw-text.ts';

export interface ThawFlags {
  readonly to?: string;
  readonly dryRun?: boolean;
  /** True without a tier. */
  readonly thaw?: ThawTier | true;
  readonly thawDays?: number;
}

/** Long enough to come back after a weekend. */
export const THAW_DAYS = 3;

export interface RestoreContext {
  readonly installation: Installation;
  readonly archive: Archive;
  readonly io: Io;
  readonly flags: ThawFlags & GlobalFlags;
}

/** @throws {ClawbackError} `usage`. */
export function assertThawFlags({ thaw: asks, thawDays }: ThawFlags): void {
  if (thawDays === undefined || asks !== undefined) return;
  throw new ClawbackError('usage', 'restore: --thaw-days says how long, and nothing is asked for', {
    hint: 'add --thaw, or leave --thaw-days away',
  });
}

/** Looks whether a restore can read what it needs, and with `--thaw` asks for what it cannot. */
export function lookForThaw(
  { installation, archive, io, flags }: RestoreContext,
  keys: readonly string[],
): Promise<Thaw | undefined> {
  const asks = flags.thaw !== undefined && !flags.dryRun;
  return thaw({
    objects: archive.objects,
    keys,
    days: flags.thawDays ?? THAW_DAYS,
    tier: asks ? tierOf(flags) : undefined,
    asked: new AskedThaws(installation.state, archive.objects.url),
    nowMs: installation.clock.nowMs(),
    signal: io.signal,
  });
}

function tierOf({ thaw: asked }: ThawFlags): ThawTier {
  return asked === undefined || asked === true ? 'standard' : asked;
}

/** A dry run goes on, and says what it would wait for. */
export function mustWait(thaw: Thaw | undefined, { dryRun }: ThawFlags): thaw is Thaw {
  return thaw !== undefined && thaw.state !== 'ready' && !dryRun;
}

/** The objects that hold these files. */
export function packKeysFor({ packs }: Manifest, files: readonly ManifestFile[]): string[] {
  return files.some(({ place }) => place !== null) ? packs.map(({ key }) => key) : [];
}

/** All that a catalogue row needs: where the manifest cannot be read, names tell. */
export function keysOfRow(
  { instance }: Archive,
  { batch_id: batchId, revision, files }: CatalogueRow,
): string[] {
  return [
    manifestKey(instance, batchId, revision),
    ...(files > 0 ? [packKey(instance, batchId, revision)] : []),
  ];
}

export function isCold(error: unknown): error is ClawbackError {
  return isClawbackError(error) && error.code === 'object-cold';
}

export interface Named {
  readonly archiveId: string;
  readonly sessionKey: string | null;
  readonly sessionId: string | null;
}

/** Says what a restore waits for. Asked for, it has done its part; otherwise it has failed, and what to type follows. */
export function reportWaiting({ io, flags }: RestoreContext, named: Named, found: Thaw): ExitCode {
  const name = `${safe(named.sessionKey ?? named.sessionId)} (${named.archiveId})`;
  const again = `clawback restore ${named.archiveId}${flags.to === undefined ? '' : ' --to DIR'}`;
  const due = readyByMs(found);
  const next =
    found.state === 'needed'
      ? `${again} --thaw asks for it, ${again} goes on when it is there`
      : `${due === undefined ? 'when it is there' : `by ${minute(due)}`}: ${again}`;
  const lines = [...thawLines(found, [again]), ...(found.state === 'needed' ? [] : [next])];
  if (flags.thaw === undefined && !flags.dryRun) {
    const message = `restore ${name}: ${whyUnreadable(found)}, ${amountOf(found)}; nothing was restored`;
    return refuseCold({ io, flags, found, message, lines, hint: next });
  }
  const json = {
    schema: 'clawback.restore/1',
    dryRun: flags.dryRun ?? false,
    ...named,
    to: flags.to === undefined ? null : resolve(flags.to),
    files: [],
    row: 'untouched',
    setAside: [],
    thaw: thawJson(found),
  };
  print(io, flags, json, () => [waitingText(name, found), ...lines].join('\n  '));
  return EXIT.done;
}

function waitingText(name: string, found: Thaw): string {
  if (found.state === 'needed')
    return `${name}: ${whyUnreadable(found)}, ${amountOf(found)}; nothing was asked for`;
  if (found.state !== 'requested')
    return `${name}: a thaw is under way already, ${amountOf(found)}; nothing was restored yet`;
  const [estimate] = found.estimates;
  const price = estimate === undefined ? '' : `, ${estimate.takes}, ${formatUsd(estimate.totalUsd)}`;
  return `asked for a thaw of ${name}: ${amountOf(found)}${price}; nothing was restored yet`;
}

function whyUnreadable({ state }: Thaw): string {
  return state === 'needed' ? 'it must be thawed first' : 'it is being thawed';
}

/** For a restore that has gone through, or would: where what it reads was or is. */
export function thawNotes(found: Thaw | undefined, { archiveId }: Pick<Named, 'archiveId'>): string[] {
  if (found === undefined) return [];
  if (found.state === 'ready') return thawLines(found, []);
  return [
    `${whyUnreadable(found)}: ${amountOf(found)}`,
    ...thawLines(found, [`clawback restore ${archiveId}`]),
  ];
}
