import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { Shape } from '../core/shape.ts';
import type { Value } from '../ir/graph.ts';
import { mul } from '../ops/index.ts';
import { type CallOptions, expectRank, Layer, layerOptions, type Values } from './layer.ts';
import { dataFormatOption } from './options.ts';
import { registerLayer } from './registry.ts';
import { randomBernoulli } from './trace.ts';

const schema = deferred(() =>
  layerOptions.extend({
    /** Fraction of the channels that is dropped, in [0, 1). */
    rate: z.number().min(0).lt(1),
    seed: z.int().nullable().default(null),
  }),
);
const schemaWithFormat = deferred(() => schema.extend({ dataFormat: dataFormatOption }));

/** Drops channels, shared between all positions of a sample; what is kept is scaled by `1 / (1 - rate)`. */
function dropChannels(
  x: Value,
  { training }: CallOptions,
  { rate, seed }: z.output<typeof schema>,
  channels: number,
): Value {
  if (!training || rate === 0) return x;
  const shape: Shape = x.shape.map((n, axis) => (axis === 0 || axis === channels ? n : 1));
  return mul(x, randomBernoulli(shape, 1 - rate, 1 / (1 - rate), seed ?? undefined));
}

const layouts = {
  2: { channelsLast: '[batch, height, width, channels]', channelsFirst: '[batch, channels, height, width]' },
  3: {
    channelsLast: '[batch, depth, height, width, channels]',
    channelsFirst: '[batch, channels, depth, height, width]',
  },
} as const;

/** Drops channels of images or volumes. */
abstract class SpatialDropout extends Layer<typeof schemaWithFormat> {
  static override readonly schema = schemaWithFormat;
  protected abstract readonly spatialRank: 2 | 3;

  protected override get supportsMasking(): boolean {
    return true;
  }

  call([x]: Values, options: CallOptions): Value {
    const { dataFormat } = this.options;
    expectRank(x.shape, this.spatialRank + 2, layouts[this.spatialRank][dataFormat]);
    return dropChannels(x, options, this.options, dataFormat === 'channelsFirst' ? 1 : x.rank - 1);
  }
}

/**
 * Dropout of whole channels of `[batch, steps, channels]` while training.
 * @source Tompson et al., CVPR 2015; keras/src/layers/regularization/spatial_dropout.py
 */
export class SpatialDropout1D extends Layer<typeof schema> {
  static override readonly className = 'SpatialDropout1D';
  static override readonly schema = schema;

  protected override get supportsMasking(): boolean {
    return true;
  }

  call([x]: Values, options: CallOptions): Value {
    expectRank(x.shape, 3, '[batch, steps, channels]');
    return dropChannels(x, options, this.options, 2);
  }
}
/** Dropout of whole channels of `[batch, steps, channels]` while training. */
export const spatialDropout1d = (options: z.input<typeof schema>): SpatialDropout1D =>
  new SpatialDropout1D(options);
registerLayer(SpatialDropout1D, [{ options: { rate: 0.5 }, inputs: [[null, 3, 2]], output: [null, 3, 2] }]);

/**
 * Dropout of whole channels of images while training.
 * @source keras/src/layers/regularization/spatial_dropout.py
 */
export class SpatialDropout2D extends SpatialDropout {
  static override readonly className = 'SpatialDropout2D';
  protected readonly spatialRank = 2;
}
/** Dropout of whole channels of images while training. */
export const spatialDropout2d = (options: z.input<typeof schemaWithFormat>): SpatialDropout2D =>
  new SpatialDropout2D(options);
registerLayer(SpatialDropout2D, [
  { options: { rate: 0.5 }, inputs: [[null, 2, 3, 2]], output: [null, 2, 3, 2] },
  { options: { rate: 0.5, dataFormat: 'channelsFirst', seed: 3 }, inputs: [[null, 2, 3, null]] },
]);

/**
 * Dropout of whole channels of volumes while training.
 * @source keras/src/layers/regularization/spatial_dropout.py
 */
export class SpatialDropout3D extends SpatialDropout {
  static override readonly className = 'SpatialDropout3D';
  protected readonly spatialRank = 3;
}
/** Dropout of whole channels of volumes while training. */
export const spatialDropout3d = (options: z.input<typeof schemaWithFormat>): SpatialDropout3D =>
  new SpatialDropout3D(options);
registerLayer(SpatialDropout3D, [{ options: { rate: 0.25 }, inputs: [[null, 1, 2, 2, 3]] }]);
