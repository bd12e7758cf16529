import type { TensorData } from '../core/dtype.ts';
import { formatType, sameType } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { DataError, DtypeError, ShapeError } from '../errors.ts';
import type { Graph, Value } from '../ir/graph.ts';
import type { Binding, BindOptions, SessionOptions, TensorSpec } from './ort/driver.ts';

export type { Binding, BindOptions, TensorSpec } from './ort/driver.ts';

/** How a graph is to be run; `device` is `cpu` by default. */
export interface CompileOptions extends Partial<SessionOptions> {
  /**
   * Inputs of the graph that hold these values in every run. They are no inputs of the executable; the runtime may prepare
   * them once: reorder, fold, pack.
   */
  readonly constants?: ReadonlyMap<Value, Tensor>;
}

/** Runs graphs. */
export interface Backend {
  readonly name: string;
  /** What does the work, for people: `ONNX Runtime 1.30.0 (c-api)`. */
  readonly runtime: string;
  /** Whether it reads and writes memory that threads share in place. */
  readonly sharesMemory: boolean;
  /** What `CompileOptions.device` may be on this machine. */
  devices(): readonly string[];
  /**
   * Prepares a graph to be run many times.
   * @throws {@link BackendError} when the device is not available or the runtime refuses the graph
   */
  compile(graph: Graph, options?: CompileOptions): Promise<Executable>;
}

/** A compiled graph. Its memory is released by `dispose` only. */
export interface Executable {
  /** The graph's inputs, in its order. */
  readonly inputs: readonly TensorSpec[];
  /** The graph's outputs, in its order. */
  readonly outputs: readonly TensorSpec[];
  /** Whether runs can be made on the calling thread. */
  readonly canRunSync: boolean;
  /** Whether `Binding.cancel` stops a run. */
  readonly canCancel: boolean;
  /**
   * Computes the outputs once; {@link Executable.bind} is quicker where it happens often.
   * @param feeds - one tensor per input, in the graph's order
   * @returns one new tensor per output
   * @throws {@link DataError}, {@link DtypeError} or {@link ShapeError} when a tensor does not fit its input
   */
  run(feeds: readonly Tensor[]): Promise<Tensor[]>;
  /** Ties memory to inputs and outputs: every run reads and writes these arrays in place. */
  bind(inputs: readonly TensorData[], outputs: readonly TensorData[], options?: BindOptions): Binding;
  /** Computes the outputs once into these arrays, on the calling thread; only where `canRunSync`. */
  runSync(inputs: readonly TensorData[], outputs: readonly TensorData[]): void;
  /** Ends profiling; the path of the trace, where known. */
  endProfiling(): string | undefined;
  dispose(): void;
}

/** Refuses tensors that do not fit the inputs of a graph. */
export function checkFeeds(specs: readonly TensorSpec[], feeds: readonly Tensor[]): void {
  if (feeds.length !== specs.length) {
    throw new DataError(`run: expected ${specs.length} tensors, one per input. Received ${feeds.length}.`, {
      op: 'run',
      expected: `${specs.length} tensors`,
      received: `${feeds.length} tensors`,
    });
  }
  specs.forEach((spec, i) => {
    const feed = feeds[i] as Tensor;
    if (sameType(spec, feed)) return;
    const [expected, received] = [formatType(spec), formatType(feed)];
    const Kind = spec.dtype === feed.dtype ? ShapeError : DtypeError;
    throw new Kind(`run: input "${spec.name}" is ${expected}. Received ${received}.`, {
      op: 'run',
      argument: spec.name,
      expected,
      received,
    });
  });
}

/** Types of a graph's inputs and outputs under the given names. */
export function graphSpecs(
  graph: Graph,
  inputNames: readonly string[],
  outputNames: readonly string[],
): { inputs: TensorSpec[]; outputs: TensorSpec[] } {
  return {
    inputs: graph.inputs.map(({ type }, i) => ({ name: inputNames[i] as string, ...type })),
    outputs: graph.outputs.map(({ value }, i) => ({ name: outputNames[i] as string, ...value.type })),
  };
}
