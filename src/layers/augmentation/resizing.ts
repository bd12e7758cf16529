import * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import { bytesOf, type DType, isFloat } from '../../core/dtype.ts';
import type { Value } from '../../ir/graph.ts';
import { cast, clip, round } from '../../ops/index.ts';
import { positiveInteger } from '../options.ts';
import { registerLayer } from '../registry.ts';
import { cropToRatio, padToRatio, resizeImages } from './fit.ts';
import { ImageLayer, imageOptions } from './image-layer.ts';

const schema = deferred(() =>
  imageOptions
    .extend({
      height: positiveInteger,
      width: positiveInteger,
      interpolation: z.enum(['nearest', 'bilinear', 'bicubic']).default('bilinear'),
      /** Cuts off what does not fit the new proportions, instead of distorting. */
      cropToAspectRatio: z.boolean().default(false),
      /** Adds bars of `fillValue` instead of distorting. */
      padToAspectRatio: z.boolean().default(false),
      fillMode: z.literal('constant').default('constant'),
      fillValue: z.number().default(0),
      antialias: z.literal(false, 'expected false: images are resized without antialiasing').default(false),
    })
    .refine((o) => !(o.cropToAspectRatio && o.padToAspectRatio), {
      error: 'expected only one of cropToAspectRatio and padToAspectRatio to be true',
      path: ['padToAspectRatio'],
    }),
);

/**
 * Images of another size: `[batch, height, width, channels]`, whatever the sizes were; integers stay integers, rounded.
 * @source keras/src/layers/preprocessing/image_preprocessing/resizing.py
 */
export class Resizing extends ImageLayer<typeof schema> {
  static override readonly className = 'Resizing';
  static override readonly schema = schema;

  protected override get castsInputs(): boolean {
    return false;
  }

  protected change(x: Value): Value {
    const { height, width, interpolation, cropToAspectRatio, padToAspectRatio, fillValue } = this.options;
    const floats = isFloat(x.dtype) ? x : cast(x, 'float32');
    let fitted = floats;
    if (cropToAspectRatio) fitted = cropToRatio(floats, height, width);
    if (padToAspectRatio) fitted = padToRatio(floats, height, width, fillValue);
    const y = resizeImages(fitted, height, width, interpolation);
    return floats === x ? y : cast(clip(round(y), ...limits(x.dtype)), x.dtype);
  }
}

/** Least and largest number of a type of integers. */
function limits(dtype: DType): [number, number] {
  const count = 2 ** (8 * bytesOf(dtype));
  return dtype.startsWith('u') ? [0, count - 1] : [-count / 2, count / 2 - 1];
}

/** Images of another size. @see {@link Resizing} */
export const resizing = (options: z.input<typeof schema>): Resizing => new Resizing(options);
registerLayer(Resizing, [
  { options: { height: 3, width: 5 }, inputs: [[null, 4, null, 2]], output: [null, 3, 5, 2] },
  {
    options: { height: 6, width: 3, interpolation: 'bicubic', cropToAspectRatio: true },
    inputs: [[null, 4, 4, 1]],
    dtype: 'uint8',
    output: [null, 6, 3, 1],
  },
  {
    options: {
      height: 4,
      width: 4,
      interpolation: 'nearest',
      padToAspectRatio: true,
      fillValue: 2,
      dataFormat: 'channelsFirst',
    },
    inputs: [[null, 3, 2, 5]],
    output: [null, 3, 4, 4],
  },
]);
