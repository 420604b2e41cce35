import { type ArchivePlan, type PlanInput, type PlannedSession, planArchive } from './plan.ts';
import type { SelectReason } from './reasons.ts';

/** What a disk over its budget is freed of, in this order; each step only as far as the ones before were not enough. */
export const RECLAIM_STEPS = ['temporaries', 'copies', 'orphans', 'trajectories', 'protected'] as const;

export type ReclaimStep = (typeof RECLAIM_STEPS)[number];

/** The steps that archive before they free. */
export type ArchivingStep = Exclude<ReclaimStep, 'temporaries' | 'copies'>;

/**
 * Everything that one step may take of a store, whether or not it is needed. `copies` may take what any of the others
 * may, if the archive holds it. Pure.
 *
 * @param floorMs idle time from which protected conversations may go; undefined: none may.
 */
export function planStep(
  step: ArchivingStep | 'copies',
  input: PlanInput,
  floorMs: number | undefined,
): ArchivePlan {
  switch (step) {
    case 'orphans':
      return planOrphans(input);
    case 'trajectories':
      return planTrajectories(input);
    case 'protected':
      return planProtected(input, floorMs);
    case 'copies': {
      const plans = [planOrphans(input), planTrajectories(input), planProtected(input, floorMs)] as const;
      const selected = plans.flatMap((plan) => plan.selected);
      return { ...plans[0], selected: selected.map((one) => ({ ...one, reason: 'budget-copy' })) };
    }
  }
}

/** Idle rows that nothing keeps, of whatever kind: those that only their age may keep from going. */
export function planIdle(input: PlanInput): ArchivePlan {
  const { minIdleMs, agentIds } = input.policy;
  const policy = {
    minIdleMs,
    perKindMs: {},
    protectedPruneAfterMs: minIdleMs,
    modelRunPruneAfterMs: minIdleMs,
    pruneAfterMs: minIdleMs,
    orphanPruneAfterMs: minIdleMs,
    ...(agentIds === undefined ? {} : { agentIds }),
  };
  return planArchive({ ...input, policy });
}

function planOrphans(input: PlanInput): ArchivePlan {
  const policy = { ...input.policy, orphanPruneAfterMs: input.policy.minIdleMs };
  return narrowed(planArchive({ ...input, policy }), 'budget-orphan', ({ row }) => row === null);
}

/** The flight recorder alone: OpenClaw begins a new one with the next turn. */
function planTrajectories(input: PlanInput): ArchivePlan {
  const plan = planIdle(input);
  const selected = plan.selected.flatMap((session) => {
    const files = session.files.filter(({ kind }) => kind === 'trajectory');
    if (session.row === null || files.length === 0) return [];
    return [{ ...session, action: 'files', reason: 'budget-trajectory', row: null, files } as const];
  });
  return { ...plan, selected, retired: [] };
}

function planProtected(input: PlanInput, floorMs: number | undefined): ArchivePlan {
  if (floorMs === undefined) return { ...planArchive(input), selected: [], retired: [] };
  const policy = { ...input.policy, protectedPruneAfterMs: floorMs };
  const isTrim = ({ row, action }: PlannedSession) => row !== null && action === 'trim';
  return narrowed(planArchive({ ...input, policy }), 'budget-protected', isTrim);
}

function narrowed(
  plan: ArchivePlan,
  reason: SelectReason,
  isWanted: (session: PlannedSession) => boolean,
): ArchivePlan {
  const selected = plan.selected.filter(isWanted).map((session) => ({ ...session, reason }));
  return { ...plan, selected, retired: [] };
}
