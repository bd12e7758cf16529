import { nextRandom } from '../core/seed.ts';
import { formatType } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { ConfigError, ShapeError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import { reduceSum, slice } from '../ops/index.ts';
import { grad } from './gradients.ts';
import { type Lifted, lift } from './lift.ts';

/** A function of points, `[n, dimensions] -> [n, 1]`, that treats every row for itself, such as a network. */
export type Field = (points: Value) => Value;

/**
 * The derivative of a field by one coordinate, a field again: `derivative(derivative(u, 0), 0)` is `u_xx`.
 * @param u - `[n, dimensions] -> [n, 1]`; each row must depend on its own point only
 * @param axis - which coordinate; default 0
 * @returns a function of tensors (it runs at once) or of graph values (in a loss, say)
 * @throws {@link ShapeError} when `u` does not give one number for each point
 */
export function derivative(u: Field, axis = 0): Lifted<[points: Value], Value> {
  const slope = grad((points: Value) => reduceSum(checked(u(points), points)));
  return lift((points: Value) => slice(slope(points) as Value, [axis], [axis + 1], [1]), {
    name: 'derivative',
  });
}

function checked(y: Value, points: Value): Value {
  const expected = `[${points.shape[0]},1]`;
  if (y.rank === 2 && y.shape[0] === points.shape[0] && y.shape[1] === 1) return y;
  throw new ShapeError(
    `derivative: the field must give one number for each point, ${expected}. Received ${formatType(y.type)}; slice one column.`,
    { op: 'derivative', expected, received: formatType(y.type) },
  );
}

/** Corners of a box, one number per dimension. */
export interface Box {
  readonly lower: readonly number[];
  readonly upper: readonly number[];
}

/**
 * Points inside a box at which an equation is to hold: float32 `[n, dimensions]`.
 * @param method - `latin` (default): random, with one point in each of `n` slices along every dimension; `uniform`: random;
 * `grid`: the same number along every dimension, evenly, without the boundary; `n` is rounded down to what that gives
 * @throws {@link ConfigError} when the corners do not make a box
 */
export function collocationPoints(
  { lower, upper }: Box,
  n: number,
  method: 'latin' | 'uniform' | 'grid' = 'latin',
): Tensor {
  const dimensions = lower.length;
  if (
    dimensions === 0 ||
    dimensions !== upper.length ||
    lower.some((low, d) => !(low < (upper[d] as number)))
  ) {
    throw new ConfigError(
      `collocationPoints: expected lower below upper in every dimension. Received [${lower}] and [${upper}].`,
      { op: 'collocationPoints', argument: 'box' },
    );
  }
  const places = method === 'grid' ? gridPlaces(dimensions, n) : randomPlaces(dimensions, n, method);
  const data = new Float32Array(places.length * dimensions);
  places.forEach((place, i) => {
    place.forEach((t, d) => {
      const low = lower[d] as number;
      data[i * dimensions + d] = low + t * ((upper[d] as number) - low);
    });
  });
  return new Tensor('float32', [places.length, dimensions], data);
}

/** Points of the unit cube. */
function randomPlaces(dimensions: number, n: number, method: 'latin' | 'uniform'): number[][] {
  const random = nextRandom();
  const columns = Array.from({ length: dimensions }, () => {
    const order = random.permutation(n);
    return Array.from({ length: n }, (_, i) =>
      method === 'latin' ? ((order[i] as number) + random.uniform()) / n : random.uniform(),
    );
  });
  return Array.from({ length: n }, (_, i) => columns.map((column) => column[i] as number));
}

function gridPlaces(dimensions: number, n: number): number[][] {
  const each = Math.floor(n ** (1 / dimensions) + 1e-9);
  return Array.from({ length: each ** dimensions }, (_, i) =>
    Array.from({ length: dimensions }, (_, d) => ((Math.floor(i / each ** d) % each) + 1) / (each + 1)),
  );
}
