/**
 * The session id of the reply that the gateway prepares for a key, undefined if there is none. OpenClaw's own
 * registry, undocumented and the same on 2026.5.28, 2026.6.11 and 2026.7.35; one that is shaped otherwise knows nothing.
 */
export function replySessionId(sessionKey: string, globals: object = globalThis): unknown {
  const registry = Reflect.get(globals, Symbol.for('openclaw.replyRunRegistry')) as
    | { readonly activeRunsByKey?: unknown }
    | undefined;
  const runs = registry?.activeRunsByKey;
  const run =
    runs instanceof Map ? (runs.get(sessionKey) as { readonly sessionId?: unknown } | undefined) : undefined;
  return run?.sessionId;
}
