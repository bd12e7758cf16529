import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { Value } from '../ir/graph.ts';
import { resize } from '../ops/resize.ts';
import { upsample } from '../ops/upsample.ts';
import { spatialOf } from '../ops/window.ts';
import { Layer, layerOptions, type Values } from './layer.ts';
import { dataFormatOption, perAxis, positiveInteger } from './options.ts';
import { registerLayer } from './registry.ts';
import { inChannelsFirst } from './spatial.ts';

const schema1d = deferred(() =>
  layerOptions.extend({
    /** How often every step is repeated. */
    size: positiveInteger.default(2),
  }),
);
/**
 * Every step repeated: `[batch, steps, channels]` becomes `[batch, steps * size, channels]`.
 * @source keras/src/layers/reshaping/up_sampling1d.py
 */
export class UpSampling1D extends Layer<typeof schema1d> {
  static override readonly className = 'UpSampling1D';
  static override readonly schema = schema1d;

  call([x]: Values): Value {
    return inChannelsFirst(x, 1, 'channelsLast', (first) => upsample(first, this.options.size));
  }
}
/** Every step repeated `size` times. @see {@link UpSampling1D} */
export const upSampling1d = (options: z.input<typeof schema1d> = {}): UpSampling1D =>
  new UpSampling1D(options);
registerLayer(UpSampling1D, [{ options: { size: 3 }, inputs: [[null, 2, 3]], output: [null, 6, 3] }]);

const schema2d = deferred(() =>
  layerOptions.extend({
    /** Factors by which height and width grow. */
    size: perAxis(2).prefault(2),
    dataFormat: dataFormatOption,
    /** `nearest` repeats elements, `bilinear` interpolates between their centres. */
    interpolation: z.enum(['nearest', 'bilinear']).default('nearest'),
  }),
);
/**
 * A larger image: `[batch, height, width, channels]` becomes `[batch, height * size, width * size, channels]`.
 * @source keras/src/layers/reshaping/up_sampling2d.py
 */
export class UpSampling2D extends Layer<typeof schema2d> {
  static override readonly className = 'UpSampling2D';
  static override readonly schema = schema2d;

  call([x]: Values): Value {
    const { size, dataFormat, interpolation } = this.options;
    return inChannelsFirst(x, 2, dataFormat, (first) => {
      if (interpolation === 'nearest') return upsample(first, size);
      const sizes = spatialOf(first.shape).map((n, axis) => n * (size[axis] as number));
      return resize(first, { sizes, mode: 'linear' });
    });
  }
}
/** An image enlarged by whole factors. @see {@link UpSampling2D} */
export const upSampling2d = (options: z.input<typeof schema2d> = {}): UpSampling2D =>
  new UpSampling2D(options);
registerLayer(UpSampling2D, [
  { options: { size: [2, 3] }, inputs: [[null, 2, null, 3]], output: [null, 4, null, 3] },
  {
    options: { interpolation: 'bilinear', dataFormat: 'channelsFirst' },
    inputs: [[null, 2, 2, 3]],
    output: [null, 2, 4, 6],
  },
]);

const schema3d = deferred(() =>
  layerOptions.extend({
    /** Factors by which depth, height and width grow. */
    size: perAxis(3).prefault(2),
    dataFormat: dataFormatOption,
  }),
);
/**
 * A larger volume, elements repeated along the three inner axes of `[batch, depth, height, width, channels]`.
 * @source keras/src/layers/reshaping/up_sampling3d.py
 */
export class UpSampling3D extends Layer<typeof schema3d> {
  static override readonly className = 'UpSampling3D';
  static override readonly schema = schema3d;

  call([x]: Values): Value {
    const { size, dataFormat } = this.options;
    return inChannelsFirst(x, 3, dataFormat, (first) => upsample(first, size));
  }
}
/** A volume or a film enlarged by whole factors. @see {@link UpSampling3D} */
export const upSampling3d = (options: z.input<typeof schema3d> = {}): UpSampling3D =>
  new UpSampling3D(options);
registerLayer(UpSampling3D, [
  { options: { size: [1, 2, 3] }, inputs: [[null, 2, 1, 2, 2]], output: [null, 2, 2, 6, 2] },
]);
