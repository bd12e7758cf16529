import type { Shape } from '../../core/shape.ts';
import type { Value } from '../../ir/graph.ts';
import { add, greaterEqual, less, logicalAnd, mul, sub } from '../../ops/index.ts';
import { countUp } from '../../ops/sampling.ts';

/**
 * Which pixels are in a box, `[N, H, W, 1]`, one for each image.
 * @param sides - width and height, as parts of the image's, `[N, 1, 1, 1]`
 * @param places - where the box is, from 0 (at the left, at the top) to 1
 */
export function boxes(
  [, height, width]: Shape,
  sides: readonly [Value, Value],
  places: readonly [Value, Value],
): Value {
  const along = (size: number, axis: number, part: Value, place: Value): Value => {
    const pixels = countUp(size, [1, 1, 1, 1].with(axis, size));
    const begin = mul(place, mul(sub(1, part), size));
    return logicalAnd(greaterEqual(pixels, begin), less(pixels, add(begin, mul(part, size))));
  };
  return logicalAnd(
    along(width as number, 2, sides[0], places[0]),
    along(height as number, 1, sides[1], places[1]),
  );
}
