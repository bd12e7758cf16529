/** Changes to a model file before it is read. */
import { sizeOf } from '../core/shape.ts';
import { FormatError } from '../errors.ts';
import type { GraphProto, NodeProto, TensorProto } from './proto.ts';

/** Constants that stand in nodes of their own, as stored tensors; single numbers, parts of formulas, stay. */
export function hoistConstants(graph: GraphProto): GraphProto {
  const hoisted: TensorProto[] = [];
  const nodes = graph.nodes.filter(({ inputs, outputs, attributes }) => {
    const [attribute] = attributes;
    if (inputs.length > 0 || outputs.length !== 1 || attributes.length !== 1 || attribute?.type !== 'tensor')
      return true;
    if (sizeOf(attribute.value.dims) === 1) return true;
    hoisted.push({ ...attribute.value, name: outputs[0] as string });
    return false;
  });
  return { ...graph, nodes, initializers: [...graph.initializers, ...hoisted] };
}

/**
 * What is needed for the given values, which become the outputs.
 * @throws {@link FormatError} when there is no value of such a name
 */
export function cutGraph(graph: GraphProto, outputs: readonly string[]): GraphProto {
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const leaves = new Set([...graph.inputs, ...graph.initializers].map(({ name }) => name));
  const missing = outputs.find((name) => name === '' || !(producers.has(name) || leaves.has(name)));
  if (missing !== undefined) {
    const last = graph.nodes.slice(-8).flatMap((node) => node.outputs);
    throw new FormatError(
      `ONNX: expected the name of a value. Received "${missing}", which the file does not have. The last values are: ${last.join(', ')}.`,
      { op: 'onnx', argument: 'outputs', received: missing },
    );
  }
  const needed = new Set<NodeProto>();
  const read = new Set(outputs);
  const waiting = [...outputs];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const node = producers.get(name);
    if (node === undefined || needed.has(node)) continue;
    needed.add(node);
    for (const source of namesRead(node)) {
      read.add(source);
      waiting.push(source);
    }
  }
  const infos = new Map(
    [...graph.outputs, ...graph.valueInfos, ...graph.inputs].map((info) => [info.name, info]),
  );
  return {
    ...graph,
    nodes: graph.nodes.filter((node) => needed.has(node)),
    initializers: graph.initializers.filter(({ name }) => read.has(name)),
    outputs: outputs.map((name) => infos.get(name) ?? { name }),
    valueInfos: [],
  };
}

/** Names that a node reads, its subgraphs included. */
const namesRead = (node: NodeProto): string[] => [
  ...node.inputs,
  ...node.attributes.flatMap((attribute) =>
    attribute.type === 'graph'
      ? [...attribute.value.nodes.flatMap(namesRead), ...attribute.value.outputs.map(({ name }) => name)]
      : [],
  ),
];
