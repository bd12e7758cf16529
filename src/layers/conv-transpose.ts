import type * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { Value } from '../ir/graph.ts';
import { convTranspose } from '../ops/conv-transpose.ts';
import { Convolution, checkSteps, convolutionOptions, kernelFirst, onceValid } from './convolution.ts';
import type { PartialShapes } from './layer.ts';
import { kernelOptions, kernelWeight, perAxis, positiveInteger } from './options.ts';
import { registerLayer } from './registry.ts';
import { paddingOption } from './spatial.ts';
import type { Weight } from './weight.ts';

const schemaOf = (rank: number) =>
  convolutionOptions(rank, paddingOption)
    .extend({
      /** Number of channels of the output. */
      filters: positiveInteger,
      /** Elements added to the end of each axis, fewer than the strides; `null` for as many as Keras finds natural. */
      outputPadding: perAxis(rank, 0).nullable().default(null),
      ...kernelOptions,
    })
    .superRefine(checkSteps, onceValid)
    .superRefine(({ outputPadding, strides }, context) => {
      if (outputPadding === null || outputPadding.every((n, axis) => n < (strides[axis] as number))) return;
      const received = `[${outputPadding.join(',')}]`;
      context.addIssue({
        code: 'custom',
        path: ['outputPadding'],
        message: `expected less than the strides [${strides.join(',')}] along every axis. Received ${received}`,
      });
    }, onceValid);
const schema1d = deferred(() => schemaOf(1));
const schema2d = deferred(() => schemaOf(2));
const schema3d = deferred(() => schemaOf(3));

/**
 * Transposed convolution: every element adds the filters, times its value, to the places of the output that a
 * convolution would have read it from. Sizes of the output are, `k` being `(kernelSize - 1) * dilationRate + 1`:
 *
 * | `padding` | `outputPadding: null`                 | `outputPadding: p`                   |
 * |-----------|---------------------------------------|--------------------------------------|
 * | `valid`   | `(n - 1) * strides + max(k, strides)` | `(n - 1) * strides + k + p`          |
 * | `same`    | `n * strides`                         | `(n - 1) * strides + k % 2 + p`      |
 */
abstract class ConvTranspose extends Convolution<typeof schema2d> {
  #kernel!: Weight;

  override build([shape]: PartialShapes): void {
    const { filters, kernelSize } = this.options;
    const sizes = [...kernelSize, filters, this.channelsOf(shape)];
    this.#kernel = this.addAdaptableWeight('kernel', sizes, kernelWeight(this.options));
    this.addBias(filters);
  }

  protected convolve(x: Value): Value {
    const { strides, dilationRate } = this.options;
    const cuts = strides.map((_, axis) => this.#cut(axis));
    return convTranspose(x, kernelFirst(this.#kernel.value), {
      strides,
      dilations: dilationRate,
      pads: [...cuts.map(({ start }) => start), ...cuts.map(({ end }) => Math.max(end, 0))],
      outputPadding: cuts.map(({ end }) => Math.max(-end, 0)),
      ...this.bias,
    });
  }

  /**
   * Elements cut off the full result, `(n - 1) * strides + k` long, at each end of an axis; a negative `end` adds some.
   * @source keras/src/backend/common/backend_utils.py, `_convert_conv_transpose_padding_args_from_keras_to_jax`
   */
  #cut(axis: number): { start: number; end: number } {
    const o = this.options;
    const stride = o.strides[axis] as number;
    const k = ((o.kernelSize[axis] as number) - 1) * (o.dilationRate[axis] as number) + 1;
    const extra = o.outputPadding?.[axis];
    if (o.padding === 'valid') return { start: 0, end: -(extra ?? Math.max(stride - k, 0)) };
    const kept = extra === undefined ? stride + k - 2 : k + (k % 2) - 2 + extra;
    const first = Math.min(Math.ceil(kept / 2), k - 1);
    return { start: k - 1 - first, end: k - 1 - (kept - first) };
  }
}

/**
 * Transposed convolution over one axis.
 *
 * Input `[batch, steps, channels]`, output `[batch, longer, filters]`. Weights: `kernel [size, filters, channels]`,
 * `bias [filters]`. Sizes grow to `n * strides` with `padding: 'same'`,
 * else to `(n - 1) * strides + max(kernelSize, strides)`; see `outputPadding`.
 * @source keras/src/layers/convolutional/conv1d_transpose.py
 */
export class Conv1DTranspose extends ConvTranspose {
  static override readonly className = 'Conv1DTranspose';
  static override readonly schema = schema1d;
}
/** Transposed convolution over one axis. @see {@link Conv1DTranspose} */
export const conv1dTranspose = (options: z.input<typeof schema1d>): Conv1DTranspose =>
  new Conv1DTranspose(options);
registerLayer(Conv1DTranspose, [
  { options: { filters: 2, kernelSize: 3, strides: 2 }, inputs: [[null, 3, 2]], output: [null, 7, 2] },
  {
    options: { filters: 2, kernelSize: 2, dilationRate: 2, padding: 'same' },
    inputs: [[null, 4, 3]],
    output: [null, 4, 2],
  },
]);

/**
 * Transposed convolution over the two axes of an image.
 *
 * Input `[batch, height, width, channels]`, output `[batch, taller, wider, filters]`. Weights:
 * `kernel [height, width, filters, channels]`, `bias [filters]`. Sizes grow to `n * strides` with `padding: 'same'`,
 * else to `(n - 1) * strides + max(kernelSize, strides)`; see `outputPadding`.
 * @source keras/src/layers/convolutional/conv2d_transpose.py
 */
export class Conv2DTranspose extends ConvTranspose {
  static override readonly className = 'Conv2DTranspose';
  static override readonly schema = schema2d;
}
/** Transposed convolution over the two axes of an image. @see {@link Conv2DTranspose} */
export const conv2dTranspose = (options: z.input<typeof schema2d>): Conv2DTranspose =>
  new Conv2DTranspose(options);
registerLayer(Conv2DTranspose, [
  {
    options: { filters: 2, kernelSize: 3, strides: 2, padding: 'same', activation: 'relu' },
    inputs: [[null, 3, null, 2]],
    output: [null, 6, null, 2],
  },
  {
    options: { filters: 2, kernelSize: [1, 3], strides: [3, 2], outputPadding: [0, 1], useBias: false },
    inputs: [[null, 2, 2, 3]],
    output: [null, 4, 6, 2],
  },
  {
    options: { filters: 2, kernelSize: 2, dataFormat: 'channelsFirst' },
    inputs: [[null, 3, 2, 3]],
    output: [null, 2, 3, 4],
  },
]);

/**
 * Transposed convolution over the three axes of a volume or a film.
 *
 * Input `[batch, depth, height, width, channels]`, output `[batch, deeper, taller, wider, filters]`. Weights:
 * `kernel [depth, height, width, filters, channels]`, `bias [filters]`. Sizes grow to `n * strides` with `padding: 'same'`,
 * else to `(n - 1) * strides + max(kernelSize, strides)`; see `outputPadding`.
 * @source keras/src/layers/convolutional/conv3d_transpose.py
 */
export class Conv3DTranspose extends ConvTranspose {
  static override readonly className = 'Conv3DTranspose';
  static override readonly schema = schema3d;
}
/** Transposed convolution over the three axes of a volume or a film. @see {@link Conv3DTranspose} */
export const conv3dTranspose = (options: z.input<typeof schema3d>): Conv3DTranspose =>
  new Conv3DTranspose(options);
registerLayer(Conv3DTranspose, [
  {
    options: { filters: 1, kernelSize: 2, strides: 2 },
    inputs: [[null, 2, 1, 2, 2]],
    output: [null, 4, 2, 4, 1],
  },
]);
