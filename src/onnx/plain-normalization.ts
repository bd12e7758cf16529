import { cutGraph } from './graph-edit.ts';
import type { GraphProto, NodeProto, TensorProto } from './proto.ts';
import { tensorFromProto } from './tensors.ts';

/**
 * Normalizations by stored statistics as ONNX knows them: `BatchNormalization(x, gamma, beta, mean, variance)` in the place
 * of a scale `gamma / sqrt(variance + epsilon)` and a shift `beta - mean * scale` that are computed in the graph.
 */
export function plainNormalizations(graph: GraphProto): GraphProto {
  const matcher = new Matcher(graph);
  const nodes = graph.nodes.map((node) => matcher.plain(node) ?? node);
  return cutGraph(
    { ...graph, nodes },
    graph.outputs.map(({ name }) => name),
  );
}

class Matcher {
  readonly #producers: ReadonlyMap<string, NodeProto>;
  readonly #stored: ReadonlyMap<string, TensorProto>;

  constructor({ nodes, initializers }: GraphProto) {
    this.#producers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node])));
    this.#stored = new Map(initializers.map((proto) => [proto.name, proto]));
  }

  plain(node: NodeProto): NodeProto | undefined {
    const [x = '', scale = '', shift = '', zeros = '', ones = ''] = node.inputs;
    const deviation = node.opType === 'BatchNormalization' ? this.#scale(scale, ones) : undefined;
    const centre = deviation && this.#shift(shift, scale, zeros);
    if (deviation === undefined || centre === undefined) return undefined;
    const inputs = [x, deviation.gamma, centre.beta, centre.mean, deviation.variance];
    if (inputs.slice(1).some((name) => !this.#stored.has(name))) return undefined;
    const epsilon = { name: 'epsilon', type: 'float', value: deviation.epsilon } as const;
    return { ...node, inputs, attributes: [epsilon] };
  }

  /** `gamma * (1 / sqrt(variance + epsilon))`, where a gamma of ones is left out. */
  #scale(name: string, ones: string) {
    const product = this.#inputsOf(name, 'Mul');
    for (const [gamma, inverse] of product ? [product, product.toReversed()] : [[ones, name]]) {
      const [deviation] = this.#inputsOf(inverse, 'Reciprocal') ?? [];
      const [sum] = this.#inputsOf(deviation, 'Sqrt') ?? [];
      const [variance, added] = this.#inputsOf(sum, 'Add') ?? [];
      const epsilon = this.#stored.get(added ?? '');
      if (gamma !== undefined && variance !== undefined && epsilon?.dims.length === 0)
        return { gamma, variance, epsilon: Number(tensorFromProto(epsilon).data[0]) };
    }
    return undefined;
  }

  /** `beta - mean * scale`, where a beta of zeros is left out. */
  #shift(name: string, scale: string, zeros: string) {
    const difference = this.#inputsOf(name, 'Sub');
    const negated = this.#inputsOf(name, 'Neg');
    const [beta, product] = difference ?? [zeros, negated?.[0]];
    const mean = this.#inputsOf(product, 'Mul')?.find((factor) => factor !== scale);
    return beta === undefined || mean === undefined ? undefined : { beta, mean };
  }

  /** What the node that gives a value reads, where it is of this type. */
  #inputsOf(name = '', opType: string): readonly string[] | undefined {
    const node = this.#producers.get(name);
    return node?.opType === opType ? node.inputs : undefined;
  }
}
