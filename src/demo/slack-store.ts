import { writeOpenClawConfig } from './config-file.ts';
import { createRandom } from './random.ts';
import type { Row } from './rows.ts';
import { SessionsFolder } from './sessions-folder.ts';
import { plantBlockers, plantVariants, writeEvidence } from './slack-blockers.ts';
import { drawLiveSizes, type LivePlan, type LiveSession, writeLiveSession } from './slack-live.ts';
import { type SlackContext, writeGenerations, writeLooseFiles } from './slack-orphans.ts';
import { planSlackConversations } from './slack-plan.ts';
import { slackRow, subagentRow } from './slack-rows.ts';
import {
  type Orphan,
  type SyntheticSession,
  type SyntheticStore,
  type SyntheticStoreOptions,
  scaleCount,
} from './synthetic-store.ts';
import { conversationSetup } from './trajectories.ts';

const CODEX_SIDECARS = 11;
const STORE_TEMPS = 3;

/**
 * Writes the store of the Slack report: 584 rows, all of them protected, 4,874
 * files, 1.3 GB; 505 rows are older than a day, 122 older than a week, none older
 * than two. With `blockers`, 13 of those 122 must be kept (12 where the runtime
 * has no `node:sqlite`), and one more is found through its `sessionFile` only.
 *
 * @throws {ClawbackError} `usage` if the agent has a store already.
 */
export async function writeSlackStore(options: SyntheticStoreOptions): Promise<SyntheticStore> {
  const { stateDir, nowMs, agentId = 'main', seed = 1, sizeScale = 1, countScale = 1 } = options;
  const { blockers = true, orphans: withOrphans = true, variants = false } = options;
  const random = createRandom(`slack-584/${seed}/${agentId}`);
  const folder = new SessionsFolder(stateDir, agentId);
  writeOpenClawConfig(stateDir);

  const drawn: readonly LivePlan[] = planSlackConversations(random.fork('plan'), {
    agentId,
    nowMs,
    countScale,
  });
  const blocked = blockers ? plantBlockers(drawn, random.fork('blockers')) : drawn;
  const plans = variants ? plantVariants(blocked) : blocked;
  writeEvidence(stateDir, agentId, plans, random.fork('evidence'));

  const context = {
    folder,
    random,
    setup: conversationSetup(sizeScale, 'slack'),
    nowMs,
    sizeScale,
    countScale,
  };
  const { rows, sessions } = writeConversations(context, agentId, plans);
  const orphans = withOrphans ? writeOrphans(context, plans, sessions, rows) : [];
  folder.writeStore(rows, nowMs - Math.min(...sessions.map(({ ageMs }) => ageMs)));
  return {
    stateDir,
    sessionsDir: folder.dir,
    storePath: folder.storePath,
    rowCount: sessions.length,
    fileCount: folder.fileCount,
    bytes: folder.bytes,
    sessions,
    orphans,
  };
}

interface Written {
  readonly rows: Readonly<Record<string, Row>>;
  readonly sessions: readonly SyntheticSession[];
}

function writeConversations(context: SlackContext, agentId: string, plans: readonly LivePlan[]): Written {
  const { folder, random, setup, sizeScale, countScale } = context;
  const sizes = drawLiveSizes(random.fork('sizes'), plans.length, sizeScale, countScale);
  const rows: Record<string, Row> = {};
  const sessions: SyntheticSession[] = [];
  const bySessionId = new Map<string, LiveSession>();
  for (const [index, size] of sizes.entries()) {
    const plan = plans[index];
    if (plan === undefined) continue;
    const { sessionKey, sessionId, ageMs, blocker } = plan;
    const own = random.fork(sessionId);
    const twin = bySessionId.get(sessionId);
    const live =
      twin === undefined
        ? writeLiveSession(folder, plan, size, setup, sizeScale, own)
        : { ...twin, row: slackRow(plan, twin.sessionFile, own) };
    bySessionId.set(sessionId, live);
    rows[sessionKey] = live.row;
    sessions.push({ sessionKey, sessionId, ageMs, files: live.files, ...(blocker && { blocker }) });
    if (blocker === 'subagent-child') {
      const { row, ...child } = subagentRow(agentId, plan, own);
      rows[child.sessionKey] = row;
      sessions.push({ ...child, ageMs, files: [], blocker: 'running' });
    }
  }
  return { rows, sessions };
}

/** The report's count of files holds with and without blockers: what they plant takes a leftover's place. */
function writeOrphans(
  context: SlackContext,
  plans: readonly LivePlan[],
  sessions: readonly SyntheticSession[],
  rows: Readonly<Record<string, Row>>,
): Orphan[] {
  const liveSidecars = plans.filter((plan) => plan.blocker === 'codex-app-server').length;
  const locks = plans.filter((plan) => plan.locked).length;
  const codexSidecars = scaleCount(CODEX_SIDECARS, context.countScale) - liveSidecars;
  return [
    ...writeGenerations(context, plans, codexSidecars),
    ...writeLooseFiles(context, sessions, rows, STORE_TEMPS - locks),
  ];
}
