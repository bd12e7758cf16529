import { allocate, isBig } from '../../core/dtype.ts';
import { Tensor } from '../../core/tensor.ts';
import { constant, type Value } from '../../ir/graph.ts';
import { add, cast, gather, greater, logicalNot, minimum, mul } from '../../ops/index.ts';

const largestInt64 = 2n ** 63n - 1n;

/**
 * How many elements of a sorted table are at most `x`, elementwise, as `int32`: a binary search in the graph.
 * NaN counts all, as sorting puts it last.
 * @param sorted - `float32` or `int64`, ascending, of `x`'s type
 */
export function countUpTo(sorted: Tensor, x: Value): Value {
  const { dtype, size } = sorted;
  const steps: number[] = [];
  for (let step = 1; step <= size; step *= 2) steps.unshift(step);
  const padded = allocate(dtype, 2 * (steps[0] ?? 0.5));
  padded.fill((isBig(dtype) ? largestInt64 : Number.POSITIVE_INFINITY) as never);
  padded.set(sorted.data as never);
  const table = constant(new Tensor(dtype, [padded.length], padded));
  let count = mul(cast(x, 'int32'), 0);
  for (const step of steps) {
    const next = gather(table, add(count, step - 1));
    count = add(count, mul(cast(logicalNot(greater(next, x)), 'int32'), step));
  }
  return minimum(count, size);
}
