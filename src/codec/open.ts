import type { Codec, EngineChoice } from './codec.ts';

/**
 * Opens the engine, each imported only where it is used. `auto` is Node's own where the
 * runtime has it, the portable one elsewhere.
 *
 * @throws {ClawbackError} `engine-unavailable` if `node` is asked for where this Node has no zstd.
 */
export async function openCodec(choice: EngineChoice): Promise<Codec> {
  if (choice !== 'wasm') {
    const { hasZstd, nodeCodec } = await import('./node-zlib.ts');
    if (choice === 'node' || hasZstd()) return nodeCodec();
  }
  const { loadWasmCodec } = await import('./wasm.ts');
  return loadWasmCodec();
}
