import type * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { Value } from '../ir/graph.ts';
import { Convolution, convolutionOptions, depthwise, depthwiseOptions } from './convolution.ts';
import type { PartialShapes } from './layer.ts';
import { positiveInteger } from './options.ts';
import { registerLayer } from './registry.ts';
import { paddingOption } from './spatial.ts';
import type { Weight } from './weight.ts';

const schemaOf = (rank: number) =>
  convolutionOptions(rank, paddingOption).extend({
    /** Number of filters for each channel. */
    depthMultiplier: positiveInteger.default(1),
    ...depthwiseOptions,
  });
const schema1d = deferred(() => schemaOf(1));
const schema2d = deferred(() => schemaOf(2));

/** Convolution of every channel apart from the others; `channels * depthMultiplier` channels come out. */
abstract class DepthwiseConv extends Convolution<typeof schema2d> {
  #kernel!: Weight;

  override build([shape]: PartialShapes): void {
    const { kernelSize, depthMultiplier, depthwiseInitializer, depthwiseRegularizer, depthwiseConstraint } =
      this.options;
    const channels = this.channelsOf(shape);
    this.#kernel = this.addWeight('kernel', [...kernelSize, channels, depthMultiplier], {
      initializer: depthwiseInitializer,
      regularizer: depthwiseRegularizer,
      constraint: depthwiseConstraint,
    });
    this.addBias(channels * depthMultiplier);
  }

  protected convolve(x: Value): Value {
    return depthwise(x, this.#kernel.value, { ...this.windowOf(x), ...this.bias });
  }
}

/**
 * Convolution over one axis of every channel apart.
 *
 * Input `[batch, steps, channels]`, output `[batch, places, channels * depthMultiplier]`. Weights:
 * `kernel [size, channels, depthMultiplier]`, `bias [channels * depthMultiplier]`.
 * @source keras/src/layers/convolutional/depthwise_conv1d.py
 */
export class DepthwiseConv1D extends DepthwiseConv {
  static override readonly className = 'DepthwiseConv1D';
  static override readonly schema = schema1d;
}
/** Convolution over one axis of every channel apart. @see {@link DepthwiseConv1D} */
export const depthwiseConv1d = (options: z.input<typeof schema1d>): DepthwiseConv1D =>
  new DepthwiseConv1D(options);
registerLayer(DepthwiseConv1D, [
  { options: { kernelSize: 3, depthMultiplier: 2 }, inputs: [[null, 5, 2]], output: [null, 3, 4] },
]);

/**
 * Convolution over the two axes of an image of every channel apart.
 *
 * Input `[batch, height, width, channels]`, output `[batch, height, width, channels * depthMultiplier]`. Weights:
 * `kernel [height, width, channels, depthMultiplier]`, `bias [channels * depthMultiplier]`.
 * @source keras/src/layers/convolutional/depthwise_conv2d.py
 */
export class DepthwiseConv2D extends DepthwiseConv {
  static override readonly className = 'DepthwiseConv2D';
  static override readonly schema = schema2d;
}
/** Convolution over the two axes of an image of every channel apart. @see {@link DepthwiseConv2D} */
export const depthwiseConv2d = (options: z.input<typeof schema2d>): DepthwiseConv2D =>
  new DepthwiseConv2D(options);
registerLayer(DepthwiseConv2D, [
  { options: { kernelSize: 2 }, inputs: [[null, 3, 4, 3]], output: [null, 2, 3, 3] },
  {
    options: { kernelSize: [3, 2], strides: 2, padding: 'same', depthMultiplier: 2, useBias: false },
    inputs: [[null, 5, 4, 2]],
    output: [null, 3, 2, 4],
  },
  {
    options: { kernelSize: 2, dilationRate: 2, dataFormat: 'channelsFirst', activation: 'relu' },
    inputs: [[null, 2, 4, 5]],
    output: [null, 2, 2, 3],
  },
]);
