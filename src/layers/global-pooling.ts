import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { Value } from '../ir/graph.ts';
import { cast, div, expandDims, reduceMax, reduceMean, reduceSum, where } from '../ops/index.ts';
import type { CallSignature } from './call-arguments.ts';
import { Layer, layerOptions, type Values } from './layer.ts';
import { maskOf } from './masks.ts';
import { dataFormatOption } from './options.ts';
import { registerLayer } from './registry.ts';
import { expectSpatial, spatialAxesOf } from './spatial.ts';

const schema = deferred(() =>
  layerOptions.extend({
    dataFormat: dataFormatOption,
    /** Keeps the spatial axes, of size 1. */
    keepdims: z.boolean().default(false),
  }),
);

/** One number for each channel. */
abstract class GlobalPooling extends Layer<typeof schema> {
  static override readonly schema = schema;
  protected abstract readonly rank: number;
  protected abstract readonly reduce: typeof reduceMax;

  call([x]: Values): Value {
    const { dataFormat, keepdims } = this.options;
    expectSpatial(x.shape, this.rank, dataFormat);
    return this.reduce(x, spatialAxesOf(this.rank, dataFormat), keepdims);
  }
}

abstract class GlobalMaxPooling extends GlobalPooling {
  protected readonly reduce = reduceMax;
}

abstract class GlobalAveragePooling extends GlobalPooling {
  protected readonly reduce = reduceMean;
}

/** Largest element of each channel: `[batch, steps, channels]` becomes `[batch, channels]`. */
export class GlobalMaxPooling1D extends GlobalMaxPooling {
  static override readonly className = 'GlobalMaxPooling1D';
  protected readonly rank = 1;
}
/** Largest element of each channel, over one axis. @see {@link GlobalMaxPooling1D} */
export const globalMaxPooling1d = (options: z.input<typeof schema> = {}): GlobalMaxPooling1D =>
  new GlobalMaxPooling1D(options);
registerLayer(GlobalMaxPooling1D, [
  { inputs: [[null, 4, 3]], output: [null, 3] },
  { options: { keepdims: true }, inputs: [[null, 4, 3]], output: [null, 1, 3] },
]);

/** Largest element of each channel: `[batch, height, width, channels]` becomes `[batch, channels]`. */
export class GlobalMaxPooling2D extends GlobalMaxPooling {
  static override readonly className = 'GlobalMaxPooling2D';
  protected readonly rank = 2;
}
/** Largest element of each channel of an image. @see {@link GlobalMaxPooling2D} */
export const globalMaxPooling2d = (options: z.input<typeof schema> = {}): GlobalMaxPooling2D =>
  new GlobalMaxPooling2D(options);
registerLayer(GlobalMaxPooling2D, [
  { inputs: [[null, 2, null, 3]], output: [null, 3] },
  {
    options: { dataFormat: 'channelsFirst', keepdims: true },
    inputs: [[null, 3, 2, 4]],
    output: [null, 3, 1, 1],
  },
]);

/** Largest element of each channel: `[batch, depth, height, width, channels]` becomes `[batch, channels]`. */
export class GlobalMaxPooling3D extends GlobalMaxPooling {
  static override readonly className = 'GlobalMaxPooling3D';
  protected readonly rank = 3;
}
/** Largest element of each channel of a volume or a film. @see {@link GlobalMaxPooling3D} */
export const globalMaxPooling3d = (options: z.input<typeof schema> = {}): GlobalMaxPooling3D =>
  new GlobalMaxPooling3D(options);
registerLayer(GlobalMaxPooling3D, [{ inputs: [[null, 2, 3, 2, 2]], output: [null, 2] }]);

/** Mean of each channel over the steps that count: `[batch, steps, channels]` becomes `[batch, channels]`. */
export class GlobalAveragePooling1D extends GlobalAveragePooling {
  static override readonly className = 'GlobalAveragePooling1D';
  protected readonly rank = 1;

  override get signature(): CallSignature {
    return { masks: ['mask'] };
  }

  override call([x]: Values): Value {
    const mask = maskOf(x);
    if (mask === undefined) return super.call([x]);
    const { dataFormat, keepdims } = this.options;
    expectSpatial(x.shape, 1, dataFormat);
    const [steps] = spatialAxesOf(1, dataFormat) as [number];
    const counts = expandDims(mask, 3 - steps);
    const sum = (v: Value): Value => reduceSum(v, [steps], keepdims);
    return div(sum(where(counts, x, 0)), sum(cast(counts, x.dtype)));
  }
}
/** Mean of each channel, over one axis. @see {@link GlobalAveragePooling1D} */
export const globalAveragePooling1d = (options: z.input<typeof schema> = {}): GlobalAveragePooling1D =>
  new GlobalAveragePooling1D(options);
registerLayer(GlobalAveragePooling1D, [{ inputs: [[null, 4, 3]], output: [null, 3] }]);

/** Mean of each channel: `[batch, height, width, channels]` becomes `[batch, channels]`. */
export class GlobalAveragePooling2D extends GlobalAveragePooling {
  static override readonly className = 'GlobalAveragePooling2D';
  protected readonly rank = 2;
}
/** Mean of each channel of an image. @see {@link GlobalAveragePooling2D} */
export const globalAveragePooling2d = (options: z.input<typeof schema> = {}): GlobalAveragePooling2D =>
  new GlobalAveragePooling2D(options);
registerLayer(GlobalAveragePooling2D, [
  { inputs: [[null, null, null, 3]], output: [null, 3] },
  { options: { keepdims: true }, inputs: [[null, 2, 4, 3]], output: [null, 1, 1, 3] },
  { options: { dataFormat: 'channelsFirst' }, inputs: [[null, 3, 2, 4]], output: [null, 3] },
]);

/** Mean of each channel: `[batch, depth, height, width, channels]` becomes `[batch, channels]`. */
export class GlobalAveragePooling3D extends GlobalAveragePooling {
  static override readonly className = 'GlobalAveragePooling3D';
  protected readonly rank = 3;
}
/** Mean of each channel of a volume or a film. @see {@link GlobalAveragePooling3D} */
export const globalAveragePooling3d = (options: z.input<typeof schema> = {}): GlobalAveragePooling3D =>
  new GlobalAveragePooling3D(options);
registerLayer(GlobalAveragePooling3D, [{ inputs: [[null, 2, 3, 2, 2]], output: [null, 2] }]);
