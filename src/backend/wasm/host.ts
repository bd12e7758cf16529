/** The part of the WebAssembly JavaScript API that is used here; TypeScript knows it only with browser types. */
interface WebAssemblyApi {
  readonly Memory: new (limits: MemoryLimits) => WasmMemory;
  readonly Module: new (bytes: Uint8Array) => WasmModule;
  readonly Instance: new (module: WasmModule, imports: WasmImports) => { readonly exports: WasmExports };
}

interface MemoryLimits {
  /** In pages of 64 KiB, as all of this. */
  readonly initial: number;
  readonly maximum: number;
  /** Whether other threads may see it. */
  readonly shared: boolean;
}

/** A linear memory; its buffer never moves because it never grows. */
export interface WasmMemory {
  readonly buffer: ArrayBufferLike;
}
export interface WasmModule {
  readonly [Symbol.toStringTag]: string;
}
type WasmImports = Readonly<Record<string, Readonly<Record<string, WasmMemory>>>>;
export type WasmExports = Readonly<Record<string, (...args: number[]) => number>>;

export const { Memory, Module, Instance } = (globalThis as unknown as { WebAssembly: WebAssemblyApi })
  .WebAssembly;

/** Whether other threads may see a memory. */
export const isShared = ({ buffer }: WasmMemory): boolean => buffer instanceof SharedArrayBuffer;
