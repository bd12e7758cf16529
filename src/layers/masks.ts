import type { Value } from '../ir/graph.ts';
import { exp, logicalOr, logSumExp, reshape, softmax, sub, where } from '../ops/index.ts';

const masks = new WeakMap<Value, Value>();

/** Which steps of a sequence count: booleans of shape `[batch, time]`; `undefined` where all do. */
export const maskOf = (value: Value): Value | undefined => masks.get(value);

/** Gives a value its mask, which layers after it see. */
export function setMask(value: Value, mask: Value): void {
  masks.set(value, mask);
}

/** The same numbers with this mask, or with none: another value where `value` has a mask of its own. */
export function withMask(value: Value, mask: Value | undefined): Value {
  if (maskOf(value) === mask) return value;
  // passes take the two reshapes out again
  const same = reshape(reshape(value, [1, ...value.shape]), value.shape);
  if (mask) setMask(same, mask);
  return same;
}

/** Gives `to`, another form of `from`, the mask of `from`. */
export function keepMask(to: Value, from: Value): Value {
  const mask = maskOf(from);
  if (mask) setMask(to, mask);
  return to;
}

/** What counts in any of several values; `undefined` when one of them has no mask: all of it counts. */
export function anyMask(values: readonly Value[]): Value | undefined {
  const all = [...new Set(values.map(maskOf))];
  return all.reduce((a, b) => (a && b ? logicalOr(a, b) : undefined));
}

/**
 * Softmax along `axes` of the elements that `mask` lets pass; the others are 0, also where all of an axis is masked.
 * @param mask - booleans, broadcast against `x`
 */
export function maskedSoftmax(x: Value, axes: readonly number[], mask?: Value): Value {
  const scores = mask ? where(mask, x, -1e9) : x;
  const y = axes.length === 1 ? softmax(scores, axes[0]) : exp(sub(scores, logSumExp(scores, axes, true)));
  return mask ? where(mask, y, 0) : y;
}
