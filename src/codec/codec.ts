/**
 * One zstd engine. Every engine writes plain frames that every other engine and
 * the `zstd` command decode (window at most 2^23 bytes).
 * `test/conformance/codec.ts` is the executable form of this contract.
 */
export interface Codec {
  readonly engine: EngineName;
  readonly minLevel: number;
  readonly maxLevel: number;
  /** Compresses `raw` into exactly one frame, in bytes of the caller's own. Synchronous: it belongs in a worker thread. */
  compress(raw: Uint8Array, level: number): Uint8Array;
  /**
   * Decodes exactly one frame, into bytes of the caller's own. Neither engine is trusted to notice a damaged
   * frame, so callers compare length and SHA-256 with what they recorded.
   *
   * @param maxBytes decoding stops there, whatever the frame claims.
   * @throws {ClawbackError} `frame-corrupt` if the engine notices damage or the output would be larger.
   */
  decompress(frame: Uint8Array, maxBytes: number): Uint8Array;
}

export type EngineName = 'node' | 'wasm';
export type EngineChoice = EngineName | 'auto';
