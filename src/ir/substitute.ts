import { inScope, type Node, topologicalOrder, type Value } from './graph.ts';
import { makeNode } from './op.ts';

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
    const copy = rebuilt(node, of);
    if (copy === node) continue;
    node.outputs.forEach((value, i) => {
      if (!replacements.has(value)) mapped.set(value, copy.outputs[i] as Value);
    });
  }
  return values.map(of);
}

function rebuilt(node: Node, of: (value: Value) => Value): Node {
  const { kind } = node;
  if (typeof kind === 'string') return node;
  const inputs = node.inputs.map((v) => v && of(v));
  if (inputs.every((v, i) => v === node.inputs[i])) return node;
  return inScope(node.scope, () => makeNode(kind, inputs, node.attrs));
}
