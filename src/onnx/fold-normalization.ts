import { onnxDtype } from '../core/dtype.ts';
import { sizeOf } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import type { GraphProto, NodeProto, TensorProto } from './proto.ts';
import { protoFromTensor, tensorFromProto } from './tensors.ts';

/** A convolution or matrix product whose channels a normalization may scale instead. */
interface Product {
  readonly node: NodeProto;
  readonly weight: TensorProto;
  /** Axis of the weight that the channels of the result are on. */
  readonly axis: number;
  readonly bias: TensorProto | undefined;
  /** The node that adds the bias of a matrix product. */
  readonly sum?: NodeProto;
}

/** `y = factor x + offset` for each channel. */
interface Affine {
  readonly factor: Float64Array;
  readonly offset: Float64Array;
}

/**
 * Batch normalization by stored statistics, folded into the stored weights of the convolution or matrix product before it:
 * `w' = factor w`, `b' = factor b + offset` with `factor = scale / sqrt(variance + epsilon)`, `offset = shift - factor mean`.
 * Those that follow anything else, or read weights that others read too, stay.
 * @param rankOf - axes of what is normalized, by the name of the stored means; matrix products are left where it is not said
 */
export function foldNormalization(
  graph: GraphProto,
  rankOf: ReadonlyMap<string, number> = new Map(),
): GraphProto {
  const folding = new Folding(graph);
  const nodes = new Map(graph.nodes.map((node) => [node, [node]]));
  const stored = new Map(graph.initializers.map((proto) => [proto.name, proto]));
  for (const node of graph.nodes) {
    const affine = folding.affineOf(node);
    const product = affine && folding.productBefore(node, rankOf.get(node.inputs[3] as string));
    if (!(affine && product) || affine.factor.length !== product.weight.dims[product.axis]) continue;
    const bias = product.bias?.name ?? (node.inputs[2] as string);
    stored.set(product.weight.name, scaled(product.weight, product.axis, affine));
    stored.set(bias, shifted(bias, product.bias, affine));
    nodes.set(node, withBias(product, bias, node.outputs[0] as string));
    nodes.set(product.node, []);
    if (product.sum) nodes.set(product.sum, []);
  }
  const rewritten = [...nodes.values()].flat();
  const read = new Set([...rewritten.flatMap(({ inputs }) => inputs), ...folding.seenElsewhere]);
  return {
    ...graph,
    nodes: rewritten,
    initializers: [...stored.values()].filter(({ name }) => read.has(name)),
  };
}

/** What there is to fold in a graph. */
class Folding {
  readonly #stored: ReadonlyMap<string, TensorProto>;
  readonly #producers: ReadonlyMap<string, NodeProto>;
  /** How often nodes read a value. */
  readonly #reads = new Map<string, number>();
  /** Outputs, and what branches and loops may read: values that must stay. */
  readonly seenElsewhere: ReadonlySet<string>;

  constructor(graph: GraphProto) {
    this.#stored = new Map(graph.initializers.map((proto) => [proto.name, proto]));
    this.#producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node])));
    for (const name of graph.nodes.flatMap(({ inputs }) => inputs))
      this.#reads.set(name, (this.#reads.get(name) ?? 0) + 1);
    this.seenElsewhere = new Set([
      ...graph.outputs.map(({ name }) => name),
      ...graph.nodes.flatMap(({ attributes }) =>
        attributes.flatMap((attribute) => (attribute.type === 'graph' ? innerNames(attribute.value) : [])),
      ),
    ]);
  }

  /** A normalization whose four vectors are stored, and read by it alone. */
  affineOf(node: NodeProto): Affine | undefined {
    if (node.opType !== 'BatchNormalization' || intOf(node, 'training_mode', 0) !== 0) return undefined;
    const vectors = node.inputs.slice(1).map((name) => this.#own(name));
    const [scale, shift, mean, variance] = vectors.flatMap((v) =>
      v?.dims.length === 1 ? [tensorFromProto(v).data as Float32Array] : [],
    );
    if (!(scale && shift && mean && variance) || intOf(node, 'spatial', 1) !== 1) return undefined;
    const attribute = node.attributes.find(({ name }) => name === 'epsilon');
    const epsilon = attribute?.type === 'float' ? attribute.value : 1e-5;
    const factor = Float64Array.from(scale, (s, i) => s / Math.sqrt((variance[i] as number) + epsilon));
    const offset = factor.map((f, i) => (shift[i] as number) - f * (mean[i] as number));
    return { factor, offset };
  }

  /** The product that a normalization follows, perhaps with the sum of a bias between. */
  productBefore(normalization: NodeProto, rank: number | undefined): Product | undefined {
    const node = this.#before(normalization.inputs[0]);
    if (node?.opType !== 'Add') return node && this.#product(node, rank);
    for (const [value, name] of [node.inputs, node.inputs.toReversed()]) {
      const bias = this.#own(name);
      const matrix = bias?.dims.length === 1 ? this.#before(value) : undefined;
      const product = matrix?.opType === 'MatMul' ? this.#product(matrix, rank) : undefined;
      if (product && bias && isFor(bias, product)) return { ...product, bias, sum: node };
    }
    return undefined;
  }

  #product(node: NodeProto, rank: number | undefined): Product | undefined {
    const weight = this.#own(node.inputs[1]);
    const bias = this.#own(node.inputs[2]);
    const axis = channelAxis(node, rank);
    if (weight === undefined || axis === undefined || (node.inputs[2] && !bias)) return undefined;
    const product = { node, weight, axis, bias };
    return bias === undefined || isFor(bias, product) ? product : undefined;
  }

  /** The node that gives a value which nothing else reads. */
  #before(name = ''): NodeProto | undefined {
    return this.#isReadOnce(name) ? this.#producers.get(name) : undefined;
  }

  /** A stored float32 tensor that nothing else reads. */
  #own(name = ''): TensorProto | undefined {
    const proto = this.#isReadOnce(name) ? this.#stored.get(name) : undefined;
    return proto?.elementType === onnxDtype('float32') ? proto : undefined;
  }

  #isReadOnce(name: string): boolean {
    return this.#reads.get(name) === 1 && !this.seenElsewhere.has(name);
  }
}

/** Axis of the weight for the channels of the result, axis 1; undefined for other nodes. */
function channelAxis(node: NodeProto, rank: number | undefined): number | undefined {
  if (node.opType === 'Conv') return 0;
  if (node.opType === 'ConvTranspose') return intOf(node, 'group', 1) === 1 ? 1 : undefined;
  if (node.opType === 'MatMul') return rank === 2 ? 1 : undefined;
  const plain = !node.attributes.some(({ name }) => name === 'alpha' || name === 'beta');
  return node.opType === 'Gemm' && plain ? 1 - intOf(node, 'transB', 0) : undefined;
}

/** Whether a bias has one number for each channel. */
const isFor = ({ dims }: TensorProto, { weight, axis }: Pick<Product, 'weight' | 'axis'>): boolean =>
  dims.length === 1 && dims[0] === weight.dims[axis];

function intOf(node: NodeProto, name: string, fallback: number): number {
  const attribute = node.attributes.find((candidate) => candidate.name === name);
  return attribute?.type === 'int' ? Number(attribute.value) : fallback;
}

/** All names inside a subgraph. */
const innerNames = (graph: GraphProto): string[] => [
  ...graph.outputs.map(({ name }) => name),
  ...graph.nodes.flatMap(({ inputs, attributes }) => [
    ...inputs,
    ...attributes.flatMap((attribute) => (attribute.type === 'graph' ? innerNames(attribute.value) : [])),
  ]),
];

function scaled(weight: TensorProto, axis: number, { factor }: Affine): TensorProto {
  const { shape, data } = tensorFromProto(weight);
  const inner = sizeOf(shape.slice(axis + 1));
  const channels = shape[axis] as number;
  const channelOf = (i: number): number => Math.floor(i / inner) % channels;
  const values = Float32Array.from(data as Float32Array, (w, i) => w * (factor[channelOf(i)] as number));
  return protoFromTensor(weight.name, new Tensor('float32', shape, values));
}

function shifted(name: string, bias: TensorProto | undefined, { factor, offset }: Affine): TensorProto {
  const before = bias && (tensorFromProto(bias).data as Float32Array);
  const values = Float32Array.from(offset, (b, i) => b + (before?.[i] ?? 0) * (factor[i] as number));
  return protoFromTensor(name, new Tensor('float32', [values.length], values));
}

/** The product with its bias, giving `y`. */
function withBias({ node, sum }: Product, bias: string, y: string): NodeProto[] {
  if (node.opType !== 'MatMul') {
    return [{ ...node, inputs: [...node.inputs.slice(0, 2), bias], outputs: [y] }];
  }
  const added = sum ?? { ...node, name: `${node.name}:sum`, opType: 'Add', attributes: [] };
  return [node, { ...added, inputs: [node.outputs[0] as string, bias], outputs: [y] }];
}
