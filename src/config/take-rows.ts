import { allocate } from '../core/dtype.ts';
import { Tensor } from '../core/tensor.ts';

/** The rows of a tensor whose numbers are given, in that order. */
export function takeRows({ dtype, shape, data }: Tensor, rows: ArrayLike<number>): Tensor {
  const size = data.length / Math.max(1, shape[0] ?? 1);
  const taken = allocate(dtype, rows.length * size);
  for (let at = 0; at < rows.length; at++) {
    const from = (rows[at] as number) * size;
    taken.set(data.subarray(from, from + size) as never, at * size);
  }
  return new Tensor(dtype, [rows.length, ...shape.slice(1)], taken);
}
