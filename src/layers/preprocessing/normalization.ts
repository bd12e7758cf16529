import * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import { formatShape, normalizeAxes, type PartialShape, type Shape, sameShape } from '../../core/shape.ts';
import { type NestedArray, type Tensor, type TensorLike, tensor } from '../../core/tensor.ts';
import { DataError } from '../../errors.ts';
import { constant, type Value } from '../../ir/graph.ts';
import { add, div, maximum, mul, reshape, sqrt, sub } from '../../ops/index.ts';
import { initializers } from '../initializers.ts';
import { knownSize, layerOptions, type PartialShapes, type Values } from '../layer.ts';
import { registerLayer } from '../registry.ts';
import type { Weight } from '../weight.ts';
import { AdaptiveLayer, type Learner, runOnHost } from './adaptive.ts';
import { Moments } from './moments.ts';

const list = z.array(z.number());
const numbers = z.union([z.number(), list, z.array(list)]);
const axes = z.union([z.int(), z.array(z.int())]).nullable();

const schema = deferred(() =>
  layerOptions
    .extend({
      /** Axes that keep a mean and a variance for each position; `null` or none: one for all elements. */
      axis: axes
        .default(-1)
        .transform((axis) => (axis === null ? [] : typeof axis === 'number' ? [axis] : axis)),
      /** What to subtract, instead of learning it; with `variance`. */
      mean: numbers.nullable().default(null),
      variance: numbers.nullable().default(null),
      /** Turns normalized numbers back. */
      invert: z.boolean().default(false),
    })
    .refine(({ mean, variance }) => (mean === null) === (variance === null), {
      error: 'expected both mean and variance, or none of them',
      path: ['variance'],
    }),
);

/** Smallest standard deviation that is divided by: constant columns become zeros. */
const epsilon = 1e-7;

/**
 * Moves and scales numbers to mean 0 and variance 1: `y = (x - mean) / max(sqrt(variance), 1e-7)`, for each position
 * of `axis`.
 *
 * Weights, which `adapt` learns: `mean`, `variance` of the shape of the kept axes, and `count`, which stays 0 as in Keras.
 * @source keras/src/layers/preprocessing/normalization.py
 */
export class Normalization extends AdaptiveLayer<typeof schema, TensorLike> {
  static override readonly className = 'Normalization';
  static override readonly schema = schema;
  #weights: { readonly mean: Weight; readonly variance: Weight } | undefined;

  override get adaptable(): boolean {
    return this.options.mean === null;
  }

  override build([shape]: PartialShapes): void {
    if (!this.adaptable) return;
    const kept = this.#kept(shape).map((axis) => knownSize(shape, axis, `size of axis ${axis}`));
    const state = (name: string, initializer: string, size = kept) =>
      this.addWeight(name, size, { initializer: initializers.make(initializer), trainable: false });
    this.#weights = { mean: state('mean', 'zeros'), variance: state('variance', 'ones') };
    state('count', 'zeros', []);
  }

  protected override get supportsMasking(): boolean {
    return true;
  }

  call([x]: Values): Value {
    const [mean, variance] = this.#moments(x);
    const deviation = maximum(sqrt(variance), epsilon);
    return this.options.invert ? add(mul(x, deviation), mean) : div(sub(x, mean), deviation);
  }

  /** Normalized numbers, on the host. @returns `float32` of the data's shape */
  transform(data: TensorLike): Tensor {
    return runOnHost(this, [tensor(data)]);
  }

  learner(): Learner<TensorLike> {
    let moments: Moments | undefined;
    let built: PartialShape | undefined;
    return {
      add: (batch) => {
        const x = tensor(batch);
        const kept = this.#kept(x.shape);
        const sizes = kept.map((axis) => x.shape[axis] as number);
        built ??= x.shape.map((n, axis) => (kept.includes(axis) ? n : null));
        const expected: Shape = this.#weights?.mean.shape ?? moments?.shape ?? sizes;
        if (!sameShape(expected, sizes)) {
          throw new DataError(
            `${this.className} "${this.name}": expected sizes ${formatShape(expected)} of the kept axes. Received ` +
              `${formatShape(sizes)}, in data of shape ${formatShape(x.shape)}.`,
            { op: this.name, expected: formatShape(expected), received: formatShape(sizes) },
          );
        }
        moments ??= new Moments(sizes);
        moments.add(x, kept);
      },
      finish: () => {
        if (moments === undefined || built === undefined) return;
        this.ensureBuilt([built]);
        this.#weights?.mean.write(moments.mean());
        this.#weights?.variance.write(moments.variance());
      },
    };
  }

  #kept(shape: PartialShape): readonly number[] {
    return normalizeAxes(this.options.axis, shape.length, this.name);
  }

  /** Mean and variance in a shape that broadcasts to the input's. */
  #moments(x: Value): [Value, Value] {
    const kept = this.#kept(x.shape);
    if (this.#weights) {
      const shape = x.shape.map((n, axis) => (kept.includes(axis) ? n : 1));
      const { mean, variance } = this.#weights;
      return [reshape(mean.value, shape), reshape(variance.value, shape)];
    }
    const fixed = (numbers: NestedArray | null): Value => {
      const given = tensor(numbers ?? 0);
      const shape = x.shape.map((_, axis) => {
        const place = kept.indexOf(axis) - kept.length;
        return kept.includes(axis) ? (given.shape.at(place) ?? 1) : 1;
      });
      return constant(given.reshape(given.rank === 0 ? [] : shape).cast(x.dtype));
    };
    return [fixed(this.options.mean), fixed(this.options.variance)];
  }
}

/** Moves and scales numbers to mean 0 and variance 1. @see {@link Normalization} */
export const normalization = (options: z.input<typeof schema> = {}): Normalization =>
  new Normalization(options);
registerLayer(Normalization, [
  { inputs: [[null, 3]], output: [null, 3] },
  { options: { axis: [1, 2], mean: [[1, 2]], variance: [[4, 0.25]] }, inputs: [[null, 1, 2]] },
  { options: { axis: null, mean: 1, variance: 4, invert: true }, inputs: [[null, 2]], dtype: 'int32' },
]);
