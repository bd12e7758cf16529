import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { formatShape, type Shape, sizeOf } from '../core/shape.ts';
import { ShapeError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import { broadcastTo, expandDims, reshape as reshapeTo, transpose } from '../ops/index.ts';
import { expectRank, Layer, layerOptions, type Values } from './layer.ts';
import { dataFormatOption, positiveInteger } from './options.ts';
import { registerLayer } from './registry.ts';

/** Layers that move elements without looking at them: inputs of any type pass as they are. */
abstract class Rearrangement<S extends z.ZodType> extends Layer<S> {
  protected override get castsInputs(): boolean {
    return false;
  }
}

const flattenSchema = deferred(() => layerOptions.extend({ dataFormat: dataFormatOption }));
/**
 * All axes of a sample as one: `[batch, ...sizes]` becomes `[batch, product of sizes]`. Channels that come
 * first are moved to the end before, so that both data formats give the same order.
 * @source keras/src/layers/reshaping/flatten.py
 */
export class Flatten extends Rearrangement<typeof flattenSchema> {
  static override readonly className = 'Flatten';
  static override readonly schema = flattenSchema;

  call([x]: Values): Value {
    const [batch, channels, ...others] = x.shape.keys();
    const channelsFirst = this.options.dataFormat === 'channelsFirst' && others.length > 0;
    const ordered = channelsFirst ? transpose(x, [batch, ...others, channels] as number[]) : x;
    return reshapeTo(ordered, [x.shape[0] as number, sizeOf(x.shape.slice(1))]);
  }
}
/** All axes of a sample as one. @see {@link Flatten} */
export const flatten = (options: z.input<typeof flattenSchema> = {}): Flatten => new Flatten(options);
registerLayer(Flatten, [
  { inputs: [[null, 2, 3]], output: [null, 6] },
  { inputs: [[null]], output: [null, 1] },
  { options: { dataFormat: 'channelsFirst' }, inputs: [[null, 2, 3, 2]], output: [null, 12] },
]);

const reshapeSchema = deferred(() =>
  layerOptions.extend({
    /** Shape of one sample of the result; one size may be -1: whatever is left. */
    targetShape: z
      .array(
        z
          .int()
          .min(-1)
          .refine((n) => n !== 0, 'expected sizes of at least 1, or -1'),
      )
      .refine((sizes) => sizes.filter((n) => n === -1).length <= 1, 'only one size can be -1'),
  }),
);
/**
 * The elements of each sample under another shape, in the same order.
 * @source keras/src/layers/reshaping/reshape.py
 */
export class Reshape extends Rearrangement<typeof reshapeSchema> {
  static override readonly className = 'Reshape';
  static override readonly schema = reshapeSchema;

  call([x]: Values): Value {
    return reshapeTo(x, [x.shape[0] as number, ...this.#sizes(x.shape.slice(1))]);
  }

  #sizes(sample: Shape): Shape {
    const { targetShape } = this.options;
    const rest = sizeOf(sample) / sizeOf(targetShape.filter((n) => n !== -1));
    if (targetShape.includes(-1) ? Number.isInteger(rest) : rest === 1) {
      return targetShape.map((n) => (n === -1 ? rest : n));
    }
    const [expected, received] = [
      formatShape(targetShape),
      `${formatShape(sample)} (${sizeOf(sample)} elements)`,
    ];
    throw new ShapeError(`targetShape ${expected} does not fit samples of shape ${received}.`, {
      argument: 'targetShape',
      expected,
      received,
    });
  }
}
/** The elements of each sample under another shape. @see {@link Reshape} */
export const reshape = (options: z.input<typeof reshapeSchema>): Reshape => new Reshape(options);
registerLayer(Reshape, [
  { options: { targetShape: [3, 2] }, inputs: [[null, 6]], output: [null, 3, 2] },
  { options: { targetShape: [-1, 2] }, inputs: [[null, 3, 4]], output: [null, 6, 2] },
  { options: { targetShape: [-1] }, inputs: [[null, 2, 2]], dtype: 'int32', output: [null, 4] },
]);

const permuteSchema = deferred(() =>
  layerOptions.extend({
    /** Which axis of the input each axis of the result is; the first after the batch is 1. */
    dims: z
      .array(z.int())
      .refine((dims) => dims.toSorted((a, b) => a - b).every((axis, i) => axis === i + 1), {
        message: 'expected each of 1, 2, ... once',
      }),
  }),
);
/**
 * Axes in another order: `dims: [2, 1]` swaps the two axes after the batch.
 * @source keras/src/layers/reshaping/permute.py
 */
export class Permute extends Rearrangement<typeof permuteSchema> {
  static override readonly className = 'Permute';
  static override readonly schema = permuteSchema;

  call([x]: Values): Value {
    const { dims } = this.options;
    expectRank(
      x.shape,
      dims.length + 1,
      `[batch, ${dims
        .toSorted()
        .map((axis) => `axis${axis}`)
        .join(', ')}]`,
    );
    return transpose(x, [0, ...dims]);
  }
}
/** Axes in another order. @see {@link Permute} */
export const permute = (options: z.input<typeof permuteSchema>): Permute => new Permute(options);
registerLayer(Permute, [
  { options: { dims: [2, 1] }, inputs: [[null, 3, 4]], output: [null, 4, 3] },
  { options: { dims: [2, 3, 1] }, inputs: [[null, null, 3, 4]], output: [null, 3, 4, null] },
]);

const repeatSchema = deferred(() =>
  layerOptions.extend({
    /** How often. */
    n: positiveInteger,
  }),
);
/**
 * Each sample repeated: `[batch, features]` becomes `[batch, n, features]`.
 * @source keras/src/layers/reshaping/repeat_vector.py
 */
export class RepeatVector extends Rearrangement<typeof repeatSchema> {
  static override readonly className = 'RepeatVector';
  static override readonly schema = repeatSchema;

  call([x]: Values): Value {
    expectRank(x.shape, 2, '[batch, features]');
    const [batch, features] = x.shape as readonly [number, number];
    return broadcastTo(expandDims(x, 1), [batch, this.options.n, features]);
  }
}
/** Each sample repeated `n` times. @see {@link RepeatVector} */
export const repeatVector = (options: z.input<typeof repeatSchema>): RepeatVector =>
  new RepeatVector(options);
registerLayer(RepeatVector, [{ options: { n: 3 }, inputs: [[null, 4]], output: [null, 3, 4] }]);

/** Its input, unchanged: `y = x`. @source keras/src/layers/core/identity.py */
export class Identity extends Rearrangement<typeof layerOptions> {
  static override readonly className = 'Identity';
  static override readonly schema = layerOptions;

  protected override get supportsMasking(): boolean {
    return true;
  }

  call([x]: Values): Value {
    return x;
  }
}
/** Its input, unchanged. */
export const identity = (options: z.input<typeof layerOptions> = {}): Identity => new Identity(options);
registerLayer(Identity, [{ inputs: [[null, 3]], output: [null, 3] }]);
