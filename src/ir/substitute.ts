import type { Tensor } from '../core/tensor.ts';
import { constant, type Graph, topologicalOrder, type Value } from './graph.ts';
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

/** The graph with some of its inputs turned into constants; the tensors are not copied. */
export function withConstants(graph: Graph, constants: ReadonlyMap<Value, Tensor>): Graph {
  if (constants.size === 0) return graph;
  const replacements = new Map([...constants].map(([value, tensor]) => [value, constant(tensor)]));
  const values = substitute(
    graph.outputs.map((output) => output.value),
    replacements,
  );
  return {
    ...graph,
    inputs: graph.inputs.filter((value) => !constants.has(value)),
    outputs: graph.outputs.map(({ name }, i) => ({ name, value: values[i] as Value })),
  };
}
