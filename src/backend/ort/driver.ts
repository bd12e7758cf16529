import { arrayOf, type DType, type TensorData } from '../../core/dtype.ts';
import { sizeOf } from '../../core/shape.ts';
import { BackendError, DtypeError, ShapeError } from '../../errors.ts';

/** One input or output of a model; every dimension is known. */
export interface TensorSpec {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

export interface SessionOptions {
  readonly device: 'cpu' | 'cuda';
  /** Index of the CUDA device; default 0. */
  readonly deviceId?: number;
  /** Threads that share the work of one op; default: what the machine offers. */
  readonly threads?: number;
  /**
   * Whether, from the second run on, what lies between inputs and outputs is one block that the first run has laid out, in
   * place of single ones: quicker by little, but the single ones stay allocated, too. Default `true`.
   */
  readonly oneBlock?: boolean;
  /** How far the runtime may rewrite the graph; default `all`. */
  readonly optimize?: 'none' | 'basic' | 'extended' | 'all';
  /** Where a trace of every op is written, as `<prefix>_<time>.json`. */
  readonly profilePrefix?: string;
  /** Whether native threads sleep as soon as a run ends, since others have long work then; they spin for a while otherwise. */
  readonly restsBetweenRuns?: boolean;
  /** ONNX Runtime's session config entries, e.g. `session.intra_op.allow_spinning`. */
  readonly config?: Readonly<Record<string, string>>;
  /** Ask for kernels that give the same bits on every run. */
  readonly deterministic?: boolean;
}

/** A way to reach ONNX Runtime. */
export interface Driver {
  readonly name: 'c-api' | 'js-api';
  /**
   * Loads a model.
   *
   * @param model - ONNX bytes; may be dropped once the promise settles
   * @param inputs - the model's inputs, in the order `bind` will give them
   * @param outputs - the outputs to compute, in the order `bind` will give them
   * @throws {@link BackendError} when the runtime refuses the model, or the device is not available
   */
  createSession(
    model: Uint8Array,
    inputs: readonly TensorSpec[],
    outputs: readonly TensorSpec[],
    options: SessionOptions,
  ): Promise<Session>;
  /** {@link createSession} on the calling thread, where the driver can. */
  createSessionSync?(
    model: Uint8Array,
    inputs: readonly TensorSpec[],
    outputs: readonly TensorSpec[],
    options: SessionOptions,
  ): Session;
  /** The devices that a session can be created on. */
  devices(): readonly string[];
  /** ONNX Runtime's version. */
  version(): string;
}

export interface BindOptions {
  /** Output index -> input index: what the output computes is that input of the next run, kept on the device. */
  readonly resident?: ReadonlyMap<number, number>;
}

/** A loaded model. */
export interface Session {
  /** Whether runs can be made on the calling thread. */
  readonly canRunSync: boolean;
  /** Whether `Binding.cancel` stops a run. */
  readonly canCancel: boolean;
  /**
   * Ties memory to the inputs and outputs, once: every run reads and writes the arrays in place, so they must
   * not be detached (nor their WebAssembly memory grown) before the binding is disposed. Of a resident input
   * only the value at this call is read; the array of a resident output is not written. See `Binding.read`.
   *
   * @throws {@link ShapeError} or {@link DtypeError} when an array does not fit its spec
   */
  bind(inputs: readonly TensorData[], outputs: readonly TensorData[], options?: BindOptions): Binding;
  /** One run on the calling thread, where `canRunSync`; the arrays are the caller's again when it returns. */
  runSync(inputs: readonly TensorData[], outputs: readonly TensorData[]): void;
  /** Ends profiling; the path of the trace, where the driver knows it. */
  endProfiling(): string | undefined;
  /** Releases the model and its bindings, after runs under way; using them later is a {@link BackendError}. */
  dispose(): void;
}

/** A model with its memory, ready to run; one run at a time. */
export interface Binding {
  /** Runs on the calling thread. */
  runSync(): void;
  /** Runs beside the event loop; rejects with a {@link BackendError} when the run fails or is cancelled. */
  run(): Promise<void>;
  /** Stops the run under way, if any. Residents then keep the values from before it. */
  cancel(): void;
  /** Copies what the next run will read as resident input `input`. */
  read(input: number, into: TensorData): void;
  /** Sets what the next run will read as resident input `input`. */
  write(input: number, data: TensorData): void;
  dispose(): void;
}

/** The runtime puts a sum and its layer normalization into one kernel, which on the CPU takes several times as long as two. */
const slowerOnCpu = 'SkipLayerNormFusion';

/** ONNX Runtime's session config entries for these options. */
export const configEntries = (options: SessionOptions): Readonly<Record<string, string>> => ({
  ...(options.device === 'cpu' && { 'optimization.disable_specified_optimizers': slowerOnCpu }),
  ...(options.restsBetweenRuns && { 'session.force_spinning_stop': '1' }),
  ...options.config,
});

const describe = (spec: TensorSpec): string => `${spec.dtype}[${spec.shape.join(',')}]`;

/** Refuses arrays that do not fit the specs: the runtime would read or write past their end. */
export function checkArrays(
  kind: 'input' | 'output',
  specs: readonly TensorSpec[],
  arrays: readonly TensorData[],
): void {
  checkCount(kind, specs, arrays);
  for (const [index, spec] of specs.entries()) checkArray(kind, spec, arrays[index]);
}

/** Refuses more or fewer arrays than specs. */
export function checkCount(
  kind: 'input' | 'output',
  specs: readonly TensorSpec[],
  arrays: readonly TensorData[],
): void {
  if (arrays.length !== specs.length) {
    throw new BackendError(`bind: expected ${specs.length} ${kind} arrays. Received ${arrays.length}.`, {
      op: 'bind',
      argument: `${kind}s`,
      expected: String(specs.length),
      received: String(arrays.length),
    });
  }
}

/** {@link checkArrays} for one array. */
export function checkArray(kind: 'input' | 'output', spec: TensorSpec, array: TensorData | undefined): void {
  const [wanted, length] = [arrayOf(spec.dtype), sizeOf(spec.shape)];
  if (array?.constructor === wanted && array.length === length) return;
  const where = `bind: ${kind} "${spec.name}" is ${describe(spec)}`;
  const details = { op: 'bind', argument: spec.name, expected: describe(spec) };
  if (array?.constructor !== wanted) {
    const received = array?.constructor.name ?? 'nothing';
    throw new DtypeError(`${where}: expected a ${wanted.name}. Received ${received}.`, {
      ...details,
      received,
    });
  }
  const received = `${array.length} elements`;
  throw new ShapeError(`${where}: expected ${length} elements. Received ${received}.`, {
    ...details,
    received,
  });
}

/** Refuses residents whose output cannot become the input of the next run. */
export function checkResidents(
  inputs: readonly TensorSpec[],
  outputs: readonly TensorSpec[],
  resident: ReadonlyMap<number, number>,
): void {
  const taken = new Set<number>();
  for (const [outputIndex, inputIndex] of resident) {
    const output = outputs[outputIndex];
    const input = inputs[inputIndex];
    const expected = input === undefined ? 'an input of the model' : describe(input);
    const received = output === undefined ? 'no output' : describe(output);
    if (expected !== received || taken.has(inputIndex)) {
      const reason = taken.has(inputIndex)
        ? 'it is fed by two outputs'
        : `expected ${expected}, received ${received}`;
      const where = `bind: output ${outputIndex} cannot stay on the device as input ${inputIndex}`;
      throw new BackendError(`${where}: ${reason}.`, {
        op: 'bind',
        argument: 'resident',
        expected,
        received,
      });
    }
    taken.add(inputIndex);
  }
}

/** What the runtime reports; a lack of memory in plain words. */
export function runtimeError(op: string, message: string, cause?: unknown): BackendError {
  const details = { op, received: message, cause };
  const asked = /Failed to allocate memory for requested buffer of size (\d+)/.exec(message)?.[1];
  if (asked === undefined && !message.includes('bad_alloc'))
    return new BackendError(`ONNX Runtime failed in ${op}: ${message}`, details);
  const size = asked === undefined ? 'what it needs' : `${(Number(asked) / 2 ** 30).toFixed(1)} GiB at once`;
  return new BackendError(
    `out of memory in ${op}: ONNX Runtime could not get ${size}. Use a smaller batchSize, shorter sequences, or ` +
      'smaller layers.',
    details,
  );
}

/** The error for an input that `read` or `write` names and that is not resident. */
export const notResident = (input: number): BackendError =>
  new BackendError(`Input ${input} is not resident: list it in bind's "resident" to read or write it.`, {
    op: 'bind',
    argument: 'resident',
    received: String(input),
  });

/** The error for touching a binding while it runs. */
export const busy = (): BackendError =>
  new BackendError('The binding is running. Await its run() first, or bind other memory for a second run.', {
    op: 'run',
    expected: 'an idle binding',
    received: 'a running one',
  });
