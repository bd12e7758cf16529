import { topologicalOrder, type Value } from './graph.ts';
import { rebuild } from './rewrite.ts';

/**
 * `values` computed from other inputs: every node that depends on a key of `replacements` is made anew on what the
 * key is replaced by; all others are shared.
 */
export function substitute(
  values: readonly Value[],
  replacements: ReadonlyMap<Value, Value>,
): readonly Value[] {
  const mapped = new Map<Value, Value>(replacements);
  const of = (value: Value): Value => mapped.get(value) ?? value;
  for (const node of topologicalOrder(values)) {
    const copy = rebuild(node, of);
    if (copy === node) continue;
    node.outputs.forEach((value, i) => {
      if (!replacements.has(value)) mapped.set(value, copy.outputs[i] as Value);
    });
  }
  return values.map(of);
}
