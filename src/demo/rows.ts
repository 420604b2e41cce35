/** A row of sessions.json, as plain JSON. */
export type Row = Readonly<Record<string, unknown>>;

/** When a row's last run took place. `startedAtMs <= endedAtMs <= updatedAtMs`. */
export interface RowTimes {
  readonly sessionStartedAtMs: number;
  readonly updatedAtMs: number;
}

const RUN_MS = 4_200;
/** From the end of the run to the write of the row. */
const WRITE_DELAY_MS = 48;

/** Identity, times and counters: what every row has, whatever conversation it stands for. */
export function activityFields(
  sessionId: string,
  sessionFile: string,
  times: RowTimes,
  tokens: { readonly input: number; readonly output: number },
): Row {
  const endedAt = times.updatedAtMs - WRITE_DELAY_MS;
  const startedAt = Math.max(times.sessionStartedAtMs, endedAt - RUN_MS);
  return {
    sessionId,
    updatedAt: times.updatedAtMs,
    sessionStartedAt: times.sessionStartedAtMs,
    lastInteractionAt: startedAt,
    sessionFile,
    systemSent: true,
    status: 'done',
    startedAt,
    endedAt,
    runtimeMs: endedAt - startedAt,
    abortedLastRun: false,
    compactionCount: 0,
    contextTokens: 200_000,
    inputTokens: tokens.input,
    outputTokens: tokens.output,
    totalTokens: tokens.input + tokens.output,
    totalTokensFresh: true,
    cacheRead: 0,
    cacheWrite: 0,
    estimatedCostUsd: 0,
  };
}

export interface Route {
  readonly channel: string;
  /** Where a reply goes: `channel:C0ABC`, `user:U0ABC`. */
  readonly to: string;
  readonly from: string;
  readonly chatType: 'direct' | 'group' | 'channel';
  readonly label: string;
  readonly nativeChannelId?: string;
  readonly threadId?: string;
}

/** Everything that a later message or reply needs to find its way. */
export function routingFields(route: Route): Row {
  const { channel, to, from, chatType, label, nativeChannelId, threadId } = route;
  const thread = threadId === undefined ? {} : { threadId };
  const native = nativeChannelId === undefined ? {} : { nativeChannelId };
  return {
    chatType,
    channel,
    displayName: `${channel}:${label}`,
    origin: {
      label,
      provider: channel,
      surface: channel,
      chatType,
      from,
      to,
      ...native,
      accountId: 'default',
      ...thread,
    },
    deliveryContext: { channel, to, accountId: 'default', ...thread },
    lastChannel: channel,
    lastTo: to,
    lastAccountId: 'default',
    ...(threadId === undefined ? {} : { lastThreadId: threadId }),
  };
}
