import { formatType, sameType, sizeOf } from '../core/shape.ts';
import type { Tensor } from '../core/tensor.ts';
import { InternalError } from '../errors.ts';
import { type Graph, inputName, type Node, nodesOf, type Value } from './graph.ts';
import { byName, opTable } from './op.ts';

/**
 * Checks that a graph is legal before the native runtime sees it, where a malformed one can crash the process:
 * inputs older than their users, every op defined, arity and types as the op itself infers them, every leaf listed,
 * names unique.
 * @throws {@link InternalError} naming the node and its layer path
 */
export function verify(graph: Graph): Graph {
  const seen = new Set<Node>();
  const listed = new Set(graph.inputs);
  for (const node of nodesOf(graph)) {
    for (const value of node.inputs) {
      if (value !== undefined && !seen.has(value.node))
        fail(node, 'reads a value that is not computed before it.');
    }
    seen.add(node);
    if (node.kind === 'input') {
      if (!listed.has(node.outputs[0] as Value))
        fail(node, `"${inputName(node.outputs[0] as Value)}" is not fed.`);
    } else if (node.kind === 'constant') {
      const value = node.attrs.value as Tensor;
      if (value.size !== sizeOf(value.shape)) fail(node, 'has data of the wrong size.');
    } else {
      verifyOp(node);
    }
  }
  unique(graph, 'input', graph.inputs.map(inputName));
  unique(
    graph,
    'output',
    graph.outputs.map((o) => o.name),
  );
  return graph;
}

function verifyOp(node: Node): void {
  const { kind, inputs } = node;
  if (typeof kind === 'string') return;
  if (opTable.get(kind.name) !== kind) fail(node, 'is not an op of the table.');
  const specs = Object.values(kind.inputs);
  const variadic = specs.at(-1)?.variadic === true;
  if (variadic ? inputs.length < specs.length - 1 : inputs.length !== specs.length) {
    fail(node, `has ${inputs.length} inputs, its op takes ${specs.length}.`);
  }
  const types = kind.infer(
    byName(kind, inputs, (v) => v.type),
    node.attrs,
  );
  if (types.length !== node.outputs.length) fail(node, 'has the wrong number of results.');
  types.forEach((type, i) => {
    const recorded = (node.outputs[i] as Value).type;
    if (!sameType(type, recorded)) fail(node, `claims ${formatType(recorded)} but is ${formatType(type)}.`);
  });
}

function unique(graph: Graph, kind: string, names: readonly string[]): void {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new InternalError(`graph "${graph.name}" has two ${kind}s named "${twice}".`);
}

function fail(node: Node, reason: string): never {
  throw new InternalError(`node "${node.name}" of ${node.scope || 'the graph'} ${reason}`, {
    layerPath: node.scope,
  });
}
