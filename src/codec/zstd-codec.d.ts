/** The Emscripten module inside zstd-codec 0.1.5, as far as the WASM engine uses it. */
declare module 'zstd-codec/lib/zstd-codec-binding-wasm.js' {
  type OnBytes = (bytes: Uint8Array) => void;

  /** Each method is false on bad input; what the heap cannot hold is thrown as a string. */
  interface StreamBinding {
    transform(chunk: Uint8Array, onBytes: OnBytes): boolean;
    end(onBytes: OnBytes): boolean;
    /** Frees the instance's share of the heap. */
    delete(): void;
  }

  interface CompressBinding extends StreamBinding {
    begin(level: number): boolean;
  }

  interface DecompressBinding extends StreamBinding {
    begin(): boolean;
  }

  interface ZstdModule {
    readonly ZstdCompressStreamBinding: new () => CompressBinding;
    readonly ZstdDecompressStreamBinding: new () => DecompressBinding;
  }

  interface ModuleHooks {
    print(text: string): void;
    printErr(text: string): void;
    onAbort(reason: unknown): void;
    onRuntimeInitialized(): void;
  }

  /** Fills `hooks` with the members of `ZstdModule` before it calls `onRuntimeInitialized`. */
  const load: (hooks: ModuleHooks) => unknown;
  export default load;
  export type { CompressBinding, DecompressBinding, StreamBinding, ZstdModule };
}
