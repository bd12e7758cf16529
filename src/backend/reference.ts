import type { TensorData } from '../core/dtype.ts';
import { Tensor } from '../core/tensor.ts';
import { BackendError } from '../errors.ts';
import { type Graph, inputName } from '../ir/graph.ts';
import { interpret } from '../ir/interpret.ts';
import { fromNDArray, type NDArray, toNDArray } from '../ir/ndarray.ts';
import { withConstants } from '../ir/substitute.ts';
import { verify } from '../ir/verify.ts';
import {
  type Backend,
  type Binding,
  type BindOptions,
  checkFeeds,
  type Executable,
  graphSpecs,
  type TensorSpec,
} from './backend.ts';
import { checkArray, checkArrays, checkResidents, notResident } from './ort/driver.ts';

/** Interprets graphs with the ops' float64 references: slow, exact, without native code. */
export const referenceBackend: Backend = {
  name: 'reference',
  runtime: 'float64 interpreter',
  sharesMemory: true,
  devices: () => ['cpu'],
  async compile(graph, { device = 'cpu', constants = new Map() } = {}) {
    if (device !== 'cpu') {
      throw new BackendError(`The reference backend has no device "${device}". Use "cpu".`, {
        op: 'compile',
        argument: 'device',
        expected: 'cpu',
        received: device,
      });
    }
    return compileReference(withConstants(graph, constants));
  },
};

/** {@link referenceBackend}'s `compile`, at once. */
export const compileReference = (graph: Graph): Executable => new ReferenceExecutable(verify(graph));

class ReferenceExecutable implements Executable {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly canRunSync = true;
  readonly canCancel = false;
  readonly #graph: Graph;

  constructor(graph: Graph) {
    const specs = graphSpecs(
      graph,
      graph.inputs.map(inputName),
      graph.outputs.map((output) => output.name),
    );
    this.inputs = specs.inputs;
    this.outputs = specs.outputs;
    this.#graph = graph;
  }

  async run(feeds: readonly Tensor[]): Promise<Tensor[]> {
    checkFeeds(this.inputs, feeds);
    return this.evaluate(feeds).map(fromNDArray);
  }

  bind(inputs: readonly TensorData[], outputs: readonly TensorData[], options: BindOptions = {}): Binding {
    const { resident = new Map() } = options;
    checkArrays('input', this.inputs, inputs);
    checkArrays('output', this.outputs, outputs);
    checkResidents(this.inputs, this.outputs, resident);
    return new ReferenceBinding(this, inputs, outputs, resident);
  }

  runSync(inputs: readonly TensorData[], outputs: readonly TensorData[]): void {
    this.bind(inputs, outputs).runSync();
  }

  evaluate(feeds: readonly Tensor[]): NDArray[] {
    const { inputs, outputs } = this.#graph;
    const fed = new Map(inputs.map((value, i) => [value, toNDArray(feeds[i] as Tensor)]));
    return interpret(
      outputs.map((output) => output.value),
      fed,
    );
  }

  endProfiling(): undefined {}

  dispose(): void {}
}

class ReferenceBinding implements Binding {
  readonly #executable: ReferenceExecutable;
  /** What a run reads: the caller's arrays, and copies where resident. */
  readonly #reads: readonly TensorData[];
  /** What a run writes: the caller's arrays, or what the next run reads. */
  readonly #writes: readonly TensorData[];
  readonly #resident: ReadonlySet<number>;

  constructor(
    executable: ReferenceExecutable,
    inputs: readonly TensorData[],
    outputs: readonly TensorData[],
    resident: ReadonlyMap<number, number>,
  ) {
    this.#executable = executable;
    this.#resident = new Set(resident.values());
    this.#reads = inputs.map((array, i) => (this.#resident.has(i) ? array.slice() : array));
    this.#writes = outputs.map((array, o) => this.#reads[resident.get(o) ?? -1] ?? array);
  }

  runSync(): void {
    const feeds = this.#executable.inputs.map(
      ({ dtype, shape }, i) => new Tensor(dtype, shape, this.#reads[i] as TensorData),
    );
    this.#executable.evaluate(feeds).forEach((result, o) => {
      assign(this.#writes[o] as TensorData, fromNDArray(result).data);
    });
  }

  async run(): Promise<void> {
    this.runSync();
  }

  cancel(): void {}

  read(input: number, into: TensorData): void {
    assign(into, this.#residentArray(input, into));
  }

  write(input: number, data: TensorData): void {
    assign(this.#residentArray(input, data), data);
  }

  dispose(): void {}

  #residentArray(input: number, array: TensorData): TensorData {
    const spec = this.#executable.inputs[input];
    if (spec === undefined || !this.#resident.has(input)) throw notResident(input);
    checkArray('input', spec, array);
    return this.#reads[input] as TensorData;
  }
}

/** Copies between arrays of one element type. */
function assign(target: TensorData, source: TensorData): void {
  for (let i = 0; i < target.length; i++) target[i] = source[i] as number | bigint;
}
