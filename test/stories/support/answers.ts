/** What the verbs print with `--json`, as far as the stories look at it; docs/cli-json.md has it whole. */
export interface ArchiveJson {
  readonly dryRun: boolean;
  readonly instance: string;
  readonly runId: string;
  readonly planned: {
    readonly rows: number;
    readonly protectedRows: number;
    readonly selectedRows: number;
    readonly selectedFiles: number;
    readonly selectedBytes: number;
    readonly bySelectReason: Readonly<Record<string, number>>;
    readonly keptRows: number;
    readonly keptByReason: Readonly<Record<string, number>>;
  };
  readonly done: Readonly<Record<string, number>>;
  readonly leftAlone: readonly unknown[];
  readonly filesLeft: readonly unknown[];
  readonly failures: readonly { readonly sessionKey: string | null; readonly error: ErrorJson }[];
  readonly problems: readonly unknown[];
  readonly skippedStores: readonly { readonly id: string; readonly state: string; readonly detail: string }[];
  /** With `--dry-run` or `--verbose`. */
  readonly plan: readonly {
    readonly storeId: string;
    readonly selected: readonly {
      readonly action: string;
      readonly reason: string;
      readonly sessionKey: string | null;
      readonly sessionId: string | null;
      readonly files: readonly { readonly name: string }[];
    }[];
    readonly kept: readonly { readonly sessionKey: string; readonly reason: string; readonly text: string }[];
    readonly keptFiles: readonly { readonly name: string; readonly reason: string }[];
  }[];
}

export interface ErrorJson {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

export interface ListJson {
  readonly instance: string;
  readonly totals: {
    readonly sessions: number;
    readonly files: number;
    readonly rawBytes: number;
    readonly storedBytes: number;
  };
  readonly sessions: readonly {
    readonly archiveId: string;
    readonly agentId: string;
    readonly sessionKey: string | null;
    readonly sessionId: string;
    readonly kind: string;
    readonly action: string;
    readonly lastActivityAt: string;
    readonly files: number;
    readonly rawBytes: number;
    readonly storedBytes: number;
    readonly generation: number | null;
    readonly generations: number;
    readonly recorder: boolean;
  }[];
}

export interface RestoreJson {
  readonly dryRun: boolean;
  readonly archiveId: string;
  readonly sessionKey: string | null;
  readonly sessionId: string;
  readonly files: readonly { readonly name: string; readonly size: number; readonly state: string }[];
  readonly recordersLeft: readonly { readonly archiveId: string; readonly why: string }[];
  readonly row: string;
  readonly setAside: readonly string[];
}

export interface VerifyJson {
  readonly manifests: number;
  readonly packs: number;
  readonly sessions: number;
  readonly packsRead: number;
  readonly rebuilt: boolean;
  readonly differences: readonly { readonly key: string; readonly error: ErrorJson }[];
  readonly uncatalogued: readonly string[];
  readonly strayPacks: readonly string[];
  readonly unsettled: readonly string[];
}

export interface ReclaimJson {
  readonly dryRun: boolean;
  readonly runId: string | null;
  readonly road: { readonly name: string } | null;
  readonly maxDiskBytes: number;
  readonly highWaterBytes: number;
  readonly before: DiskUseJson;
  /** Not with `--dry-run`. */
  readonly after: DiskUseJson;
  readonly steps: readonly {
    readonly step: string;
    readonly sessions: number;
    readonly files: number;
    readonly plannedBytes: number;
    readonly freedBytes: number;
    readonly plan?: readonly unknown[];
  }[];
  readonly isOver: boolean;
  readonly held: readonly { readonly reason: string; readonly files: number; readonly diskBytes: number }[];
  readonly done: Readonly<Record<string, number>>;
  readonly failures: readonly { readonly error: ErrorJson }[];
  readonly problems: readonly unknown[];
}

interface DiskUseJson {
  readonly files: number;
  readonly diskBytes: number;
  readonly byKind: Readonly<Record<string, { readonly files: number; readonly diskBytes: number }>>;
}
