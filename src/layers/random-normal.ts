import type { Shape } from '../core/shape.ts';
import type { Value } from '../ir/graph.ts';
import { cos, log, mul, sqrt, sub, unstack } from '../ops/index.ts';
import { randomUniform } from './trace.ts';

/**
 * Standard normal numbers from uniform ones: `sqrt(-2 log(1 - u)) cos(2 pi v)`.
 * @source Box and Muller 1958
 */
export function randomNormal(shape: Shape, ownSeed: number | null): Value {
  const [u, v] = unstack(randomUniform([2, ...shape], ownSeed ?? undefined)) as [Value, Value];
  return mul(sqrt(mul(log(sub(1, u)), -2)), cos(mul(v, 2 * Math.PI)));
}
