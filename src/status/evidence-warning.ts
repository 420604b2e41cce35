import type { UnreadableSource } from '../openclaw/activity-evidence.ts';
import { NEEDS_SQLITE } from '../openclaw/read-tasks.ts';

export interface EvidenceWarning {
  /** What cannot be read, and why not. */
  readonly source: string;
  /** What to do, or to type. */
  readonly advice: string;
}

/** Why every row is kept, and what ends that. Each source once, though every store looks at the same ones. */
export function evidenceWarnings(unreadable: readonly UnreadableSource[]): EvidenceWarning[] {
  const bySource = new Map(
    unreadable.map(({ where, why }): [string, EvidenceWarning] => {
      const source = `${where}: ${why}`;
      return [source, { source, advice: why === NEEDS_SQLITE ? RUN_ON_THAT_NODE : MEND }];
    }),
  );
  return [...bySource.values()];
}

const RUN_ON_THAT_NODE =
  'run clawback on the Node that OpenClaw runs on: /path/to/that/node "$(command -v clawback)" archive';

const MEND =
  'run clawback as the user that runs OpenClaw; if the file is damaged, openclaw doctor may mend it';
