import type { Binding, Executable, TensorSpec } from '../backend/backend.ts';
import { compileNow, resultArray } from '../backend/immediate.ts';
import { allocate, type TensorData } from '../core/dtype.ts';
import { nextRandom } from '../core/seed.ts';
import { sizeOf } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import type { Value } from '../ir/graph.ts';
import type { Weight } from '../layers/weight.ts';
import { RandomFeed } from '../training/random-feed.ts';
import { type Traced, traceFunction } from './traced.ts';

/** Programs that read and write fewer elements copy them; tying memory to the runtime anew takes longer. */
const copiedElements = 2 ** 14;

/** Arrays that stay bound from run to run. */
interface Fixed {
  readonly inputs: readonly TensorData[];
  readonly outputs: readonly TensorData[];
}

/** A function compiled for one signature: tensors in, tensors out. */
export class Program {
  readonly #executable: Executable;
  readonly #traced: Traced;
  readonly #randoms: RandomFeed;
  /** Weights that the function sets, and where a run leaves what they become. */
  readonly #updates: readonly Weight[];
  readonly #nextState: readonly TensorData[];
  readonly #outputs: readonly TensorSpec[];
  /** Left out where the caller's own arrays are bound each time. */
  readonly #fixed: Fixed | undefined;
  #binding: Binding | undefined;
  #bound: readonly TensorData[] = [];

  constructor(fn: (...args: never[]) => unknown, args: readonly unknown[], name: string) {
    this.#traced = traceFunction(fn, args, name);
    const { graph, trace, inputs } = this.#traced;
    this.#randoms = new RandomFeed(trace.randoms, 1);
    this.#updates = [...trace.updates.keys()];
    this.#nextState = this.#updates.map(arrayFor);
    this.#executable = compileNow(graph);
    this.#outputs = this.#executable.outputs.slice(this.#updates.length);
    const types = [...inputs, ...this.#outputs];
    if (types.reduce((n, { shape }) => n + sizeOf(shape), 0) <= copiedElements) {
      this.#fixed = { inputs: inputs.map(arrayFor), outputs: this.#outputs.map(arrayFor) };
    }
  }

  /** @returns the function's result, with a tensor in place of each graph value */
  run(tensors: readonly Tensor[]): unknown {
    if (this.#randoms.arrays.length > 0) this.#randoms.fill(nextRandom().key, 0);
    const outputs = this.#fixed ? this.#runCopied(tensors, this.#fixed) : this.#runInPlace(tensors);
    const results = this.#outputs.map(
      ({ dtype, shape }, i) => new Tensor(dtype, shape, outputs[i] as TensorData),
    );
    this.#updates.forEach((weight, i) => {
      (weight.storage.data as Float32Array).set(this.#nextState[i] as Float32Array);
      weight.changed();
    });
    return this.#traced.rebuild(results);
  }

  #runCopied(tensors: readonly Tensor[], fixed: Fixed): TensorData[] {
    for (let i = 0; i < tensors.length; i++) {
      (fixed.inputs[i] as Float32Array).set((tensors[i] as Tensor).data as Float32Array);
    }
    this.#bind(fixed).runSync();
    return fixed.outputs.map((array) => array.slice());
  }

  #runInPlace(tensors: readonly Tensor[]): TensorData[] {
    const [reads, writes]: [TensorData[], TensorData[]] = [[], []];
    for (const { storage } of this.#traced.weights) reads.push(storage.data);
    for (const { data } of tensors) reads.push(data);
    reads.push(...this.#randoms.arrays);
    writes.push(...this.#nextState);
    for (const spec of this.#outputs) writes.push(resultArray(spec));
    this.#executable.runSync(reads, writes);
    return writes.slice(this.#nextState.length);
  }

  /** The binding to these arrays and to where the weights are now; made anew when one of them moved. */
  #bind({ inputs, outputs }: Fixed): Binding {
    const { weights } = this.#traced;
    const moved = weights.some((w, i) => w.storage.data !== this.#bound[i]);
    if (this.#binding !== undefined && !moved) return this.#binding;
    this.#binding?.dispose();
    this.#bound = weights.map((w) => w.storage.data);
    const read = [...this.#bound, ...inputs, ...this.#randoms.arrays];
    this.#binding = this.#executable.bind(read, [...this.#nextState, ...outputs]);
    return this.#binding;
  }

  dispose(): void {
    this.#binding?.dispose();
    this.#executable.dispose();
  }
}

const arrayFor = ({ dtype, shape }: Pick<Value, 'dtype' | 'shape'>): TensorData =>
  allocate(dtype, sizeOf(shape));
