interface Memory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

declare const WebAssembly: { readonly Memory: new (options: { readonly initial: number }) => Memory };

/** A WebAssembly memory of one page (64 KiB). */
export const wasmMemory = (): Memory => new WebAssembly.Memory({ initial: 1 });
