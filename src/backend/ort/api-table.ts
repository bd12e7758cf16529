import type { TensorData } from '../../core/dtype.ts';

/**
 * Types of the C API's arguments. Pointers travel as plain numbers, which is the quickest way through the
 * foreign-function interface: addresses of a process lie below 2^53. `memory` is where the elements of an array lie.
 */
export type CType = 'pointer' | 'memory' | 'size' | 'int' | 'bool' | 'string' | 'path' | 'void';

/** A function of ONNX Runtime's table: its position and its C signature. */
export interface Signature {
  readonly at: number;
  readonly returns: CType;
  readonly takes: readonly CType[];
}

/** A function that returns an `OrtStatus*`; null is success. */
const status = <const T extends readonly CType[]>(at: number, ...takes: T) =>
  ({ at, returns: 'pointer', takes }) as const;
/** A function that frees what the pointer points to; null is allowed. */
const release = (at: number) => ({ at, returns: 'void', takes: ['pointer'] }) as const;

/** The version of the table that is asked for; newer libraries still answer with it. */
export const apiVersion = 24;

/**
 * The functions in use. The table only ever grows at its end, so that a position holds for later versions.
 * The comments name the arguments; `out` points to a cell that receives the new object.
 *
 * @source ONNX Runtime, include/onnxruntime/core/session/onnxruntime_c_api.h, struct OrtApi
 */
export const apiTable = {
  getErrorMessage: { at: 2, returns: 'string', takes: ['pointer'] }, // status
  createEnv: status(3, 'int', 'string', 'pointer'), // log level, log id, out
  disableTelemetryEvents: status(6, 'pointer'), // env
  createSessionFromArray: status(8, 'pointer', 'pointer', 'size', 'pointer', 'pointer'), // env, bytes, length, options, out
  // session, run options, input names, inputs, count, output names, count, outputs
  run: status(9, 'pointer', 'pointer', 'pointer', 'pointer', 'size', 'pointer', 'size', 'pointer'),
  createSessionOptions: status(10, 'pointer'), // out
  enableProfiling: status(14, 'pointer', 'path'), // options, file prefix
  disableMemPattern: status(17, 'pointer'), // options
  setSessionLogSeverityLevel: status(22, 'pointer', 'int'), // options, level
  setSessionGraphOptimizationLevel: status(23, 'pointer', 'int'), // options, level
  setIntraOpNumThreads: status(24, 'pointer', 'int'), // options, threads
  createRunOptions: status(39, 'pointer'), // out
  runOptionsSetTerminate: status(46, 'pointer'), // run options
  runOptionsUnsetTerminate: status(47, 'pointer'), // run options
  createTensorAsOrtValue: status(48, 'pointer', 'pointer', 'size', 'int', 'pointer'), // allocator, shape, rank, type, out
  // memory info, data, bytes, shape, rank, type, out
  createTensorWithDataAsOrtValue: status(
    49,
    'pointer',
    'memory',
    'size',
    'pointer',
    'size',
    'int',
    'pointer',
  ),
  createMemoryInfo: status(68, 'string', 'int', 'int', 'int', 'pointer'), // name, allocator type, device id, memory type, out
  allocatorFree: status(76, 'pointer', 'pointer'), // allocator, block
  getAllocatorWithDefaultOptions: status(78, 'pointer'), // out; not to be released
  releaseStatus: release(93),
  releaseMemoryInfo: release(94),
  releaseSession: release(95),
  releaseValue: release(96),
  releaseRunOptions: release(97),
  releaseSessionOptions: release(100),
  sessionEndProfiling: status(110, 'pointer', 'pointer', 'pointer'), // session, allocator, out
  addSessionConfigEntry: status(130, 'pointer', 'string', 'string'), // options, key, value
  createAllocator: status(131, 'pointer', 'pointer', 'pointer'), // session, memory info, out
  releaseAllocator: release(132),
  appendCuda: status(204, 'pointer', 'pointer'), // SessionOptionsAppendExecutionProvider_CUDA_V2: options, cuda options
  createCudaProviderOptions: status(205, 'pointer'), // out
  updateCudaProviderOptions: status(206, 'pointer', 'pointer', 'pointer', 'size'), // cuda options, keys, values, count
  releaseCudaProviderOptions: release(208),
  setDeterministicCompute: status(273, 'pointer', 'bool'), // options, on
} as const satisfies Readonly<Record<string, Signature>>;

type Native<C extends CType> = C extends keyof NativeTypes ? NativeTypes[C] : number;
interface NativeTypes {
  readonly memory: TensorData;
  readonly string: string;
  readonly path: string;
  readonly bool: boolean;
  readonly void: undefined;
}
type NativeAll<T extends readonly CType[]> = { -readonly [K in keyof T]: Native<T[K]> };

/** The JavaScript function that calls `S`. */
export type NativeFunction<S extends Signature> = (...args: NativeAll<S['takes']>) => Native<S['returns']>;
