import type { Random } from '../core/random.ts';
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
 * `hammersley`: evenly, without a pattern, always the same; `grid`: the same number along every dimension, evenly, without the
 * boundary; `n` is rounded down to what that gives
 * @throws {@link ConfigError} when the corners do not make a box
 * @source Hammersley 1960, "Monte Carlo methods for solving multivariable problems"
 */
export function collocationPoints(
  { lower, upper }: Box,
  n: number,
  method: 'latin' | 'uniform' | 'hammersley' | 'grid' = 'latin',
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
  const random = nextRandom();
  const columns = lower.map((_, d) => spreads[method](n, d, dimensions, random));
  const count = columns[0]?.length as number;
  const data = new Float32Array(count * dimensions);
  columns.forEach((column, d) => {
    const [low, high] = [lower[d] as number, upper[d] as number];
    column.forEach((place, i) => {
      data[i * dimensions + d] = low + place * (high - low);
    });
  });
  return new Tensor('float32', [count, dimensions], data);
}

/** Where `n` points of the unit cube lie along dimension `d`. */
type Spread = (n: number, d: number, dimensions: number, random: Random) => readonly number[];

const spreads = {
  latin: (n, _d, _dimensions, random) =>
    Array.from(random.permutation(n), (slice) => (slice + random.uniform()) / n),
  uniform: (n, _d, _dimensions, random) => Array.from({ length: n }, () => random.uniform()),
  hammersley: (n, d) =>
    Array.from({ length: n }, (_, i) => (d === 0 ? (i + 0.5) / n : mirrored(i + 1, prime(d)))),
  grid: (n, d, dimensions) => {
    const each = Math.floor(n ** (1 / dimensions) + 1e-9);
    const place = (i: number) => ((Math.floor(i / each ** d) % each) + 1) / (each + 1);
    return Array.from({ length: each ** dimensions }, (_, i) => place(i));
  },
} satisfies Readonly<Record<string, Spread>>;

/** Van der Corput's sequence: the digits of `i` in a base, mirrored at the point. */
function mirrored(i: number, base: number): number {
  let sum = 0;
  for (let [rest, digit] = [i, 1 / base]; rest > 0; rest = Math.floor(rest / base), digit /= base) {
    sum += (rest % base) * digit;
  }
  return sum;
}

/** The `n`-th prime: 2 is the first. */
function prime(n: number): number {
  const found: number[] = [];
  for (let i = 2; found.length < n; i++) if (found.every((p) => i % p !== 0)) found.push(i);
  return found[n - 1] as number;
}
