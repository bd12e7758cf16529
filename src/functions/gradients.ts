import { formatType } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { ConfigError, ShapeError } from '../errors.ts';
import { gradient } from '../ir/autodiff.ts';
import { constant, Value } from '../ir/graph.ts';
import { Layer } from '../layers/layer.ts';
import type { Weight } from '../layers/weight.ts';
import { broadcastTo, identity } from '../ops/index.ts';
import { scalarConstant } from '../ops/support.ts';
import { type Lifted, lift } from './lift.ts';
import { explainMissing } from './missing.ts';
import { leavesOf, mapTree } from './tree.ts';

/** With respect to what: an argument by position, several of them, weights, or a layer's trainable weights. */
export type Wrt = number | readonly number[] | readonly Weight[] | Layer;

/** Options of {@link grad} and {@link valueAndGrad}. */
export interface GradOptions<W extends Wrt> {
  /** Default: the first argument. */
  readonly wrt?: W;
  /** What becomes of tensors that the result does not depend on: an error (default), or a gradient of zeros. */
  readonly unconnected?: 'error' | 'zero';
}

/** What a gradient looks like: what it is with respect to, with a value for each tensor. */
export type GradientOf<A extends readonly unknown[], W extends Wrt> = W extends number
  ? A[W]
  : W extends readonly number[]
    ? { readonly [K in keyof W]: A[W[K] & keyof A] }
    : readonly Value[];

/**
 * The gradient of a function with a scalar result, as a function of the same arguments:
 * `grad(f)(x)` is `df/dx`. It can be differentiated again.
 * @param fn - of graph values, in lists and records too; gives a scalar
 * @returns a function of tensors (it runs at once) or of graph values (it becomes part of the graph)
 * @throws {@link ConfigError} when the result does not depend differentiably on what it is to be differentiated by
 * @throws {@link DtypeError} when that is not floating point
 * @throws {@link ShapeError} when the result is not a scalar
 * @example `tfk.grad((x) => tfk.ops.reduceSum(tfk.ops.square(x)))(tfk.tensor([1, 2])) // [2, 4]`
 */
export function grad<A extends readonly Value[], const W extends Wrt = 0>(
  fn: (...args: A) => Value,
  options?: GradOptions<W>,
): Lifted<A, GradientOf<A, W>>;
export function grad<A extends readonly unknown[], const W extends Wrt = 0>(
  fn: (...args: A) => Value,
  options?: GradOptions<W>,
): Lifted<A, GradientOf<A, W>>;
export function grad<A extends readonly unknown[], W extends Wrt>(
  fn: (...args: A) => Value,
  options: GradOptions<W> = {},
): Lifted<A, GradientOf<A, W>> {
  return lift((...args: A) => differentiate('grad', fn, args, options)[1], { name: 'grad' });
}

/**
 * Like {@link grad}, with the function's result: `[f(x), df/dx]`.
 * @example `const [loss, gradients] = tfk.valueAndGrad(lossOf, { wrt: model })(x, y)`
 */
export function valueAndGrad<A extends readonly Value[], const W extends Wrt = 0>(
  fn: (...args: A) => Value,
  options?: GradOptions<W>,
): Lifted<A, readonly [Value, GradientOf<A, W>]>;
export function valueAndGrad<A extends readonly unknown[], const W extends Wrt = 0>(
  fn: (...args: A) => Value,
  options?: GradOptions<W>,
): Lifted<A, readonly [Value, GradientOf<A, W>]>;
export function valueAndGrad<A extends readonly unknown[], W extends Wrt>(
  fn: (...args: A) => Value,
  options: GradOptions<W> = {},
): Lifted<A, readonly [Value, GradientOf<A, W>]> {
  return lift((...args: A) => differentiate('valueAndGrad', fn, args, options), { name: 'valueAndGrad' });
}

function differentiate<A extends readonly unknown[], W extends Wrt>(
  op: string,
  fn: (...args: A) => Value,
  args: A,
  { wrt, unconnected = 'error' }: GradOptions<W>,
): readonly [Value, GradientOf<A, W>] {
  const target: Wrt = wrt ?? 0;
  const positions = typeof target === 'number' ? [target] : isPositions(target) ? target : [];
  const fresh = withFreshValues(args, positions, op) as A;
  const value = resultOf(op, fn(...fresh));
  if (value.rank !== 0) {
    throw new ShapeError(
      `${op}: the function must give a scalar. Received ${formatType(value.type)}; reduce it, or use vjp or jacobian.`,
      { op, expected: 'a scalar', received: formatType(value.type) },
    );
  }
  const weights = weightsOf(target, op);
  const sources = [
    ...positions.flatMap((p) => labelled(fresh[p], `argument ${p}`)),
    ...weights.map((w) => ({ label: `weight "${w.path}"`, value: w.value })),
  ];
  const found = gradients(op, value, sources, unconnected);
  const shaped = positions.map((p) => mapTree(fresh[p], () => found.shift()));
  const answer = weights.length > 0 || target instanceof Layer ? found : shaped;
  // `GradientOf` says which of the three forms belongs to which `wrt`.
  return [value, (typeof target === 'number' ? shaped[0] : answer) as GradientOf<A, W>];
}

/** A value to differentiate by, and what a message calls it. */
export interface Source {
  readonly label: string;
  readonly value: Value;
}

/** Gradients of `value`, or an error that says why there is none. */
export function gradients(
  op: string,
  value: Value,
  sources: readonly Source[],
  unconnected: 'error' | 'zero',
  seed?: Value,
): Value[] {
  const found = gradient(
    value,
    sources.map((s) => s.value),
    seed,
  );
  return sources.map((source, i) => {
    const g = found[i];
    if (g !== undefined) return g;
    if (unconnected === 'error') throw explainMissing(op, value, source);
    return zerosLike(source.value);
  });
}

/** Zeros of a value's type. */
export const zerosLike = (x: Value): Value => broadcastTo(scalarConstant(0, x.dtype), x.shape);

/** The arguments with values of their own at `positions`, so that other uses of the same values are not differentiated. */
export function withFreshValues(
  args: readonly unknown[],
  positions: readonly number[],
  op: string,
): readonly unknown[] {
  const missing = positions.find((p) => !(p in args) || leavesOf(args[p]).length === 0);
  if (missing !== undefined) {
    throw new ConfigError(
      `${op}: argument ${missing} has no tensor to differentiate by; the function was called with ${args.length} arguments.`,
      { op, argument: String(missing), expected: 'a tensor, or tensors in lists and records' },
    );
  }
  return args.map((arg, i) =>
    positions.includes(i) ? mapTree(arg, (leaf) => identity(asValue(leaf))) : arg,
  );
}

/** All values of an argument, named for messages. */
export const labelled = (tree: unknown, label: string): Source[] =>
  leavesOf(tree).map(({ path, leaf }) => ({ label: label + path, value: asValue(leaf) }));

/** What a function gave, which must be one value. */
export function resultOf(op: string, result: unknown): Value {
  if (result instanceof Value) return result;
  if (result instanceof Tensor) return constant(result);
  throw new ConfigError(
    `${op}: the function must return one graph value. Received ${result === undefined ? 'nothing' : typeof result}.`,
    { op, expected: 'a graph value', received: typeof result },
  );
}

export const asValue = (leaf: Tensor | Value): Value => (leaf instanceof Tensor ? constant(leaf) : leaf);

const isPositions = (wrt: Wrt): wrt is readonly number[] => Array.isArray(wrt) && typeof wrt[0] === 'number';

function weightsOf(wrt: Wrt, op: string): readonly Weight[] {
  if (typeof wrt === 'number' || isPositions(wrt)) return [];
  const weights = wrt instanceof Layer ? wrt.trainableWeights : wrt;
  if (weights.length > 0) return weights;
  throw new ConfigError(
    `${op}: there are no weights to differentiate by. ${wrt instanceof Layer ? `"${wrt.name}" has no trainable ones.` : 'The list is empty.'}`,
    { op, argument: 'wrt' },
  );
}
