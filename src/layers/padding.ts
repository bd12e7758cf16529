import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { formatShape } from '../core/shape.ts';
import { ShapeError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import { pad } from '../ops/pad.ts';
import { slice } from '../ops/slice.ts';
import { Layer, layerOptions, type Values } from './layer.ts';
import { dataFormatOption, integerFrom } from './options.ts';
import { registerLayer } from './registry.ts';
import { type DataFormat, expectSpatial, spatialAxesOf } from './spatial.ts';

/** Numbers of elements at the two ends of an axis. */
type Ends = readonly [number, number];

const amount = integerFrom(0);
const bothEnds = z
  .union([amount, z.tuple([amount, amount])], {
    error: 'expected a whole number of at least 0, or two of them: [before, after]',
  })
  .transform((v): [number, number] => (typeof v === 'number' ? [v, v] : v));
const endsOf = (rank: number) =>
  z
    .union([amount, z.array(bothEnds).length(rank, { abort: true })], {
      error: `expected a whole number of at least 0, or ${rank} entries, each a number or [before, after]`,
    })
    .transform((v): Ends[] => (typeof v === 'number' ? new Array<Ends>(rank).fill([v, v]) : v));

/** Zeros around the spatial axes of `x`. @throws {@link ShapeError} */
function surround(x: Value, ends: readonly Ends[], dataFormat: DataFormat): Value {
  expectSpatial(x.shape, ends.length, dataFormat);
  const amounts = x.shape.map((): Ends => [0, 0]);
  amounts.splice(dataFormat === 'channelsFirst' ? 2 : 1, ends.length, ...ends);
  return pad(x, amounts);
}

/** `x` without the ends of its spatial axes. @throws {@link ShapeError} */
function crop(x: Value, ends: readonly Ends[], dataFormat: DataFormat): Value {
  expectSpatial(x.shape, ends.length, dataFormat);
  const axes = spatialAxesOf(ends.length, dataFormat);
  const stops = ends.map(([, after], i) => (x.shape[axes[i] as number] as number) - after);
  if (ends.some(([before], i) => before >= (stops[i] as number))) {
    const sizes = axes.map((axis) => x.shape[axis] as number);
    const received = `${JSON.stringify(ends)} for sizes ${formatShape(sizes)}`;
    throw new ShapeError(
      `cropping must leave at least one element of each axis. Received ${received}. Crop less, or feed larger inputs.`,
      { argument: 'cropping', received },
    );
  }
  return slice(
    x,
    ends.map(([before]) => before),
    stops,
    axes,
  );
}

/** Layers that only touch the ends of axes: inputs of any type pass as they are. */
abstract class EndsLayer<S extends z.ZodType> extends Layer<S> {
  protected override get castsInputs(): boolean {
    return false;
  }
}

const zeroPadding1dSchema = deferred(() =>
  layerOptions.extend({
    /** Zeros at each end, or `[before, after]`. */
    padding: bothEnds.prefault(1),
    dataFormat: dataFormatOption,
  }),
);
/**
 * Zeros before and after the steps: `[batch, steps, channels]` becomes `[batch, before + steps + after, channels]`.
 * @source keras/src/layers/reshaping/zero_padding1d.py
 */
export class ZeroPadding1D extends EndsLayer<typeof zeroPadding1dSchema> {
  static override readonly className = 'ZeroPadding1D';
  static override readonly schema = zeroPadding1dSchema;

  call([x]: Values): Value {
    return surround(x, [this.options.padding], this.options.dataFormat);
  }
}
/** Zeros before and after the steps. @see {@link ZeroPadding1D} */
export const zeroPadding1d = (options: z.input<typeof zeroPadding1dSchema> = {}): ZeroPadding1D =>
  new ZeroPadding1D(options);
registerLayer(ZeroPadding1D, [
  { options: { padding: [1, 2] }, inputs: [[null, 3, 2]], output: [null, 6, 2] },
  { options: { dataFormat: 'channelsFirst' }, inputs: [[null, 2, 3]], output: [null, 2, 5] },
]);

const zeroPaddingOptions = (rank: number) =>
  layerOptions.extend({
    /** Zeros at all ends, or for each axis the same at both ends or `[before, after]`. */
    padding: endsOf(rank).prefault(1),
    dataFormat: dataFormatOption,
  });
const zeroPadding2dSchema = deferred(() => zeroPaddingOptions(2));
const zeroPadding3dSchema = deferred(() => zeroPaddingOptions(3));

abstract class ZeroPadding extends EndsLayer<typeof zeroPadding2dSchema> {
  call([x]: Values): Value {
    return surround(x, this.options.padding, this.options.dataFormat);
  }
}

/**
 * Zeros around an image: `[batch, height, width, channels]` becomes
 * `[batch, top + height + bottom, left + width + right, channels]`.
 * @source keras/src/layers/reshaping/zero_padding2d.py
 */
export class ZeroPadding2D extends ZeroPadding {
  static override readonly className = 'ZeroPadding2D';
  static override readonly schema = zeroPadding2dSchema;
}
/** Zeros around an image. @see {@link ZeroPadding2D} */
export const zeroPadding2d = (options: z.input<typeof zeroPadding2dSchema> = {}): ZeroPadding2D =>
  new ZeroPadding2D(options);
registerLayer(ZeroPadding2D, [
  { options: { padding: [2, 1] }, inputs: [[null, 2, null, 2]], output: [null, 6, null, 2] },
  {
    options: { padding: [[1, 0], 2], dataFormat: 'channelsFirst' },
    inputs: [[null, 2, 3, 2]],
    output: [null, 2, 4, 6],
  },
]);

/**
 * Zeros around the three inner axes of `[batch, depth, height, width, channels]`.
 * @source keras/src/layers/reshaping/zero_padding3d.py
 */
export class ZeroPadding3D extends ZeroPadding {
  static override readonly className = 'ZeroPadding3D';
  static override readonly schema = zeroPadding3dSchema;
}
/** Zeros around a volume or a film. @see {@link ZeroPadding3D} */
export const zeroPadding3d = (options: z.input<typeof zeroPadding3dSchema> = {}): ZeroPadding3D =>
  new ZeroPadding3D(options);
registerLayer(ZeroPadding3D, [
  { options: { padding: [[1, 0], [0, 2], 1] }, inputs: [[null, 2, 2, 2, 1]], output: [null, 3, 4, 4, 1] },
]);

const cropping1dSchema = deferred(() =>
  layerOptions.extend({
    /** Elements cut off at each end, or `[before, after]`. */
    cropping: bothEnds.prefault(1),
  }),
);
/**
 * The steps without their ends: `[batch, steps, channels]` becomes `[batch, steps - before - after, channels]`.
 * @source keras/src/layers/reshaping/cropping1d.py
 */
export class Cropping1D extends EndsLayer<typeof cropping1dSchema> {
  static override readonly className = 'Cropping1D';
  static override readonly schema = cropping1dSchema;

  call([x]: Values): Value {
    return crop(x, [this.options.cropping], 'channelsLast');
  }
}
/** The steps without their ends. @see {@link Cropping1D} */
export const cropping1d = (options: z.input<typeof cropping1dSchema> = {}): Cropping1D =>
  new Cropping1D(options);
registerLayer(Cropping1D, [{ options: { cropping: [1, 2] }, inputs: [[null, 5, 2]], output: [null, 2, 2] }]);

const croppingOptions = (rank: number, byDefault: number) =>
  layerOptions.extend({
    /** Elements cut off at all ends, or for each axis the same at both ends or `[before, after]`. */
    cropping: endsOf(rank).prefault(byDefault),
    dataFormat: dataFormatOption,
  });
const cropping2dSchema = deferred(() => croppingOptions(2, 0));
const cropping3dSchema = deferred(() => croppingOptions(3, 1));

abstract class Cropping extends EndsLayer<typeof cropping2dSchema> {
  call([x]: Values): Value {
    return crop(x, this.options.cropping, this.options.dataFormat);
  }
}

/**
 * An image without its rim: `[batch, height, width, channels]` becomes
 * `[batch, height - top - bottom, width - left - right, channels]`.
 * @source keras/src/layers/reshaping/cropping2d.py
 */
export class Cropping2D extends Cropping {
  static override readonly className = 'Cropping2D';
  static override readonly schema = cropping2dSchema;
}
/** An image without its rim. @see {@link Cropping2D} */
export const cropping2d = (options: z.input<typeof cropping2dSchema> = {}): Cropping2D =>
  new Cropping2D(options);
registerLayer(Cropping2D, [
  { options: { cropping: [[1, 0], 2] }, inputs: [[null, 3, 6, 2]], output: [null, 2, 2, 2] },
  {
    options: { cropping: 1, dataFormat: 'channelsFirst' },
    inputs: [[null, 2, 3, null]],
    output: [null, 2, 1, null],
  },
]);

/**
 * The three inner axes of `[batch, depth, height, width, channels]` without their ends.
 * @source keras/src/layers/reshaping/cropping3d.py
 */
export class Cropping3D extends Cropping {
  static override readonly className = 'Cropping3D';
  static override readonly schema = cropping3dSchema;
}
/** A volume or a film without its rim. @see {@link Cropping3D} */
export const cropping3d = (options: z.input<typeof cropping3dSchema> = {}): Cropping3D =>
  new Cropping3D(options);
registerLayer(Cropping3D, [{ inputs: [[null, 3, 4, 3, 2]], output: [null, 1, 2, 1, 2] }]);
