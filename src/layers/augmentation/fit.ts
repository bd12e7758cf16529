import type { Value } from '../../ir/graph.ts';
import { type Interpolation, pad, resize, slice, transpose } from '../../ops/index.ts';

const interpolations = {
  nearest: { mode: 'nearest', nearestMode: 'roundPreferCeil' },
  bilinear: { mode: 'linear' },
  bicubic: { mode: 'cubic', cubicCoefficient: -0.5, excludeOutside: true },
} as const satisfies Record<string, Interpolation>;

/** Images of another size, distorted if need be. @param x - `[N, H, W, C]` @returns `[N, height, width, C]` */
export function resizeImages(
  x: Value,
  height: number,
  width: number,
  interpolation: keyof typeof interpolations = 'bilinear',
): Value {
  if (x.shape[1] === height && x.shape[2] === width) return x;
  const y = resize(transpose(x, [0, 3, 1, 2]), { sizes: [height, width], ...interpolations[interpolation] });
  return transpose(y, [0, 2, 3, 1]);
}

/** The window of `height` rows and `width` columns in the middle of images. */
export function cropCenter(x: Value, height: number, width: number): Value {
  const [top, left] = [
    Math.floor(((x.shape[1] as number) - height) / 2),
    Math.floor(((x.shape[2] as number) - width) / 2),
  ];
  return slice(x, [top, left], [top + height, left + width], [1, 2]);
}

/** The largest window in the middle of images that has the proportions of `height` and `width`. */
export function cropToRatio(x: Value, height: number, width: number): Value {
  const [, h, w] = x.shape as readonly [number, number, number];
  const fitting = (size: number, most: number): number => Math.max(Math.min(most, Math.trunc(size)), 1);
  return cropCenter(x, fitting((w * height) / width, h), fitting((h * width) / height, w));
}

/** Images with bars beside, or above and below, so that they have the proportions of `height` and `width`. */
export function padToRatio(x: Value, height: number, width: number, fillValue: number): Value {
  const [, h, w] = x.shape as readonly [number, number, number];
  const bar = (size: number, least: number): number =>
    Math.trunc((Math.max(least, Math.trunc(size)) - least) / 2);
  const [above, beside] = [bar((w * height) / width, h), bar((h * width) / height, w)];
  return pad(
    x,
    [
      [0, 0],
      [above, above],
      [beside, beside],
      [0, 0],
    ],
    'constant',
    fillValue,
  );
}

/** Images cut out of the middle and resized, so that nothing is distorted. */
export const fitCenter = (x: Value, height: number, width: number): Value =>
  resizeImages(cropToRatio(x, height, width), height, width);
