import { sameType, type TensorType } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import type { BatchSource, DataLike } from './data.ts';
import type { PredictOptions } from './options.ts';
import type { Step } from './step.ts';
import type { WeightsNow } from './step-cache.ts';

/**
 * A prediction of one batch that was made and may be asked for again with other numbers: what was checked and looked up
 * for it then, which takes as long as a small network, holds while the weights stay as they are.
 */
export class PreparedPrediction {
  readonly #options: PredictOptions;
  readonly #step: Step;
  readonly #weights: WeightsNow;
  readonly #types: readonly TensorType[];

  private constructor(options: PredictOptions, step: Step, weights: WeightsNow) {
    const { graph, inputs } = step.step;
    this.#options = { ...options };
    this.#step = step;
    this.#weights = weights;
    this.#types = graph.inputs
      .slice(inputs.weights.length)
      .map((value) => value.type)
      .slice(0, inputs.x);
  }

  /** @returns `undefined` where another call might mean something else */
  static of(
    x: DataLike | BatchSource,
    options: PredictOptions,
    step: Step,
    weights: WeightsNow,
  ): PreparedPrediction | undefined {
    const isPlain = Object.values(options).every((value) => typeof value !== 'object');
    const prepared = new PreparedPrediction(options, step, weights);
    return isPlain && step.isSettled && prepared.#tensors(x) ? prepared : undefined;
  }

  /** The same prediction of another batch; `undefined` where more than its numbers is new. */
  run(
    x: DataLike | BatchSource,
    options: PredictOptions,
    weights: WeightsNow,
  ): Promise<Tensor[]> | undefined {
    const holds = weights === this.#weights && !this.#step.disposed && sameOptions(options, this.#options);
    const tensors = holds ? this.#tensors(x) : undefined;
    return tensors && this.#predict(tensors);
  }

  async #predict(tensors: readonly Tensor[]): Promise<Tensor[]> {
    const step = this.#step;
    step.prepare();
    const [buffers] = step.memory.batches;
    buffers?.x.forEach((buffer, i) => {
      buffer.set(tensors[i]?.data as never);
    });
    step.begin();
    const running = step.run();
    if (running !== undefined) await running;
    const finishing = step.finish();
    if (finishing !== undefined) await finishing;
    return step.predictions();
  }

  /** The data as tensors, where it is tensors of the types that the step reads. */
  #tensors(x: DataLike | BatchSource): readonly Tensor[] | undefined {
    const tensors: readonly unknown[] = Array.isArray(x) ? x : [x];
    const types = this.#types;
    const fits = types.every((type, i) => {
      const tensor = tensors[i];
      return tensor instanceof Tensor && sameType(tensor, type);
    });
    return fits && tensors.length === types.length ? (tensors as readonly Tensor[]) : undefined;
  }
}

function sameOptions(a: PredictOptions, b: PredictOptions): boolean {
  const keys = Object.keys(a) as (keyof PredictOptions)[];
  return keys.length === Object.keys(b).length && keys.every((key) => Object.is(a[key], b[key]));
}
