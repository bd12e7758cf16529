import * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import { type Tensor, type TensorLike, tensor } from '../../core/tensor.ts';
import { ConfigError } from '../../errors.ts';
import type { Value } from '../../ir/graph.ts';
import { layerOptions, type Values } from '../layer.ts';
import { integerFrom } from '../options.ts';
import { registerLayer } from '../registry.ts';
import { AdaptiveLayer, type Learner, runOnHost } from './adaptive.ts';
import { encode } from './encode.ts';
import { QuantileSketch } from './quantile-sketch.ts';
import { countUpTo } from './search-sorted.ts';

const schema = deferred(() =>
  layerOptions
    .extend({
      /** Where one bin ends and the next begins, ascending; learned by `adapt` where left out. */
      binBoundaries: z.array(z.number()).nullable().default(null),
      /** Number of bins that `adapt` makes, equally filled. */
      numBins: integerFrom(1).nullable().default(null),
      /** Error of the learned quantiles; smaller is more exact and takes more memory. */
      epsilon: z.number().positive().max(1).default(0.01),
      /** `int` gives the number of the bin, the others encode it. */
      outputMode: z.enum(['int', 'oneHot', 'multiHot', 'count']).default('int'),
    })
    .refine(({ binBoundaries, numBins }) => binBoundaries !== null || numBins !== null, {
      error: 'expected binBoundaries, or numBins to learn them',
      path: ['numBins'],
    }),
);

/**
 * The bin in which a number lies: bin `i` holds `boundaries[i - 1] <= x < boundaries[i]`; NaN is in the last one.
 * @returns `int32` of the input's shape, or `float32` encoded: see {@link CategoryEncoding}
 * @source keras/src/layers/preprocessing/discretization.py
 */
export class Discretization extends AdaptiveLayer<typeof schema, TensorLike> {
  static override readonly className = 'Discretization';
  static override readonly schema = schema;
  #boundaries: readonly number[] | null = this.options.binBoundaries;

  override get adaptable(): boolean {
    return this.options.numBins !== null;
  }

  /** The boundaries now, given or learned; `null` before `adapt`. */
  get binBoundaries(): readonly number[] | null {
    return this.#boundaries;
  }

  override get currentOptions(): Readonly<Record<string, unknown>> {
    return { ...super.currentOptions, binBoundaries: this.#boundaries };
  }

  call([x]: Values): Value {
    const boundaries = this.#known();
    const bins = countUpTo(tensor(boundaries, [boundaries.length]).cast(x.dtype), x);
    const { outputMode } = this.options;
    return outputMode === 'int' ? bins : encode(bins, outputMode, boundaries.length + 1);
  }

  /** Bins of numbers, on the host. */
  transform(data: TensorLike): Tensor {
    return runOnHost(this, [tensor(data)]);
  }

  learner(): Learner<TensorLike> {
    const { epsilon, numBins } = this.options;
    const sketch = new QuantileSketch(epsilon);
    return {
      add: (batch) => sketch.add(tensor(batch).cast('float32').data as Float32Array),
      finish: () => {
        this.#boundaries = sketch.quantiles(numBins ?? 1);
      },
    };
  }

  #known(): readonly number[] {
    if (this.#boundaries !== null) return this.#boundaries;
    throw new ConfigError(
      'has no bins yet. Call adapt(data) before the layer is used, or give binBoundaries.',
      { op: this.name, argument: 'binBoundaries' },
    );
  }
}

/** The bin in which a number lies. @see {@link Discretization} */
export const discretization = (options: z.input<typeof schema>): Discretization =>
  new Discretization(options);
registerLayer(Discretization, [
  { options: { binBoundaries: [-0.5, 0, 1] }, inputs: [[null, 3]], output: [null, 3] },
  {
    options: { binBoundaries: [1, 2], outputMode: 'oneHot' },
    inputs: [[null, 1]],
    dtype: 'int32',
    output: [null, 3],
  },
  { options: { binBoundaries: [0], outputMode: 'count' }, inputs: [[null, 4]], output: [null, 2] },
]);
