import { allocate } from '../../core/dtype.ts';
import { type Shape, sizeOf } from '../../core/shape.ts';
import { Tensor } from '../../core/tensor.ts';
import type { Value } from '../../ir/graph.ts';
import {
  cast,
  expandDims,
  less,
  mul,
  oneHot,
  reduceMax,
  reduceSum,
  squeeze,
  where,
} from '../../ops/index.ts';

/**
 * How categories become numbers, for indices of shape `[batch, length]`: `oneHot` gives `[batch, length, depth]` (an
 * axis of length 1 goes), `multiHot` `[batch, depth]` with 1 for each index there is, `count` how often.
 * Indices outside of `[0, depth)` leave no trace.
 */
export type Encoding = 'oneHot' | 'multiHot' | 'count';

/** The axis of a sample's elements, over which Keras sums. */
const elementAxis = (rank: number): number => (rank > 1 ? 1 : 0);

/** Indices as `float32` numbers of `depth` categories, inside a graph. */
export function encode(indices: Value, encoding: Encoding, depth: number, weights?: Value): Value {
  const whole = indices.dtype === 'int64' ? indices : cast(indices, 'int32');
  const known = where(less(whole, 0), depth, whole); // one-hot would count negative ones from the end
  if (encoding === 'oneHot') {
    return oneHot(known.rank > 1 && known.shape.at(-1) === 1 ? squeeze(known, [-1]) : known, depth);
  }
  const hot = oneHot(known, depth);
  const axis = elementAxis(known.rank);
  if (encoding === 'multiHot') return reduceMax(hot, [axis]);
  return reduceSum(weights ? mul(hot, expandDims(weights, -1)) : hot, [axis]);
}

/** Like {@link encode}, of indices in memory. */
export function encodeCells(
  { shape, values }: { readonly shape: Shape; readonly values: ArrayLike<number> },
  encoding: Encoding,
  depth: number,
  weights?: ArrayLike<number>,
): Tensor {
  const axis = encoding === 'oneHot' ? shape.length : elementAxis(shape.length);
  const kept = encoding === 'oneHot' && shape.length > 1 && shape.at(-1) === 1 ? shape.slice(0, -1) : shape;
  const result = allocate('float32', sizeOf(kept.toSpliced(axis, 1)) * depth) as Float32Array;
  const count = shape[axis] ?? 1;
  const inner = sizeOf(shape.slice(axis + 1));
  for (let i = 0; i < values.length; i++) {
    const index = values[i] as number;
    if (!(index >= 0 && index < depth)) continue;
    const row = Math.floor(i / (count * inner)) * inner + (i % inner);
    const at = row * depth + index;
    if (encoding === 'count') result[at] = (result[at] as number) + (weights?.[i] ?? 1);
    else result[at] = 1;
  }
  return new Tensor('float32', [...kept.toSpliced(axis, 1), depth], result);
}
