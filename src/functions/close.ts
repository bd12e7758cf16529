import type { Value } from '../ir/graph.ts';
import { identity } from '../ops/index.ts';
import { scalarConstant } from '../ops/support.ts';
import { asValue, resultOf } from './gradients.ts';
import { mapTree } from './tree.ts';

/** Calls `fn` with values of their own and finds what else it read: weights, and values around it. */
export function close<A extends readonly unknown[]>(
  op: string,
  fn: (...args: A) => Value,
  args: A,
): { readonly result: Value; readonly inputs: readonly Value[] } {
  const { results, inputs } = closeAll((...own: A) => [resultOf(op, fn(...own))], args);
  return { result: results[0] as Value, inputs };
}

/** {@link close} for several results. `inputs` are the arguments' values, then what was read besides. */
export function closeAll<A extends readonly unknown[]>(
  fn: (...args: A) => readonly Value[],
  args: A,
): { readonly results: readonly Value[]; readonly inputs: readonly Value[] } {
  const start = scalarConstant(0, 'float32').node.id;
  const own: Value[] = [];
  const fresh = mapTree(args, (leaf) => {
    const value = identity(asValue(leaf));
    own.push(value);
    return value;
  }) as A;
  const results = fn(...fresh);
  return { results, inputs: [...own, ...capturesOf(results, own, start)] };
}

/** Values that `results` are computed from and that are older than `start`, or leaves; constants need no mention. */
function capturesOf(results: readonly Value[], own: readonly Value[], start: number): Value[] {
  const captures = new Set<Value>();
  const seen = new Set<Value>(own);
  const stack = [...results];
  for (let value = stack.pop(); value !== undefined; value = stack.pop()) {
    if (seen.has(value)) continue;
    seen.add(value);
    const { kind, id, inputs } = value.node;
    if (kind === 'constant') continue;
    if (kind === 'input' || id < start) captures.add(value);
    else stack.push(...inputs.filter((v) => v !== undefined));
  }
  return [...captures];
}
