import type { Archive } from '../archive/archive.ts';
import type { Installation } from '../installation.ts';
import { isUnreadable } from '../objects/cold.ts';
import type { Generation } from '../restore/generations.ts';
import { AskedThaws } from '../state/asked-thaws.ts';
import { type Thaw, thaw } from '../thaw/thaw.ts';
import type { ExitCode, GlobalFlags, Io } from './context.ts';
import { count } from './format.ts';
import { refuseCold } from './refuse-cold.ts';
import { keysOfRow, THAW_DAYS } from './restore-cold.ts';
import { amountOf, thawLines } from './thaw-text.ts';

/** The exit code where a generation that is to be printed cannot be read: nothing is printed then, and why is said. */
export async function refuseWhereCold(
  { state, clock }: Installation,
  archive: Archive,
  generations: readonly Generation[],
  io: Io,
  flags: GlobalFlags,
): Promise<ExitCode | undefined> {
  const found = await thaw({
    objects: archive.objects,
    keys: [...new Set(generations.flatMap(({ row }) => keysOfRow(archive, row)))],
    days: THAW_DAYS,
    asked: new AskedThaws(state, archive.objects.url),
    nowMs: clock.nowMs(),
    signal: io.signal,
  });
  if (found === undefined || found.state === 'ready') return undefined;
  const unreadable = new Set(found.objects.filter(isUnreadable).map(({ key }) => key));
  const isCold = ({ row }: Generation) => keysOfRow(archive, row).some((key) => unreadable.has(key));
  const cold = generations.filter(isCold);
  const readable = generations
    .filter((one) => !isCold(one) && one.number !== null)
    .map(({ number }) => number);
  const hint = 'when it is thawed, clawback cat prints it too; nothing need be restored for that';
  const commands = cold.map(({ row }) => `clawback restore ${row.archive_id}`);
  const lines = [
    ...thawLines(found, commands),
    ...(readable.length === 0 ? [] : [`can be read now: --generation ${readable.join(', --generation ')}`]),
    hint,
  ];
  const message = `print a transcript: ${whyNot(found, cold.length, generations.length)}, ${amountOf(found)}`;
  return refuseCold({ io, flags, found, message, lines, hint });
}

function whyNot({ state }: Thaw, cold: number, all: number): string {
  if (all === 1) return state === 'needed' ? 'it must be thawed first' : 'it is being thawed';
  const what = `${cold} of ${count(all, 'generation')}`;
  return state === 'needed' ? `${what} must be thawed first` : `${what} are being thawed`;
}
