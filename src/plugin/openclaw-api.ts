import type { Environment } from '../openclaw/state-dir.ts';
import type { Row } from '../sessions/session-store.ts';

/** Rows as the gateway holds them in memory: with derived fields that the file lacks. Not a prototype-less object. */
export type GatewayRows = Record<string, Record<string, unknown>>;

/** Options of OpenClaw's `updateSessionStore`; releases that do not know one ignore it. */
export interface UpdateOptions<T> {
  /** True: no pruning, no cap, no purge of `.deleted.*` files rides on this write. */
  readonly skipMaintenance: boolean;
  /** True for a result after which the file is left as it is. */
  readonly skipSaveWhenResult: (result: T) => boolean;
  /** Rows whose `acp` may go: without it, 2026.5.28 puts it back. */
  readonly allowDropAcpMetaSessionKeys: string[];
  /** 2026.7: a file that cannot be written is an error, not a silent loss. */
  readonly requireWriteSuccess: boolean;
}

/** The gateway's own access to its stores: everything here goes through its writer queue. */
export interface GatewaySessions {
  /** The store's path spelled as the gateway spells it: its queue is named by this very string. */
  resolveStorePath(store: string | undefined, options: { readonly agentId: string }): string;
  /** A copy of one row as the gateway's cache has it, by key in any case. */
  getSessionEntry(of: { readonly agentId: string; readonly sessionKey: string }): Row | undefined;
  updateSessionStore<T>(
    storePath: string,
    mutator: (rows: GatewayRows) => T,
    options: UpdateOptions<T>,
  ): Promise<T>;
}

/** A message that is about to be answered. Releases add fields. */
export interface DispatchEvent {
  readonly sessionKey?: string;
}

/** What a gateway method is called with. */
export interface MethodCall {
  readonly params: unknown;
  respond(
    ok: boolean,
    payload?: unknown,
    error?: { readonly code: string; readonly message: string; readonly details?: unknown },
  ): void;
  /** The gateway's own objects; read with care. */
  readonly context?: unknown;
}

/** The part of commander's `Command` that registering a verb takes. */
export interface CliCommand {
  command(name: string): CliCommand;
  description(text: string): CliCommand;
  argument(name: string): CliCommand;
  allowUnknownOption(): CliCommand;
  helpOption(flags: false): CliCommand;
  action(run: (args: string[]) => Promise<void>): CliCommand;
}

/** The part of OpenClaw's plugin API that clawback uses, the same on 2026.5.28, 2026.6.11 and 2026.7.35. */
export interface OpenClawApi {
  readonly logger: Record<'info' | 'warn' | 'error', (message: string) => void>;
  readonly runtime: {
    readonly config: { current(): { readonly session?: { readonly store?: string } } };
    readonly state: { resolveStateDir(env?: Environment): string };
    readonly agent: { readonly session: GatewaySessions };
  };
  registerGatewayMethod(
    name: string,
    handler: (call: MethodCall) => Promise<void>,
    options: { readonly scope: 'operator.admin' },
  ): void;
  /** The gateway waits for the handler before it loads the session, and for as long as it takes. */
  on(name: 'before_dispatch', handler: (event: DispatchEvent) => Promise<void>): void;
  registerCli(
    registrar: (context: { readonly program: CliCommand }) => void,
    options: {
      readonly descriptors: readonly {
        readonly name: string;
        readonly description: string;
        readonly hasSubcommands: boolean;
      }[];
    },
  ): void;
}
