import type { Value } from '../ir/graph.ts';
import * as symbolic from '../ops/index.ts';
import { type Lifted, lift } from './lift.ts';

type Symbolic = typeof symbolic;
/** A function that makes graph values. */
type Builder<A extends readonly unknown[]> = (...args: A) => Value | readonly Value[];

/** Every op, for tensors as for graph values; what is no op stays as it is. */
type Ops = {
  readonly [K in keyof Symbolic]: Symbolic[K] extends Builder<infer A>
    ? Lifted<A, ReturnType<Symbolic[K]>>
    : Symbolic[K];
};

/**
 * All ops. On tensors they compute at once and give tensors; on graph values (in a layer's `call`, in functions given to
 * `jit` or `grad`) they become part of the graph.
 * @example `tfk.ops.add(tfk.tensor([1, 2]), 1)`
 */
export const ops: Ops = Object.fromEntries(
  Object.entries(symbolic).map(([name, op]) => [
    name,
    typeof op === 'function' ? lift(op as Builder<never>, { name, closed: true }) : op,
  ]),
  // The mapped type is what the loop does, entry by entry.
) as unknown as Ops;
