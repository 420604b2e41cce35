import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Archive } from '../archive/archive.ts';
import { systemClock } from '../clock.ts';
import { ClawbackError } from '../errors.ts';
import {
  type ActiveSession,
  activeReply,
  type ChangeOutcome,
  commitReply,
  parseActiveRequest,
  parseCommitRequest,
} from '../gateway/messages.ts';
import { type Installation, openArchive, openInstallation, workableStores } from '../installation.ts';
import type { StoreLocation } from '../openclaw/discover-stores.ts';
import { FileSessionStore } from '../sessions/file-session-store.ts';
import { sessionIdOf } from '../sessions/row.ts';
import type { RowChange } from '../sessions/session-store.ts';
import { type ActiveSources, readActiveSources } from './active-sources.ts';
import { type AllowedChange, commitRows } from './commit-rows.ts';
import { Generations } from './generations.ts';
import type { OpenClawApi } from './openclaw-api.ts';
import { type ProvenChange, proveChange, refusedInRestore } from './prove-change.ts';

/** What the gateway's methods and hooks work with: loaded when one of them is first used. */
export interface Bridge {
  /** One store that both the gateway's config and clawback know. @throws {ClawbackError} `no-session-store`. */
  store(installation: Installation, storeId: string): Promise<BridgeStore>;
  /** clawback's settings and the stores, as they are now. */
  installation(): Promise<Installation>;
  /** @param request as it came in. */
  commit(request: unknown, methodContext: unknown): Promise<ReturnType<typeof commitReply>>;
  active(request: unknown, methodContext: unknown): Promise<ReturnType<typeof activeReply>>;
  /**
   * Proves changes by the archive and makes those that hold.
   * @param activeSources undefined: nobody is asked, for a turn that restores the session it is about to run.
   */
  commitProven(
    installation: Installation,
    storeId: string,
    changes: readonly RowChange[],
    activeSources: (() => ActiveSources) | undefined,
  ): Promise<readonly ChangeOutcome[]>;
}

export interface BridgeStore {
  readonly location: StoreLocation;
  /** As the gateway spells it. */
  readonly gatewayPath: string;
}

export function openBridge(api: OpenClawApi): Bridge {
  const sessions = api.runtime.agent.session;
  let generations: { readonly key: string; readonly of: Generations } | undefined;

  const installation = () =>
    openInstallation({
      stateDir: api.runtime.state.resolveStateDir(process.env),
      env: process.env,
      clock: systemClock,
    });

  const store: Bridge['store'] = async (opened, storeId) => {
    const location = workableStores(opened).find(({ id }) => id === storeId);
    if (location === undefined) throw unknownStore(storeId);
    const configured = api.runtime.config.current().session?.store;
    const agentId = location.agentId ?? opened.openclaw.defaultAgentId;
    const gatewayPath = sessions.resolveStorePath(configured, { agentId });
    // Both have to mean one file, or we would write where the gateway does not look.
    if ((await realpath(resolve(gatewayPath))) !== (await realpath(location.storePath)))
      throw unknownStore(storeId);
    return { location, gatewayPath };
  };

  /** Kept while the settings name the same archive: it holds what was read of manifests, and open connections. */
  const generationsOf = async (opened: Installation): Promise<Generations> => {
    const { archive, s3, instance } = opened.config;
    const key = JSON.stringify([archive, s3, instance ?? (await opened.state.instance())]);
    if (generations?.key !== key) {
      const of: Archive = await openArchive(opened, { create: false });
      generations = { key, of: new Generations(of) };
    }
    return generations.of;
  };

  const commitProven: Bridge['commitProven'] = async (opened, storeId, changes, activeSources) => {
    const { gatewayPath } = await store(opened, storeId);
    const archived = await generationsOf(opened);
    const proven: ProvenChange[] = [];
    for (const change of changes) {
      const generation = await archived.find(change.archiveId);
      proven.push(
        generation === undefined
          ? { kind: 'refused', why: 'the archive has no such generation' }
          : proveChange(change, storeId, generation),
      );
    }
    const allowed = changes.flatMap((change, index) => allow(change, proven[index]));
    const target = { sessions, storePath: gatewayPath, ...(activeSources ? { activeSources } : {}) };
    const made = allowed.length === 0 ? [] : await commitRows(target, allowed);
    const byKey = new Map(made.map((outcome) => [outcome.sessionKey, outcome]));
    return changes.map(
      ({ sessionKey }, index) =>
        byKey.get(sessionKey) ?? { sessionKey, outcome: 'rejected', reason: whyRefused(proven[index]) },
    );
  };

  return {
    installation,
    store,
    commitProven,
    commit: async (request, methodContext) => {
      const { storeId, changes } = parseCommitRequest(request);
      const ask = () => readActiveSources(methodContext);
      return commitReply(await commitProven(await installation(), storeId, changes, ask));
    },
    active: async (request, methodContext) => {
      const { storeId } = parseActiveRequest(request);
      const { location } = await store(await installation(), storeId);
      const { rows } = await new FileSessionStore(location.storePath).read();
      const sources = readActiveSources(methodContext);
      const active = rows.flatMap(({ sessionKey, row }): ActiveSession[] => {
        const source = sources.find(sessionKey, sessionIdOf(row) ?? undefined);
        return source === undefined ? [] : [{ sessionKey, source }];
      });
      return activeReply(active);
    },
  };
}

function allow(change: RowChange, proven: ProvenChange | undefined): AllowedChange[] {
  if (proven === undefined || proven.kind === 'refused') return [];
  if (proven.kind !== 'restore') return [{ change, refuse: () => undefined }];
  const { archived } = proven;
  return [{ change, refuse: (current) => refusedInRestore(change.replaceWith ?? {}, archived, current) }];
}

function whyRefused(proven: ProvenChange | undefined): string {
  return proven?.kind === 'refused' ? proven.why : 'not proven by the archive';
}

function unknownStore(storeId: string): ClawbackError {
  return new ClawbackError(
    'no-session-store',
    `open store ${storeId} in the gateway: it has none of this name`,
    {
      hint: 'run clawback with the state folder, and the session.store, that the gateway was started with',
    },
  );
}
