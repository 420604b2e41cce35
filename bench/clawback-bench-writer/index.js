// Bench-only plugin: updates rows inside the gateway, one write after the other and as fast as they go, through
// OpenClaw's own `updateSessionStoreEntry`. `bench.write.start {keys}` answers once the first write is on the disk,
// `bench.write.stop` with what was written, and what was not there any more when it was read again.
import { updateSessionStoreEntry } from 'openclaw/plugin-sdk/session-store-runtime';

export default {
  id: 'clawback-bench-writer',
  name: 'Flat-out writer of session rows',
  register(api) {
    let writer;
    const method = (name, handle) =>
      api.registerGatewayMethod(
        name,
        ({ params, respond }) => {
          handle(params).then(
            (payload) => respond(true, payload),
            (error) =>
              respond(false, undefined, { code: 'UNAVAILABLE', message: String(error?.stack ?? error) }),
          );
        },
        { scope: 'operator.admin' },
      );
    method('bench.write.start', async ({ keys }) => {
      writer = await startWriter(storePathOf(api), keys);
      return {};
    });
    method('bench.write.stop', async () => await writer.stop());
  },
};

/** Spelled as the gateway spells it: its queue of writers is named by this very string. */
function storePathOf({ runtime }) {
  return runtime.agent.session.resolveStorePath(runtime.config.current().session?.store, { agentId: 'main' });
}

async function startWriter(storePath, keys) {
  // The first write fills the cache and rewrites what the release spells otherwise; it is not counted.
  await updateSessionStoreEntry({ storePath, sessionKey: keys[0], update: () => ({ benchCount: -1 }) });
  const startedMs = performance.now();
  const written = {};
  let updates = 0;
  let lost = 0;
  let stopped = false;
  const write = async () => {
    while (!stopped) {
      const sessionKey = keys[updates % keys.length];
      const benchCount = updates;
      let seen;
      const entry = await updateSessionStoreEntry({
        storePath,
        sessionKey,
        update: (row) => {
          seen = row.benchCount;
          return { benchCount };
        },
      });
      if (entry === null || (sessionKey in written && seen !== written[sessionKey])) lost += 1;
      written[sessionKey] = benchCount;
      updates += 1;
    }
    return { updates, lost, seconds: (performance.now() - startedMs) / 1000, written };
  };
  // Kept as a value until somebody asks: a rejection that nobody handles would end the gateway.
  const ended = write().then(
    (report) => ({ report }),
    (error) => ({ error }),
  );
  const stop = async () => {
    stopped = true;
    const { report, error } = await ended;
    if (report === undefined) throw error;
    return report;
  };
  return { stop };
}
