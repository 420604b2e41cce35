/** What is asked of a server itself, past the care that its adapter takes. Only `doctor` asks. */
export interface ServerProbe {
  /** Objects larger than this are sent in parts. */
  readonly partBytes: number;
  /** This host's clock against the server's; positive: ahead. Undefined until the server has answered. */
  readonly clockAheadMs: number | undefined;
  /** Asks to store `bytes` under a taken key on condition that it is free. False: the server has overwritten it. */
  refusesOverwrite(key: string, bytes: Uint8Array, signal?: AbortSignal): Promise<boolean>;
  /** Sends bytes that are not those of the checksum sent along. False: the server has stored them. */
  refusesDamage(key: string, bytes: Uint8Array, signal?: AbortSignal): Promise<boolean>;
}
