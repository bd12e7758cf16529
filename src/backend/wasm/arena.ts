import { BackendError, InternalError } from '../../errors.ts';
import { Memory, type WasmMemory } from './host.ts';

/** Element counts of the tensors of each region. */
export type ArenaLayout = Readonly<Record<string, readonly number[]>>;

const pageBytes = 65536;
const memoryLimit = 2 ** 32;
/** Regions start at cache lines, tensors at SIMD vectors. */
const regionAlignment = 64;
const tensorAlignment = 16;

interface Region {
  readonly start: number;
  readonly bytes: number;
  readonly pointers: readonly number[];
  readonly views: readonly Float32Array[];
}

const align = (bytes: number, alignment: number): number => Math.ceil(bytes / alignment) * alignment;

/**
 * One WebAssembly memory of exact size that holds float32 tensors side by side: weights, gradients, optimizer slots.
 * Native code reads and writes the tensors as plain views, SIMD kernels run over whole regions; padding is zero.
 */
export class Arena {
  readonly memory: WasmMemory;
  readonly #regions = new Map<string, Region>();

  /**
   * @param shared - whether a second thread may work on it
   * @throws {@link BackendError} when the regions need more than one memory can hold, or there is too little
   */
  constructor(layout: ArenaLayout, shared = false) {
    const starts = new Map<string, number>();
    let end = 0;
    for (const [name, sizes] of Object.entries(layout)) {
      starts.set(name, end);
      end = align(end + regionBytes(sizes), regionAlignment);
    }
    this.memory = allocate(end, shared);
    for (const [name, sizes] of Object.entries(layout)) {
      this.#regions.set(name, place(this.memory, starts.get(name) as number, sizes));
    }
  }

  has(region: string): boolean {
    return this.#regions.has(region);
  }

  /** All elements of a region, padding included. */
  region(name: string): Float32Array {
    const { start, bytes } = this.#region(name);
    return new Float32Array(this.memory.buffer, start, bytes / 4);
  }

  /** The elements of one tensor, without padding; the same view at every call. */
  view(region: string, index: number): Float32Array {
    return this.#tensor(region, index, this.#region(region).views);
  }

  /** Byte offset of one tensor in the memory. */
  pointer(region: string, index: number): number {
    return this.#tensor(region, index, this.#region(region).pointers);
  }

  #tensor<T>(region: string, index: number, list: readonly T[]): T {
    const found = list[index];
    if (found === undefined) throw new InternalError(`arena region "${region}" has no tensor ${index}.`);
    return found;
  }

  #region(name: string): Region {
    const region = this.#regions.get(name);
    if (region === undefined) throw new InternalError(`the arena has no region "${name}".`);
    return region;
  }
}

const regionBytes = (sizes: readonly number[]): number =>
  sizes.reduce((sum, size) => sum + align(4 * size, tensorAlignment), 0);

function place(memory: WasmMemory, start: number, sizes: readonly number[]): Region {
  const pointers: number[] = [];
  const views: Float32Array[] = [];
  let at = start;
  for (const size of sizes) {
    pointers.push(at);
    views.push(new Float32Array(memory.buffer, at, size));
    at += align(4 * size, tensorAlignment);
  }
  return { start, bytes: at - start, pointers, views };
}

function allocate(bytes: number, shared: boolean): WasmMemory {
  const gib = (bytes / 2 ** 30).toFixed(1);
  if (bytes > memoryLimit) {
    throw new BackendError(
      `The parameters, gradients and optimizer slots need ${gib} GiB; one parameter memory holds at most 4 GiB and ` +
        'models over several memories are not supported yet. Use fewer parameters, freeze layers, or an optimizer with fewer slots.',
      { op: 'arena', expected: 'at most 4 GiB', received: `${gib} GiB` },
    );
  }
  const pages = Math.ceil(bytes / pageBytes);
  try {
    return new Memory({ initial: pages, maximum: pages, shared });
  } catch (cause) {
    throw new BackendError(
      `Could not allocate ${gib} GiB for parameters, gradients and optimizer slots. Free memory or use a smaller model.`,
      { op: 'arena', received: `${gib} GiB`, cause },
    );
  }
}
