import { createRequire } from 'node:module';
import type { KoffiFunc } from 'koffi';
import { arrayOf, bytesOf, onnxDtype, type TensorData } from '../../core/dtype.ts';
import { yieldToEventLoop } from '../../core/event-loop.ts';
import { sizeOf } from '../../core/shape.ts';
import { BackendError } from '../../errors.ts';
import { apiTable, apiVersion, type CType, type NativeFunction, type Signature } from './api-table.ts';
import { runtimeError, type TensorSpec } from './driver.ts';
import { findLibrary } from './library.ts';
import { logLevel } from './log-level.ts';

/** Where something lies in the memory of the process; 0 is null. */
export type Address = number;

type Api = { readonly [K in keyof typeof apiTable]: KoffiFunc<NativeFunction<(typeof apiTable)[K]>> };

const require = createRequire(import.meta.url);
let loaded: typeof import('koffi') | undefined;

/** koffi, loaded when first needed: this module can be imported where it does not load. */
function koffi(): typeof import('koffi') {
  loaded ??= require('koffi') as typeof import('koffi');
  return loaded;
}

const koffiTypes: Readonly<Record<CType, string>> = {
  pointer: 'uintptr_t',
  memory: 'void *',
  size: 'size_t',
  int: 'int',
  bool: 'bool',
  string: 'str',
  path: process.platform === 'win32' ? 'str16' : 'str',
  void: 'void',
};

/** Calls run on stacks that koffi allocates; its 128 KiB for asynchronous ones overflow on nested loops. */
const stackBytes = 8 << 20;

/** Small arrays live on V8's heap, where they can move, until their buffer is asked for. */
const settle = (data: TensorData): void => void data.buffer;

/** Memory that native code may use for as long as this object is referenced. */
export class Block<T extends TensorData = TensorData> {
  readonly data: T;
  readonly address: Address;

  /** @param address - where `data` lies, if that is known: to ask takes microseconds */
  constructor(data: T, address?: Address) {
    this.data = data;
    settle(data);
    this.address = address ?? Number(koffi().address(data));
  }

  /** An array of `int64_t` or of pointers, with a zero at its end. */
  static words(values: readonly number[]): Block<BigInt64Array> {
    const block = takeWords(values.length + 1);
    for (let i = 0; i < values.length; i++) block.data[i] = BigInt(values[i] as number);
    return block;
  }

  /** A string of C. */
  static string(text: string): Block<Uint8Array> {
    return new Block(Uint8Array.from(Buffer.from(`${text}\0`)));
  }
}

const slabWords = 2 ** 10;
let slab: Block<BigInt64Array> | undefined;
let taken = 0;

/** Zeros. Few words are cut from a larger block, which lives as long as one of its parts. */
function takeWords(count: number): Block<BigInt64Array> {
  if (count > slabWords) return new Block(new BigInt64Array(count));
  if (slab === undefined || taken + count > slabWords) {
    slab = new Block(new BigInt64Array(slabWords));
    taken = 0;
  }
  const part = new Block(slab.data.subarray(taken, taken + count), slab.address + 8 * taken);
  taken += count;
  return part;
}

/** A place where a native function leaves a pointer. */
const cell = (): Block<BigInt64Array> => Block.words([]);
const pointerIn = (out: Block<BigInt64Array>): Address => Number(out.data[0]);

/** An array of C strings. */
export class Strings {
  readonly length: number;
  readonly address: Address;
  readonly #texts: readonly Block[];
  readonly #pointers: Block;

  constructor(texts: readonly string[]) {
    this.#texts = texts.map(Block.string);
    this.#pointers = Block.words(this.#texts.map((block) => block.address));
    this.address = this.#pointers.address;
    this.length = texts.length;
  }
}

/** The type of a tensor as the C API takes it. */
export class NativeType {
  readonly dtype: number;
  readonly shape: Block;
  readonly rank: number;
  readonly bytes: number;
  readonly #array: unknown;

  constructor({ dtype, shape }: TensorSpec) {
    this.dtype = onnxDtype(dtype);
    this.shape = Block.words(shape);
    this.rank = shape.length;
    this.bytes = sizeOf(shape) * bytesOf(dtype);
    this.#array = arrayOf(dtype);
  }

  /** Whether the array is of this element type, with as many elements. */
  fits(array: TensorData): boolean {
    return array.constructor === this.#array && array.byteLength === this.bytes;
  }
}

/** The loaded library: its functions, its environment and checked access to both. */
export class Runtime {
  readonly api: Api;
  readonly version: string;
  readonly env: Address;
  readonly cpuMemory: Address;
  readonly #out = cell();
  /** What worker threads use, so that it is not collected meanwhile. */
  readonly #inUse = new Set<object>();

  constructor(path: string = findLibrary()) {
    configureStacks();
    pinLibrary(path);
    const { api, version } = openApi(path);
    this.version = version;
    this.api = api;
    this.env = this.create('env', (out) => api.createEnv(logLevel(), 'tfk', out));
    this.check('env', api.disableTelemetryEvents(this.env));
    this.cpuMemory = this.memoryInfo('Cpu', 0);
  }

  /** Throws the error that a status holds; null is success. */
  check(op: string, status: Address): void {
    if (status === 0) return;
    const message = this.api.getErrorMessage(status);
    this.api.releaseStatus(status);
    throw runtimeError(op, message);
  }

  /** What a function leaves in its out-parameter. */
  create(op: string, call: (out: Address) => Address): Address {
    this.check(op, call(this.#out.address));
    return pointerIn(this.#out);
  }

  /** Loads a model on a worker thread; the address of the `OrtSession`. */
  async createSession(model: Uint8Array, options: Address): Promise<Address> {
    const memory = { bytes: new Block(model), out: cell() };
    const { bytes, out } = memory;
    this.#inUse.add(memory);
    try {
      const create = this.api.createSessionFromArray;
      const status = await new Promise<Address>((resolve, reject) => {
        const done = (error: unknown, result: Address) => (error ? reject(error) : resolve(result));
        create.async(this.env, bytes.address, model.byteLength, options, out.address, done);
      });
      this.check('createSession', status);
      return pointerIn(out);
    } finally {
      this.#inUse.delete(memory);
    }
  }

  /** {@link createSession} on this thread, for tiny models. */
  createSessionSync(model: Uint8Array, options: Address): Address {
    const bytes = new Block(model);
    const create = this.api.createSessionFromArray;
    return this.create('createSession', (out) =>
      create(this.env, bytes.address, model.byteLength, options, out),
    );
  }

  memoryInfo(name: 'Cpu' | 'Cuda', deviceId: number): Address {
    const arena = 1;
    const defaultMemory = 0;
    return this.create('memory', (out) =>
      this.api.createMemoryInfo(name, arena, deviceId, defaultMemory, out),
    );
  }

  /** An `OrtValue` over the caller's memory, which must outlive it. */
  hostTensor(type: NativeType, memory: TensorData): Address {
    return this.create('bind', (out) => this.placeTensor(type, memory, out));
  }

  /** {@link hostTensor}, left at `out`. @returns a status */
  placeTensor({ bytes, shape, rank, dtype }: NativeType, memory: TensorData, out: Address): Address {
    const create = this.api.createTensorWithDataAsOrtValue;
    settle(memory);
    return create(this.cpuMemory, memory, bytes, shape.address, rank, dtype, out);
  }

  /** An `OrtValue` with memory of its own. */
  ownTensor({ shape, rank, dtype }: NativeType, allocator: Address): Address {
    const create = this.api.createTensorAsOrtValue;
    return this.create('bind', (out) => create(allocator, shape.address, rank, dtype, out));
  }

  /** A string that the runtime allocated, which this frees. */
  takeString(op: string, call: (allocator: Address, out: Address) => Address): string {
    const allocator = this.create(op, (out) => this.api.getAllocatorWithDefaultOptions(out));
    const text = this.create(op, (out) => call(allocator, out));
    try {
      return koffi().decode.string(BigInt(text));
    } finally {
      this.check(op, this.api.allocatorFree(allocator, text));
    }
  }
}

function configureStacks(): void {
  const current = koffi().config();
  if ((current.async_stack_size ?? 0) >= stackBytes) return;
  try {
    koffi().config({ ...current, sync_stack_size: stackBytes, async_stack_size: stackBytes });
  } catch (cause) {
    throw new BackendError(
      `koffi's stacks cannot be enlarged to ${stackBytes} bytes once it has loaded another library. ` +
        'Create the backend before the other library is loaded.',
      {
        op: 'load',
        expected: `async_stack_size ${stackBytes}`,
        received: String(current.async_stack_size),
        cause,
      },
    );
  }
}

/**
 * Keeps the library loaded until the process ends. koffi unloads it once its handle is collected or its worker
 * thread ends, but functions read from a table don't hold that handle, and the runtime's threads may live on.
 */
function pinLibrary(path: string): void {
  if (process.platform === 'win32') systemLoader('kernel32.dll', 'LoadLibraryW', 'str16')(path, 0);
  else systemLoader(null, 'dlopen', 'str')(path, lazyBinding);
}

/** Tells Linux that an array may lie in pages of 2 MiB: fresh memory is then cleared in few large steps. */
export function adviseHugePages(data: TensorData): void {
  if (loaded === undefined || process.platform !== 'linux') return;
  advise ??= loaded.load(null).func('madvise', 'int', ['uintptr_t', 'size_t', 'int']);
  const { address } = new Block(data);
  const start = Math.ceil(address / pageBytes) * pageBytes;
  advise(start, address + data.byteLength - start, hugePages);
}

let advise: KoffiFunc<(address: Address, bytes: number, advice: number) => number> | undefined;
/** A multiple of every ordinary page size: madvise refuses other addresses. */
const pageBytes = 2 ** 16;
/** MADV_HUGEPAGE. */
const hugePages = 14;

/**
 * Has the C library keep what is freed, up to {@link keptBytes}: memory that goes back to the system comes again as pages that
 * it clears one by one when they are first written, which takes longer than most ops.
 */
export function keepFreedMemory(): void {
  if (loaded === undefined || process.platform !== 'linux') return;
  try {
    const mallopt = loaded.load(null).func('mallopt', 'int', ['int', 'int']);
    mallopt(mapFrom, ownMappingBytes);
    mallopt(trimFrom, keptBytes);
  } catch {
    // Not glibc: there is nothing to set.
  }
}

/** M_MMAP_THRESHOLD: larger blocks are mappings of their own, which are not kept. */
const mapFrom = -3;
/** M_TRIM_THRESHOLD. */
const trimFrom = -1;
/** As much as glibc allows. */
export const ownMappingBytes = 2 ** 25;
const keptBytes = 2 ** 27;

/** Loads the library on a worker thread: tens of milliseconds for which the event loop need not stand still. */
export async function preloadLibrary(): Promise<void> {
  if (process.platform === 'win32') return;
  await yieldToEventLoop();
  const path = findLibrary();
  await yieldToEventLoop();
  configureStacks(); // loads koffi
  await yieldToEventLoop();
  const load = systemLoader(null, 'dlopen', 'str');
  await new Promise<void>((resolve, reject) => {
    load.async(path, lazyBinding, (error: unknown) => (error ? reject(error) : resolve()));
  });
  // The environment is one per process: the runtime that asks for it next gets this one at once.
  const { api } = openApi(path);
  const out = cell();
  await new Promise<void>((resolve, reject) => {
    api.createEnv.async(logLevel(), 'tfk', out.address, (error: unknown) =>
      error ? reject(error) : resolve(),
    );
  });
  preloaded.push(out);
}

/** What the first environment was made with; it lives as long as the process. */
const preloaded: Block[] = [];

/** The function table of the library at `path`. */
function openApi(path: string): { readonly api: Api; readonly version: string } {
  const base: Address = koffi().load(path).func('OrtGetApiBase', 'uintptr_t', [])();
  // struct OrtApiBase { const OrtApi* (*GetApi)(uint32_t version); const char* (*GetVersionString)(void); }
  const table = functionAt(base, 0, { at: 0, returns: 'pointer', takes: ['int'] })(apiVersion);
  const version = functionAt(base, 1, { at: 1, returns: 'string', takes: [] })();
  if (table !== 0) return { api: readTable(table), version };
  throw new BackendError(
    `ONNX Runtime ${version} at ${path} does not offer API version ${apiVersion}. Update onnxruntime-node.`,
    { op: 'load', expected: `API version ${apiVersion}`, received: version },
  );
}

const lazyBinding = 1;

/** The system's function that loads a library; Windows' takes no flags and ignores the second argument. */
const systemLoader = (
  library: string | null,
  name: string,
  text: string,
): KoffiFunc<(path: string, flags: number) => number> =>
  koffi().load(library).func(name, 'uintptr_t', [text, 'int']);

/** The function whose pointer is word `index` of the table at `table`. */
function functionAt<const S extends Signature>(
  table: Address,
  index: number,
  signature: S,
): KoffiFunc<NativeFunction<S>> {
  const takes = signature.takes.map((type) => koffiTypes[type]);
  const pointer = koffi().decode(BigInt(table), index * 8, 'void *');
  return koffi().decode(pointer, koffi().proto(koffiTypes[signature.returns], takes));
}

function readTable(table: Address): Api {
  const entries = Object.entries(apiTable).map(([name, signature]) => [
    name,
    functionAt(table, signature.at, signature),
  ]);
  return Object.fromEntries(entries);
}

let shared: Runtime | undefined;

/** The process's one runtime, loaded on first use. */
export function runtime(): Runtime {
  shared ??= new Runtime();
  return shared;
}
