import type { Check, Finding, Level } from './check.ts';
import { checkArchive } from './check-archive.ts';
import { checkCap } from './check-cap.ts';
import { checkDrill } from './check-drill.ts';
import { checkEvidence } from './check-evidence.ts';
import { checkGateway } from './check-gateway.ts';
import { checkMonitoring } from './check-monitoring.ts';
import { checkOpenClaw } from './check-openclaw.ts';
import { checkPermissions } from './check-permissions.ts';
import { checkRuntime } from './check-runtime.ts';
import { checkSettings } from './check-settings.ts';
import { checkSpace } from './check-space.ts';
import { checkStores } from './check-stores.ts';
import { type ExamineOptions, examine } from './examination.ts';

/** In the order in which they are printed: what a later one needs is looked at first. */
export const CHECKS: Readonly<Record<string, Check>> = {
  runtime: checkRuntime,
  settings: checkSettings,
  openclaw: checkOpenClaw,
  stores: checkStores,
  permissions: checkPermissions,
  gateway: checkGateway,
  evidence: checkEvidence,
  cap: checkCap,
  space: checkSpace,
  archive: checkArchive,
  drill: checkDrill,
  monitoring: checkMonitoring,
};

export interface CheckResult {
  readonly name: string;
  readonly level: Level;
  readonly findings: readonly Finding[];
}

export interface Diagnosis {
  readonly stateDir: string;
  /** The worst of all. `problem`: a nightly run would fail. */
  readonly level: Level;
  readonly checks: readonly CheckResult[];
}

/** Runs every check. One whose object is missing has nothing to say: another check has said why. @throws {ClawbackError} `interrupted`. */
export async function diagnose(options: ExamineOptions): Promise<Diagnosis> {
  const examination = await examine(options);
  const checks: CheckResult[] = [];
  for (const [name, check] of Object.entries(CHECKS)) {
    const findings = await check(examination);
    if (findings.length > 0) checks.push({ name, level: worst(findings), findings });
  }
  return { stateDir: examination.stateDir, level: worst(checks), checks };
}

function worst(results: readonly { readonly level: Level }[]): Level {
  const levels = results.map(({ level }) => level);
  return levels.includes('problem') ? 'problem' : levels.includes('warning') ? 'warning' : 'ok';
}
