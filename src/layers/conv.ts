import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { ConfigError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import { conv } from '../ops/conv.ts';
import { Convolution, checkSteps, convolutionOptions, kernelFirst, onceValid } from './convolution.ts';
import type { PartialShapes } from './layer.ts';
import { loraFromStart } from './lora.ts';
import { kernelOptions, kernelWeight, positiveInteger } from './options.ts';
import { registerLayer } from './registry.ts';
import { type PaddingSchema, paddingOption } from './spatial.ts';
import type { Weight } from './weight.ts';

const schemaOf = <P extends PaddingSchema>(rank: number, padding: P) =>
  convolutionOptions(rank, padding)
    .extend({
      /** Number of channels of the output. */
      filters: positiveInteger,
      /** Channels come in this many groups; every filter reads one of them. */
      groups: positiveInteger.default(1),
      ...kernelOptions,
      ...loraFromStart,
    })
    .superRefine(checkSteps, onceValid)
    .superRefine(({ filters, groups }, context) => {
      if (filters % groups === 0) return;
      context.addIssue({
        code: 'custom',
        path: ['groups'],
        message: `expected a divisor of the number of filters, ${filters}. Received ${groups}`,
      });
    }, onceValid);

const schema1d = deferred(() => schemaOf(1, z.enum(['valid', 'same', 'causal']).default('valid')));
const schema2d = deferred(() => schemaOf(2, paddingOption));
const schema3d = deferred(() => schemaOf(3, paddingOption));

/**
 * Convolution: `y = activation(conv(x, kernel) + bias)`, the same filters at every place of a window.
 * Weights: `kernel [...kernelSize, channels / groups, filters]`, `bias [filters]`.
 */
abstract class Conv<S extends typeof schema1d | typeof schema2d> extends Convolution<S> {
  #kernel!: Weight;

  override build([shape]: PartialShapes): void {
    const { filters, groups, kernelSize } = this.options;
    const channels = this.channelsOf(shape);
    if (channels % groups !== 0) {
      throw new ConfigError(
        `groups must divide the number of channels of the input, ${channels}. Received ${groups}.`,
        { argument: 'groups', expected: `a divisor of ${channels}`, received: String(groups) },
      );
    }
    this.#kernel = this.addAdaptableWeight(
      'kernel',
      [...kernelSize, channels / groups, filters],
      kernelWeight(this.options),
      this.options,
    );
    this.addBias(filters);
  }

  protected convolve(x: Value): Value {
    const options = { ...this.windowOf(x), ...this.bias, group: this.options.groups };
    return conv(x, kernelFirst(this.#kernel.value), options);
  }
}

/**
 * Convolution over one axis, time for example.
 *
 * Input `[batch, steps, channels]`, output `[batch, places, filters]`. Weights:
 * `kernel [size, channels / groups, filters]`, `bias [filters]`.
 * @source keras/src/layers/convolutional/conv1d.py
 */
export class Conv1D extends Conv<typeof schema1d> {
  static override readonly className = 'Conv1D';
  static override readonly schema = schema1d;
}
/** Convolution over one axis, time for example; `causal` padding looks back only. @see {@link Conv1D} */
export const conv1d = (options: z.input<typeof schema1d>): Conv1D => new Conv1D(options);
registerLayer(Conv1D, [
  { options: { filters: 3, kernelSize: 2 }, inputs: [[null, 5, 2]], output: [null, 4, 3] },
  {
    options: { filters: 2, kernelSize: 3, dilationRate: 2, padding: 'causal', activation: 'tanh' },
    inputs: [[null, 6, 2]],
    output: [null, 6, 2],
  },
]);

/**
 * Convolution over two axes, those of an image.
 *
 * Input `[batch, height, width, channels]`, output `[batch, height, width, filters]`. Weights:
 * `kernel [height, width, channels / groups, filters]`, `bias [filters]`.
 * @source keras/src/layers/convolutional/conv2d.py
 */
export class Conv2D extends Conv<typeof schema2d> {
  static override readonly className = 'Conv2D';
  static override readonly schema = schema2d;
}
/** Convolution over two axes, those of an image. @see {@link Conv2D} */
export const conv2d = (options: z.input<typeof schema2d>): Conv2D => new Conv2D(options);
registerLayer(Conv2D, [
  { options: { filters: 3, kernelSize: 3 }, inputs: [[null, 5, 4, 2]], output: [null, 3, 2, 3] },
  {
    options: {
      filters: 4,
      kernelSize: [2, 3],
      strides: [2, 1],
      padding: 'same',
      groups: 2,
      activation: 'relu',
    },
    inputs: [[null, 5, null, 4]],
    output: [null, 3, null, 4],
  },
  {
    options: { filters: 2, kernelSize: 2, dataFormat: 'channelsFirst', useBias: false },
    inputs: [[null, 3, 4, 4]],
    output: [null, 2, 3, 3],
  },
]);

/**
 * Convolution over three axes, those of a volume or a film.
 *
 * Input `[batch, depth, height, width, channels]`, output `[batch, depth, height, width, filters]`. Weights:
 * `kernel [depth, height, width, channels / groups, filters]`, `bias [filters]`.
 * @source keras/src/layers/convolutional/conv3d.py
 */
export class Conv3D extends Conv<typeof schema3d> {
  static override readonly className = 'Conv3D';
  static override readonly schema = schema3d;
}
/** Convolution over three axes, those of a volume or a film. @see {@link Conv3D} */
export const conv3d = (options: z.input<typeof schema3d>): Conv3D => new Conv3D(options);
registerLayer(Conv3D, [
  { options: { filters: 2, kernelSize: 2 }, inputs: [[null, 3, 3, 4, 2]], output: [null, 2, 2, 3, 2] },
  {
    options: { filters: 2, kernelSize: [1, 2, 3], strides: 2, padding: 'same' },
    inputs: [[null, 3, 4, 3, 1]],
    output: [null, 2, 2, 2, 2],
  },
]);
