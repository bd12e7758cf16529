/** Weights as a model file holds them: initializers, laid out as the nodes that read them want them. */
import { allocate, dtypeFromOnnx, type TensorData, viewOf } from '../core/dtype.ts';
import { sizeOf, stridesOf } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import type { GraphProto, NodeProto, TensorProto } from './proto.ts';
import { protoFromTensor } from './tensors.ts';

/** A weight and the graph input that stood for it. */
export interface StoredWeight {
  readonly input: string;
  readonly name: string;
  readonly tensor: Tensor;
}

/**
 * Turns inputs into initializers under the weights' own names. A transpose or reshape of a weight that nothing else
 * reads is done here once, not at every run.
 */
export function storeWeights(graph: GraphProto, weights: readonly StoredWeight[]): GraphProto {
  const readers = countReaders(graph);
  const stored = new Map(weights.map(({ input, tensor }) => [input, tensor]));
  const constants = new Map(graph.initializers.map((proto) => [proto.name, proto]));
  const original = new Map(weights.map(({ input }) => [input, input]));
  const nodes = graph.nodes.filter((node) => {
    const [x = '', shape = ''] = node.inputs;
    const tensor = stored.get(x);
    const laidOut = tensor && readers.get(x) === 1 ? layOut(node, tensor, constants.get(shape)) : undefined;
    if (laidOut === undefined) return true;
    const output = node.outputs[0] as string;
    stored.delete(x);
    stored.set(output, laidOut);
    original.set(output, original.get(x) as string);
    return false;
  });
  const named = uniqueNames(graph, weights);
  const finalNames = new Map(
    [...stored.keys()].map((key) => [key, named.get(original.get(key) as string) as string]),
  );
  const rename = (node: NodeProto): NodeProto => ({
    ...node,
    inputs: node.inputs.map((name) => finalNames.get(name) ?? name),
    attributes: node.attributes.map((attribute) =>
      attribute.type === 'graph'
        ? { ...attribute, value: { ...attribute.value, nodes: attribute.value.nodes.map(rename) } }
        : attribute,
    ),
  });
  const inputs = new Set(weights.map(({ input }) => input));
  const left = countReaders({ ...graph, nodes });
  return {
    ...graph,
    nodes: nodes.map(rename),
    inputs: graph.inputs.filter(({ name }) => !inputs.has(name)),
    initializers: [
      ...[...stored]
        .filter(([key]) => left.has(key))
        .map(([key, tensor]) => protoFromTensor(finalNames.get(key) as string, tensor)),
      ...graph.initializers.filter(({ name }) => left.has(name)),
    ],
  };
}

/** How often each name is read, by nodes, subgraphs or as a result. */
function countReaders(graph: GraphProto, counts = new Map<string, number>()): Map<string, number> {
  const count = (name: string): unknown => counts.set(name, (counts.get(name) ?? 0) + 1);
  for (const node of graph.nodes) {
    node.inputs.forEach(count);
    for (const attribute of node.attributes)
      if (attribute.type === 'graph') countReaders(attribute.value, counts);
  }
  for (const { name } of graph.outputs) count(name);
  return counts;
}

function layOut(node: NodeProto, tensor: Tensor, shape: TensorProto | undefined): Tensor | undefined {
  if (node.opType === 'Transpose') {
    const perm = node.attributes.find(({ name }) => name === 'perm');
    return perm?.type === 'ints' ? permuted(tensor, perm.value.map(Number)) : undefined;
  }
  if (node.opType !== 'Reshape' || shape === undefined) return undefined;
  const sizes = viewOf(
    dtypeFromOnnx(shape.elementType),
    shape.data.buffer,
    shape.data.byteOffset,
    sizeOf(shape.dims),
  );
  return tensor.reshape(Array.from(sizes as ArrayLike<number | bigint>, Number));
}

/** The elements with the axes in another order, in memory of their own. */
function permuted({ dtype, shape, data }: Tensor, order: readonly number[]): Tensor {
  const sizes = order.map((axis) => shape[axis] as number);
  const strides = stridesOf(shape);
  const steps = order.map((axis) => strides[axis] as number);
  const result: TensorData = allocate(dtype, data.length);
  const index = sizes.map(() => 0);
  let from = 0;
  for (let to = 0; to < result.length; to++) {
    result[to] = data[from] as number;
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      from += steps[axis] as number;
      index[axis] = (index[axis] as number) + 1;
      if (index[axis] !== sizes[axis]) break;
      from -= (steps[axis] as number) * (sizes[axis] as number);
      index[axis] = 0;
    }
  }
  return new Tensor(dtype, sizes, result);
}

/** The weights' own names, with a number where another value has it. */
function uniqueNames(graph: GraphProto, weights: readonly StoredWeight[]): Map<string, string> {
  const taken = new Set([...graph.inputs, ...graph.outputs].map(({ name }) => name));
  for (const node of graph.nodes) for (const name of node.outputs) taken.add(name);
  return new Map(
    weights.map(({ input, name }) => {
      let unique = name;
      for (let i = 1; taken.has(unique); i++) unique = `${name}_${i}`;
      taken.add(unique);
      return [input, unique];
    }),
  );
}
