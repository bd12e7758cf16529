import * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import { tensor } from '../../core/tensor.ts';
import { constant, type Value } from '../../ir/graph.ts';
import {
  add,
  cast,
  clip,
  cumSum,
  div,
  equal,
  gather,
  minimum,
  mul,
  reduceMin,
  reduceSum,
  reshape,
  slice,
  sub,
  transpose,
  where,
} from '../../ops/index.ts';
import { positiveInteger } from '../options.ts';
import { registerLayer } from '../registry.ts';
import { histogram } from './histogram.ts';
import { ImageLayer, imageOptions, rescaled, valueRangeOption } from './image-layer.ts';

const schema = deferred(() =>
  imageOptions.extend({
    valueRange: valueRangeOption,
    /** How often a shade may occur, in multiples of its even share; 0 sets no limit. */
    clipLimit: z.number().min(0).default(4),
    /** Tiles along height and width. */
    tileGridSize: z.tuple([positiveInteger, positiveInteger]).default([8, 8]),
  }),
);

const shades = 256;
type Four = readonly [number, number, number, number];

/**
 * Contrast limited adaptive histogram equalization: every channel with all of 256 shades equally frequent in each tile.
 * No shade counts more than `clipLimit` allows, so that noise in even regions stays faint. Between the centers of tiles
 * their results are blended. It is done in training and inference alike.
 * @source keras/src/layers/preprocessing/image_preprocessing/clahe.py
 */
export class ContrastLimitedAdaptiveHistogramEqualization extends ImageLayer<typeof schema> {
  static override readonly className = 'ContrastLimitedAdaptiveHistogramEqualization';
  static override readonly schema = schema;

  protected change(x: Value): Value {
    const { valueRange, tileGridSize: grid } = this.options;
    const [batch, height, width, channels] = x.shape as Four;
    const tile = [Math.ceil(height / grid[0]), Math.ceil(width / grid[1])] as const;
    const wide = mirrored(mirrored(x, 1, tile[0] * grid[0]), 2, tile[1] * grid[1]);
    const shade = cast(clip(rescaled(wide, valueRange, [0, 255]), 0, 255), 'int64');
    const levels = reshape(this.#levels(shade, tile), [-1]);

    const [rows, columns] = [neighbours(tile[0], grid[0]), neighbours(tile[1], grid[1])];
    const image = counted(batch, 0);
    const channel = counted(channels, 3);
    const levelAt = (row: number[], column: number[]): Value => {
      const tiles = add(mul(add(mul(image, grid[0]), along(row, 1)), grid[1]), along(column, 2));
      return gather(levels, add(mul(add(mul(tiles, channels), channel), shades), shade));
    };
    const inRow = (row: number[]): Value =>
      blend(levelAt(row, columns.before), levelAt(row, columns.after), along(columns.share, 2, 'float32'));
    const y = blend(inRow(rows.before), inRow(rows.after), along(rows.share, 1, 'float32'));
    return rescaled(slice(y, [0, 0], [height, width], [1, 2]), [0, 255], valueRange);
  }

  /** What each shade becomes, `[batch * rows * columns * channels, shades]`. */
  #levels(shade: Value, [height, width]: readonly [number, number]): Value {
    const [batch, , , channels] = shade.shape as Four;
    const { clipLimit, tileGridSize: grid } = this.options;
    const [tiles, size] = [batch * grid[0] * grid[1] * channels, height * width];
    const parts = reshape(shade, [batch, grid[0], height, grid[1], width, channels]);
    const tiled = reshape(transpose(parts, [0, 1, 3, 5, 2, 4]), [tiles, size]);
    const counts = histogram(tiled, shades);
    const below = cumSum(clipLimit > 0 ? limited(counts, (clipLimit * size) / shades) : counts, 1);
    const first = reduceMin(below, [1], true);
    const rest = sub(size, first);
    return clip(div(mul(sub(below, first), 255), where(equal(rest, 0), 1, rest)), 0, 255);
  }
}

/** What exceeds `limit` is given to all shades in equal parts. */
function limited(counts: Value, limit: number): Value {
  const kept = minimum(counts, limit);
  return add(kept, div(reduceSum(sub(counts, kept), [1], true), shades));
}

/** Tiles on both sides of each pixel along an axis, the outermost once more beyond the edge, and the share of the second. */
function neighbours(size: number, tiles: number): Record<'before' | 'after' | 'share', number[]> {
  const places = Array.from({ length: size * tiles }, (_, i) => (i - size / 2) / size);
  const inside = (tile: number): number => Math.min(Math.max(tile, 0), tiles - 1);
  return {
    before: places.map((at) => inside(Math.floor(at))),
    after: places.map((at) => inside(Math.floor(at) + 1)),
    share: places.map((at) => at - Math.floor(at)),
  };
}

const blend = (a: Value, b: Value, share: Value): Value => add(mul(a, sub(1, share)), mul(b, share));

/** Numbers along one of four axes. */
function along(numbers: readonly number[], axis: number, dtype: 'int64' | 'float32' = 'int64'): Value {
  const shape = [1, 1, 1, 1].with(axis, numbers.length);
  return constant(tensor(Float64Array.from(numbers), shape).cast(dtype));
}

const counted = (size: number, axis: number): Value => along([...Array(size).keys()], axis);

/** Enlarges an axis: what comes after the edge mirrors what is before it, the edge included. */
function mirrored(x: Value, axis: number, size: number): Value {
  const before = x.shape[axis] as number;
  if (before === size) return x;
  const places = Array.from({ length: size }, (_, i) =>
    Math.min(i % (2 * before), 2 * before - 1 - (i % (2 * before))),
  );
  return gather(x, constant(tensor(Float64Array.from(places), [size]).cast('int64')), axis);
}

/** Contrast limited adaptive histogram equalization. @see {@link ContrastLimitedAdaptiveHistogramEqualization} */
export const contrastLimitedAdaptiveHistogramEqualization = (
  options: z.input<typeof schema> = {},
): ContrastLimitedAdaptiveHistogramEqualization => new ContrastLimitedAdaptiveHistogramEqualization(options);
registerLayer(ContrastLimitedAdaptiveHistogramEqualization, [
  { options: { valueRange: [-4, 4], tileGridSize: [2, 2] }, inputs: [[null, 4, 5, 2]] },
]);
