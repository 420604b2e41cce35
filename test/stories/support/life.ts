import { Home } from './home.ts';
import { type Thread, threadOf, writeThreadStore } from './rooms.ts';
import { TRIM } from './trimmed.ts';

const DAY_MS = 86_400_000;

export interface ForgetJson {
  readonly marked: boolean;
  readonly dryRun: boolean;
  readonly deletableFrom: string;
  readonly sessions: readonly {
    readonly archiveId: string;
    readonly sessionKey: string | null;
    readonly lines: number | null;
  }[];
  readonly alreadyForgotten: number;
  readonly pinned: number;
  readonly problems: readonly unknown[];
  readonly notes: readonly string[];
}

export interface GcJson {
  readonly sessions: readonly string[];
  readonly kept: readonly { readonly archiveId: string; readonly why: string }[];
  readonly waiting: number;
  readonly nextDueAt: string | null;
  readonly batchesRewritten: number;
  readonly batchesDeleted: number;
  readonly objectsDeleted: number;
  readonly problems: readonly { readonly error: { readonly code: string } }[];
}

export interface LifeHome {
  readonly home: Home;
  /** Three old threads, archived together. */
  readonly threads: readonly [Thread, Thread, Thread];
  readonly keys: readonly [string, string, string];
}

/** Whoever `settings` name as archive holds three threads in one pack. */
export async function lifeHome(
  settings: Readonly<Record<string, unknown>> = {},
  agentId = 'main',
): Promise<LifeHome> {
  const home = await Home.create({ settings: { ...TRIM, ...settings } });
  const thread = (n: number, idleDays: number) =>
    threadOf('C0LIFE', `176250000${n}.000100`, {
      sessionId: `${n}${n}${n}${n}${n}${n}${n}${n}-aaaa-4bbb-8ccc-00000000000${n}`,
      updatedAtMs: home.nowMs - idleDays * DAY_MS,
      text: `secret number ${n}`,
    });
  const threads = [thread(1, 400), thread(2, 100), thread(3, 9)] as const;
  await writeThreadStore(home.storePath(agentId), { [agentId]: threads });
  await home.json('archive');
  const keys = threads.map(({ rest }) => `agent:${agentId}:${rest}`) as unknown as LifeHome['keys'];
  return { home, threads: [...threads], keys };
}
