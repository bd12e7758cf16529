import { formatType, sameType, sizeOf } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { ShapeError } from '../errors.ts';
import { constant, type Value } from '../ir/graph.ts';
import { add, concat, identity, reshape, transpose } from '../ops/index.ts';
import {
  asValue,
  grad,
  gradients,
  labelled,
  resultOf,
  type Source,
  withFreshValues,
  zerosLike,
} from './gradients.ts';
import { type Lifted, lift } from './lift.ts';
import { leavesOf, mapTree } from './tree.ts';

/**
 * Vector-Jacobian product, as a function of a list of the arguments and the cotangent `dy` of the result:
 * `vjp(f)([x], dy) = [f(x), [dy^T df/dx]]`. One backward pass.
 * @param fn - of graph values (in lists and records too); gives one value of any shape
 * @throws {@link ShapeError} when `dy` is not of the result's type
 */
export function vjp<A extends readonly unknown[]>(
  fn: (...args: A) => Value,
): Lifted<[args: A, dy: Value], readonly [Value, A]> {
  return lift(
    (args: A, dy: Value) => {
      const fresh = withFreshValues(args, everyPosition(args), 'vjp');
      const y = resultOf('vjp', fn(...(fresh as A)));
      expectType('vjp', 'dy', dy, y);
      const found = gradients('vjp', y, sourcesOf(fresh), 'zero', dy);
      return [y, mapTree(fresh, () => found.shift()) as A] as const;
    },
    { name: 'vjp' },
  );
}

/**
 * Jacobian-vector product, as a function of a list of the arguments and a list of their tangents:
 * `jvp(f)([x], [dx]) = [f(x), df/dx dx]`. Two backward passes, whatever the sizes.
 * @param fn - of graph values (in lists and records too); gives one value of any shape
 * @throws {@link ShapeError} when the tangents are not of the arguments' types
 */
export function jvp<A extends readonly unknown[]>(
  fn: (...args: A) => Value,
): Lifted<[args: A, tangents: A], readonly [Value, Value]> {
  return lift(
    (args: A, tangents: A) => {
      const fresh = withFreshValues(args, everyPosition(args), 'jvp');
      const y = resultOf('jvp', fn(...(fresh as A)));
      const sources = sourcesOf(fresh);
      const directions = leavesOf(tangents).map(({ leaf }) => asValue(leaf));
      if (directions.length !== sources.length) {
        throw new ShapeError(
          `jvp: expected ${sources.length} tangents, one for each tensor of the arguments. Received ${directions.length}.`,
          { op: 'jvp', argument: 'tangents', expected: String(sources.length) },
        );
      }
      // u -> u^T df/dx is linear; its own product with dx, transposed once more, is df/dx dx
      const u = identity(zerosLike(y));
      const products = gradients('jvp', y, sources, 'zero', u);
      const dys = products.map((product, i) => {
        const direction = directions[i] as Value;
        expectType('jvp', `tangent of ${sources[i]?.label}`, direction, sources[i]?.value as Value);
        return gradients('jvp', product, [{ label: 'u', value: u }], 'zero', direction)[0] as Value;
      });
      return [y, dys.reduce((a, b) => add(a, b))] as const;
    },
    { name: 'jvp' },
  );
}

/**
 * The Jacobian of a function of one value, as a function of the same value: shape `[...y.shape, ...x.shape]`, with
 * `J[i, j] = dy_i / dx_j`. One pass for each element of `y` or of `x`, whichever are fewer: for small functions.
 */
export function jacobian(fn: (x: Value) => Value): Lifted<[x: Value], Value> {
  return lift(
    (x: Value) => {
      const [fresh] = withFreshValues([x], [0], 'jacobian') as readonly [Value];
      const y = resultOf('jacobian', fn(fresh));
      const [rows, columns] = [sizeOf(y.shape), sizeOf(x.shape)];
      const source = { label: 'argument 0', value: fresh };
      gradients('jacobian', y, [source], 'error', zerosLike(y)); // says why there is none, if so
      const matrix = rows <= columns ? byRows(y, source, rows, columns) : byColumns(y, source, rows, columns);
      return reshape(matrix, [...y.shape, ...x.shape]);
    },
    { name: 'jacobian' },
  );
}

function byRows(y: Value, x: Source, rows: number, columns: number): Value {
  const found = unitVectors(y, rows).map((seed) => gradients('jacobian', y, [x], 'zero', seed)[0] as Value);
  return concat(
    found.map((row) => reshape(row, [1, columns])),
    0,
  );
}

function byColumns(y: Value, x: Source, rows: number, columns: number): Value {
  const u = identity(zerosLike(y));
  const product = gradients('jacobian', y, [x], 'zero', u)[0] as Value;
  const found = unitVectors(x.value, columns).map(
    (seed) => gradients('jacobian', product, [{ label: 'u', value: u }], 'zero', seed)[0] as Value,
  );
  return transpose(
    concat(
      found.map((column) => reshape(column, [1, rows])),
      0,
    ),
  );
}

/** One tensor of the type of `like` for each of its elements: 1 there, 0 elsewhere. */
function unitVectors(like: Value, count: number): Value[] {
  return Array.from({ length: count }, (_, i) => {
    const data = new Float64Array(count);
    data[i] = 1;
    return constant(new Tensor('float64', like.shape, data).cast(like.dtype));
  });
}

/**
 * The Hessian of a function of one value with a scalar result: shape `[...x.shape, ...x.shape]`.
 * One pass for each element of `x`; for the product with one vector use `jvp(grad(fn))`.
 */
export const hessian = (fn: (x: Value) => Value): Lifted<[x: Value], Value> => jacobian(grad(fn));

const everyPosition = (args: readonly unknown[]): number[] =>
  args.flatMap((arg, i) => (leavesOf(arg).length > 0 ? [i] : []));

const sourcesOf = (args: readonly unknown[]): Source[] =>
  args.flatMap((arg, i) => labelled(arg, `argument ${i}`));

function expectType(op: string, argument: string, given: Value, like: Value): void {
  if (sameType(given.type, like.type)) return;
  const [expected, received] = [formatType(like.type), formatType(given.type)];
  throw new ShapeError(`${op}: ${argument} must be ${expected}. Received ${received}.`, {
    op,
    argument,
    expected,
    received,
  });
}
