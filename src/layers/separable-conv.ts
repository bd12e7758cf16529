import type * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { Value } from '../ir/graph.ts';
import { conv } from '../ops/conv.ts';
import { Convolution, convolutionOptions, depthwise, depthwiseOptions, kernelFirst } from './convolution.ts';
import type { PartialShapes } from './layer.ts';
import { constraintOption, initializerOption, positiveInteger, regularizerOption } from './options.ts';
import { registerLayer } from './registry.ts';
import { paddingOption } from './spatial.ts';
import type { Weight } from './weight.ts';

const schemaOf = (rank: number) =>
  convolutionOptions(rank, paddingOption).extend({
    /** Number of channels of the output. */
    filters: positiveInteger,
    /** Number of depthwise filters for each channel. */
    depthMultiplier: positiveInteger.default(1),
    ...depthwiseOptions,
    pointwiseInitializer: initializerOption('glorotUniform'),
    pointwiseRegularizer: regularizerOption(),
    pointwiseConstraint: constraintOption(),
  });
const schema1d = deferred(() => schemaOf(1));
const schema2d = deferred(() => schemaOf(2));

/** Convolution in two steps: every channel apart, then a mixture of the channels at every place. */
abstract class SeparableConv extends Convolution<typeof schema2d> {
  #depthwise!: Weight;
  #pointwise!: Weight;

  override build([shape]: PartialShapes): void {
    const o = this.options;
    const channels = this.channelsOf(shape);
    this.#depthwise = this.addWeight('depthwise_kernel', [...o.kernelSize, channels, o.depthMultiplier], {
      initializer: o.depthwiseInitializer,
      regularizer: o.depthwiseRegularizer,
      constraint: o.depthwiseConstraint,
    });
    const point = o.kernelSize.map(() => 1);
    this.#pointwise = this.addWeight(
      'pointwise_kernel',
      [...point, channels * o.depthMultiplier, o.filters],
      {
        initializer: o.pointwiseInitializer,
        regularizer: o.pointwiseRegularizer,
        constraint: o.pointwiseConstraint,
      },
    );
    this.addBias(o.filters);
  }

  protected convolve(x: Value): Value {
    const apart = depthwise(x, this.#depthwise.value, this.windowOf(x));
    return conv(apart, kernelFirst(this.#pointwise.value), this.bias);
  }
}

/**
 * Convolution over one axis in two steps: every channel apart, then a mixture of the channels.
 *
 * Input `[batch, steps, channels]`, output `[batch, places, filters]`. Weights:
 * `depthwise_kernel [size, channels, depthMultiplier]`, `pointwise_kernel [1, channels * depthMultiplier, filters]`,
 * `bias [filters]`.
 * @source Chollet, CVPR 2017; keras/src/layers/convolutional/separable_conv1d.py
 */
export class SeparableConv1D extends SeparableConv {
  static override readonly className = 'SeparableConv1D';
  static override readonly schema = schema1d;
}
/** Depthwise, then pointwise convolution over one axis. @see {@link SeparableConv1D} */
export const separableConv1d = (options: z.input<typeof schema1d>): SeparableConv1D =>
  new SeparableConv1D(options);
registerLayer(SeparableConv1D, [
  {
    options: { filters: 3, kernelSize: 3, depthMultiplier: 2, padding: 'same' },
    inputs: [[null, 4, 2]],
    output: [null, 4, 3],
  },
]);

/**
 * Convolution over the two axes of an image in two steps: every channel apart, then a mixture of the channels.
 *
 * Input `[batch, height, width, channels]`, output `[batch, height, width, filters]`. Weights:
 * `depthwise_kernel [height, width, channels, depthMultiplier]`,
 * `pointwise_kernel [1, 1, channels * depthMultiplier, filters]`, `bias [filters]`.
 * @source Chollet, CVPR 2017; keras/src/layers/convolutional/separable_conv2d.py
 */
export class SeparableConv2D extends SeparableConv {
  static override readonly className = 'SeparableConv2D';
  static override readonly schema = schema2d;
}
/** Depthwise, then pointwise convolution over the two axes of an image. @see {@link SeparableConv2D} */
export const separableConv2d = (options: z.input<typeof schema2d>): SeparableConv2D =>
  new SeparableConv2D(options);
registerLayer(SeparableConv2D, [
  { options: { filters: 3, kernelSize: 2 }, inputs: [[null, 4, 3, 2]], output: [null, 3, 2, 3] },
  {
    options: { filters: 2, kernelSize: 3, strides: 2, padding: 'same', useBias: false, activation: 'relu' },
    inputs: [[null, 4, 5, 3]],
    output: [null, 2, 3, 2],
  },
  {
    options: { filters: 3, kernelSize: 2, dataFormat: 'channelsFirst' },
    inputs: [[null, 2, 3, 4]],
    output: [null, 3, 2, 3],
  },
]);
