import type { Finding } from '../doctor/check.ts';
import { type CheckResult, type Diagnosis, diagnose } from '../doctor/doctor.ts';
import { neutralise } from '../restore/terminal-text.ts';
import { EXIT, installationOptions, print, type Verb } from './context.ts';
import { count, safe } from './format.ts';

interface DoctorFlags {
  readonly probe?: boolean;
}

export const doctor: Verb<DoctorFlags> = async (io, flags) => {
  const diagnosis = await diagnose({
    ...installationOptions(io, flags),
    probe: flags.probe ?? true,
    signal: io.signal,
  });
  const json = { schema: 'clawback.doctor/1', ...diagnosis };
  const problems = findings(diagnosis).filter(({ level }) => level === 'problem');
  print(
    io,
    flags,
    json,
    () => describe(diagnosis),
    problems.map(({ text }) => `PROBLEM: ${safe(text)}`),
  );
  return diagnosis.level === 'problem' ? EXIT.failed : EXIT.done;
};

const LABELS = { ok: 'ok', warning: 'WARNING', problem: 'PROBLEM' } as const;

function describe(diagnosis: Diagnosis): string {
  return [
    `state folder ${diagnosis.stateDir}`,
    ...diagnosis.checks.map(describeCheck),
    summary(diagnosis),
  ].join('\n\n');
}

function describeCheck({ name, findings: found }: CheckResult): string {
  return [name, ...found.map(describeFinding)].join('\n');
}

function describeFinding({ level, text, advice }: Finding): string {
  const line = `  ${LABELS[level].padEnd(7)}  ${inLines(text)}`;
  return advice === undefined ? line : `${line}\n           to do: ${inLines(advice)}`;
}

/** The messages of settings list several problems, each on its line. */
function inLines(text: string): string {
  return neutralise(text).replaceAll('\n', '\n           ');
}

function summary(diagnosis: Diagnosis): string {
  const all = findings(diagnosis);
  const problems = all.filter(({ level }) => level === 'problem').length;
  const warnings = all.filter(({ level }) => level === 'warning').length;
  const and = warnings === 0 ? '' : `; ${count(warnings, 'warning')}`;
  return problems === 0
    ? `a nightly run would go through${and}`
    : `a nightly run would FAIL: ${count(problems, 'problem')} to mend first${and}`;
}

function findings({ checks }: Diagnosis): Finding[] {
  return checks.flatMap(({ findings: found }) => found);
}
