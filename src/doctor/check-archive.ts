import { assertSameArchive } from '../leases/same-archive.ts';
import { checkSignal } from '../objects/checks.ts';
import type { ArchiveLocation } from '../objects/location.ts';
import { openForProbe } from '../objects/open.ts';
import { LocalState } from '../state/local-state.ts';
import { SeenLeases } from '../state/seen-leases.ts';
import { archiveCold } from './archive-cold.ts';
import { archiveForgotten } from './archive-forgotten.ts';
import { archiveSpace } from './archive-space.ts';
import { type Check, type Finding, ok, problem } from './check.ts';
import { attempt } from './examination.ts';
import { probeArchive } from './probe-archive.ts';
import { clockFinding, stepFindings } from './probe-findings.ts';

/** Whether the archive does what runs and restores need of it: by doing it, on objects that are removed again. */
export const checkArchive: Check = async ({ settings, stateDir, options, probe, signal }) => {
  if (!settings.ok) return [];
  const { archive: url, s3, instance: named, verify, gc, nightly } = settings.value.config;
  if (!probe) return [ok(`${url}: not tried (--no-probe)`)];
  const opened = await attempt(() => openWith({ url, s3 }, named, stateDir));
  if (!opened.ok) return [problem(opened.error)];
  const { archive, instance } = opened.value;
  const tried = await attempt(() =>
    probeArchive(archive, { instance, nowMs: options.clock.nowMs(), signal }),
  );
  checkSignal('try the archive', signal);
  if (!tried.ok) return [problem(tried.error)];
  const findings: Finding[] = stepFindings(tried.value, { url, verify, prefix: instance ?? 'probe' });
  if (archive.server !== undefined) findings.push(...clockFinding(archive.server.clockAheadMs));
  const canList = tried.value.some(({ name, state }) => name === 'list' && state === 'done');
  if (canList) findings.push(...(await archiveCold(archive.objects, instance, signal)));
  if (canList && instance !== undefined) {
    const seen = new SeenLeases(new LocalState(stateDir), archive.objects.url, instance);
    const same = await attempt(() => assertSameArchive({ objects: archive.objects, instance }, seen, signal));
    if (!same.ok) findings.push(problem(same.error));
    const grace = { nowMs: options.clock.nowMs(), graceMs: gc.graceMs, isNightly: nightly.gc, signal };
    findings.push(...(await archiveForgotten({ objects: archive.objects, instance, stateDir, grace })));
  }
  if (archive.folder !== undefined) findings.push(...(await archiveSpace(archive, archive.folder, instance)));
  return findings;
};

/** Never makes a name for the instance: a look must not. */
async function openWith(location: ArchiveLocation, named: string | undefined, stateDir: string) {
  const instance = named ?? (await new LocalState(stateDir).instance());
  return { archive: await openForProbe(location), instance };
}
