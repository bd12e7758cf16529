import type { Shape } from '../../core/shape.ts';
import type { Value } from '../../ir/graph.ts';
import {
  add,
  argMax,
  broadcastTo,
  cast,
  div,
  gatherElements,
  greater,
  less,
  log,
  logicalAnd,
  maximum,
  mul,
  reshape,
  sigmoid,
  sqrt,
  square,
  sub,
  topK,
} from '../../ops/index.ts';
import { randomNormal } from '../random-normal.ts';
import { randomUniform } from '../trace.ts';

/** Candidates of which fewer than one in twenty is refused: all of them once in 10^11 draws. */
const candidates = 8;
/** The smallest number that uniform ones may be, where logarithms are taken. */
const tiny = 2 ** -32;

/**
 * Logarithms of gamma-distributed numbers: of shape `alpha + 1`, times `u^(1 / alpha)`.
 * @param alpha - above 0: one number, or one for each draw
 * @returns `[count]`
 * @source Marsaglia and Tsang, "A simple method for generating gamma variables", TOMS 2000
 */
export function logGamma(count: number, alpha: Value, seed: number | null): Value {
  const uniform = (shape: Shape): Value => maximum(randomUniform(shape, seed ?? undefined), tiny);
  const d = reshape(broadcastTo(add(alpha, 2 / 3), [count]), [count, 1]);
  const normal = randomNormal([count, candidates], seed);
  const root = add(div(normal, sqrt(mul(d, 9))), 1);
  const logs = mul(log(maximum(root, tiny)), 3);
  const cube = mul(mul(root, root), root);
  const bound = add(mul(square(normal), 0.5), mul(add(sub(1, cube), logs), d));
  const accepted = logicalAnd(greater(root, 0), less(log(uniform([count, candidates])), bound));
  // the first of those that are accepted
  const first = argMax(cast(accepted, 'float32'), 1, true);
  const drawn = reshape(add(gatherElements(logs, first, 1), log(d)), [count]);
  return add(drawn, div(log(uniform([count])), alpha));
}

/** Numbers of a beta distribution with both parameters `alpha`, `[count]`. */
export function randomBeta(count: number, alpha: Value, seed: number | null): Value {
  return sigmoid(sub(logGamma(count, alpha, seed), logGamma(count, alpha, seed)));
}

/** The numbers from 0 to `count - 1` in random order. */
export function randomOrder(count: number, seed: number | null): Value {
  return topK(randomUniform([count], seed ?? undefined), count)[1];
}

/** One number for each image, `[batch]`, in a shape that goes with images. */
export const perImage = (x: Value): Value => reshape(x, [x.shape[0] as number, 1, 1, 1]);
