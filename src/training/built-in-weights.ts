import type { Tensor } from '../core/tensor.ts';
import type { Value } from '../ir/graph.ts';
import type { Weight } from '../layers/weight.ts';
import type { StepGraph } from './step-graph.ts';

/** The runtime reads models of at most 2 GiB; this leaves room for what it makes of them. */
const largestBytes = 2 ** 30;

/** Weights whose values are part of a compiled step: the runtime folds, reorders and packs them once. */
export class BuiltInWeights {
  /** What the inputs of the step's graph that stand for them hold. */
  readonly constants: ReadonlyMap<Value, Tensor>;
  readonly #weights: readonly Weight[];
  readonly #version: number;

  private constructor(weights: readonly Weight[], places: readonly Value[]) {
    this.#weights = weights;
    this.constants = new Map(places.map((place, i) => [place, (weights[i] as Weight).storage]));
    this.#version = versionOf(weights);
  }

  /** The weights that a step reads and does not change, as they are now; `undefined` where they are too large. */
  static of({ graph, inputs, outputs }: StepGraph): BuiltInWeights | undefined {
    const kept = inputs.weights.filter((weight) => !outputs.updates.includes(weight));
    const bytes = kept.reduce((n, { storage }) => n + storage.data.byteLength, 0);
    if (bytes > largestBytes) return undefined;
    const places = kept.map((weight) => graph.inputs[inputs.weights.indexOf(weight)] as Value);
    return new BuiltInWeights(kept, places);
  }

  /** Whether one of them has changed since. */
  get outdated(): boolean {
    return versionOf(this.#weights) !== this.#version;
  }

  /** The step as it looks from outside: without inputs for these weights. */
  without(step: StepGraph): StepGraph {
    return {
      ...step,
      graph: { ...step.graph, inputs: step.graph.inputs.filter((value) => !this.constants.has(value)) },
      inputs: {
        ...step.inputs,
        weights: step.inputs.weights.filter((weight) => !this.#weights.includes(weight)),
      },
    };
  }
}

/** A number that grows with every change of one of the weights, and with their number. */
export function versionOf(weights: readonly Weight[]): number {
  let version = weights.length;
  for (const weight of weights) version += weight.version;
  return version;
}
