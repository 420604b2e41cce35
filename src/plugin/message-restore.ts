import { rm } from 'node:fs/promises';
import type { Archive } from '../archive/archive.ts';
import { systemClock } from '../clock.ts';
import { ClawbackError } from '../errors.ts';
import { type Installation, openArchive, openInstallation, workableStores } from '../installation.ts';
import { type FileFolders, pathOf } from '../manifest/file-place.ts';
import type { StoreLocation } from '../openclaw/discover-stores.ts';
import { localState } from '../restore/local-files.ts';
import { type OpenedSession, openGeneration } from '../restore/open-session.ts';
import { planRestore, type RestorePlan, restoreInPlace } from '../restore/restore-in-place.ts';
import { ArchivedKeys } from './archived-keys.ts';
import type { ArchivedRow } from './archived-row.ts';
import type { MessageDeadline } from './message-deadline.ts';
import type { GatewaySessions } from './openclaw-api.ts';
import { RevivedRows } from './revived-rows.ts';
import { SharedLocks } from './shared-lock.ts';

/** A conversation that has got a message and may be in the archive. */
export interface MessagedConversation {
  readonly sessionKey: string;
  readonly archived: ArchivedRow;
  /** The store's path as the gateway spells it. */
  readonly storePath: string;
}

/**
 * What became of it. `absent`: the archive has none of this key. `forgotten`: an operator has forgotten it there. `old`:
 * it is there, from before the configured age.
 */
export type MessageRestore =
  | { readonly kind: 'restored'; readonly archiveId: string; readonly files: number }
  | { readonly kind: 'forgotten'; readonly archiveId: string }
  | { readonly kind: 'old'; readonly archiveId: string; readonly idleMs: number }
  | { readonly kind: 'absent' };

/** The settings and the archive behind `restore.onMessage`, in the gateway's process. */
export class MessageRestorer {
  readonly #gateway: GatewaySessions;
  readonly #locks = new SharedLocks();
  readonly #keys = new ArchivedKeys(systemClock);
  #archive: { readonly settings: string; readonly opened: Promise<Archive> } | undefined;

  constructor(gateway: GatewaySessions) {
    this.#gateway = gateway;
  }

  /** Settings are read for each such message: a change of them needs no restart. */
  installation(stateDir: string): Promise<Installation> {
    return openInstallation({ stateDir, env: process.env, clock: systemClock });
  }

  /**
   * Files first, then the row, under the store's lock. Nothing is changed once the deadline has struck.
   * @throws {ClawbackError} whatever kept it from coming back; its row and files are then as they were.
   */
  async restore(
    installation: Installation,
    conversation: MessagedConversation,
    maxIdleMs: number,
    deadline: MessageDeadline,
  ): Promise<MessageRestore> {
    const { sessionKey, archived, storePath } = conversation;
    const store = storeAt(installation, storePath);
    const archive = await this.#open(installation);
    const archiveId =
      archived.kind === 'tombstone'
        ? archived.archiveId
        : await this.#keys.find(archive, sessionKey, deadline.signal);
    if (archiveId === undefined) return { kind: 'absent' };
    // Where a mark cannot be read nothing comes back by itself: what was erased must not.
    const marks = await archive.marks({ signal: deadline.signal });
    if (marks.isForgotten(archiveId)) return { kind: 'forgotten', archiveId };
    const opened = await openGeneration(archive, archiveId, deadline.signal);
    assertSame(opened, conversation, store);
    const lastMs = opened.session.lastActivityMs ?? Date.parse(opened.manifest.createdAt);
    const idleMs = systemClock.nowMs() - lastMs;
    if (idleMs > maxIdleMs) return { kind: 'old', archiveId, idleMs };

    const rows = new RevivedRows(storePath, this.#gateway, archived, deadline);
    return this.#locks.with(store.sessionsDir, deadline, async (lock) => {
      const target = {
        sessions: rows,
        sessionsDir: store.sessionsDir,
        mediaDir: store.mediaDir,
        hasPrompt: () => false,
        assertMayCommit: async () => {
          deadline.signal.throwIfAborted();
          await lock.assertHeld();
        },
      };
      const options = { force: false, resume: true, nowMs: systemClock.nowMs() };
      const plan = await planRestore(opened.session, target, options);
      // Keeps the next run from archiving it again at once.
      const name = opened.session.sessionId ?? opened.session.sessionKey;
      if (name !== null) await installation.state.recordRestored([name], options.nowMs);
      try {
        const done = await restoreInPlace(archive, opened.manifest, plan, target, options, deadline.signal);
        return { kind: 'restored', archiveId, files: done.written.length } as const;
      } catch (error) {
        if (!rows.isPastReturn) await takeBack(plan, store);
        throw error;
      }
    });
  }

  /** One client for all messages; another when the settings name another archive. */
  #open(installation: Installation): Promise<Archive> {
    const { archive, s3, instance, compression } = installation.config;
    const settings = JSON.stringify([archive, s3, instance, compression.engine]);
    if (this.#archive?.settings !== settings) {
      const opened = openArchive(installation, { create: false });
      this.#archive = { settings, opened };
      opened.catch(() => {
        if (this.#archive?.opened === opened) this.#archive = undefined;
      });
    }
    return this.#archive.opened;
  }
}

/** A store that is configured, and ours to work on. */
function storeAt(installation: Installation, storePath: string): StoreLocation {
  const store = workableStores(installation).find((one) => one.storePath === storePath);
  if (store !== undefined) return store;
  throw new ClawbackError(
    'no-session-store',
    `restore for a message: ${storePath} is no store of this OpenClaw`,
    {
      hint: 'the gateway and clawback read different settings; compare clawback status with the gateway',
    },
  );
}

/** The mark of a row is text that somebody else may have written: the manifest must speak of this very conversation. */
function assertSame(
  { manifest, session }: OpenedSession,
  { sessionKey, archived }: MessagedConversation,
  store: StoreLocation,
): void {
  const isSameKey = session.sessionKey === sessionKey && manifest.source.storeId === store.id;
  const isSameRow = archived.kind === 'no-history' || session.tombstone?.sessionId === archived.sessionId;
  if (isSameKey && isSameRow) return;
  throw new ClawbackError('restore-conflict', `restore ${session.archiveId}: it is not this conversation's`, {
    hint: 'clawback list shows what is archived',
  });
}

/** Removes what was just put into place, unless it was there before or is something else by now. */
async function takeBack({ files }: RestorePlan, folders: FileFolders): Promise<void> {
  for (const { file, state } of files) {
    if (state !== 'absent' || (await localState(pathOf(file, folders), file)) !== 'identical') continue;
    await rm(pathOf(file, folders), { force: true });
  }
}
