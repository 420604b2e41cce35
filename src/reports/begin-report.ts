import type { Archive } from '../archive/archive.ts';
import type { ErrorCode } from '../errors.ts';
import type { Installation } from '../installation.ts';
import { VERSION } from '../version.ts';
import { type BegunRun, buildReport, type EndedRun } from './build-report.ts';
import { writeReport } from './report-objects.ts';
import type { RunReport } from './run-report.ts';
import { type Survey, surveyStores } from './survey.ts';

/** A run on its way to a report. */
export interface BegunReport {
  /**
   * Measures what the run left, builds its report and keeps it in the archive. Never throws: what goes wrong is told
   * to `onFailed`. Returns the report, also if only keeping it went wrong; undefined if it could not be made.
   */
  end(ended: EndedRun): Promise<RunReport | undefined>;
}

/**
 * To be called before a run changes anything, with its stores locked: measures what it finds.
 * @param onFailed told why there is no report, or why it is not kept: the run goes on, and ends as it would have.
 */
export async function beginReport(
  installation: Installation,
  archive: Archive,
  begun: BegunRun,
  onFailed: (error: unknown) => void = () => {},
): Promise<BegunReport> {
  const before = await surveyStores(installation).catch((error: unknown) => {
    onFailed(error);
    return undefined;
  });
  return {
    end: async (ended) => {
      // What is gone need not be asked a second time, nor its failure be told again.
      if (before === undefined || (ended.endedBy !== undefined && NO_ARCHIVE.has(ended.endedBy)))
        return undefined;
      let report: RunReport | undefined;
      try {
        report = await measureAndBuild(installation, archive, begun, ended, before);
        await writeReport(archive, report, installation.config.compression.level);
      } catch (error) {
        onFailed(error);
      }
      return report;
    },
  };
}

const NO_ARCHIVE = new Set<ErrorCode>([
  'archive-unreachable',
  'archive-denied',
  'archive-protocol',
  'archive-io',
]);

async function measureAndBuild(
  installation: Installation,
  archive: Archive,
  begun: BegunRun,
  ended: EndedRun,
  before: Survey,
): Promise<RunReport> {
  return buildReport(begun, ended, {
    before,
    after: await surveyStores(installation),
    endedMs: installation.clock.nowMs(),
    // A damaged manifest has been told by the run itself; what it names is not counted.
    archived: await archive.catalogue({ onDamage: () => {} }),
    tool: `clawback/${VERSION}`,
    instance: archive.instance,
    agents: installation.agents,
  });
}
