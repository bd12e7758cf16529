import type { AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto } from '../onnx/proto.ts';
import { tensorFromProto } from '../onnx/tensors.ts';
import { float32, int8, type QuantizedWeight, quantizeWeight } from './quantized-tensors.ts';

/** A convolution or matrix product with a stored weight. */
export interface Product {
  readonly node: NodeProto;
  readonly weight: TensorProto;
  /** Axis of the weight that the channels of the result are on. */
  readonly axis: number;
  /** Whole numbers to each side that its weights may have. */
  readonly steps: number;
  /** The value that holds the result: behind the Relu and Clip that follow alone, which ranges of 8 bits can do the work of. */
  readonly result: string;
}

export const float32Code = 1;

/** All products of a graph whose weights are stored in float32. */
export function productsOf(graph: GraphProto): Product[] {
  const stored = new Map(graph.initializers.map((proto) => [proto.name, proto]));
  return graph.nodes.flatMap((node): Product[] => {
    const weight = stored.get(node.inputs[1] ?? '');
    if (weight === undefined || weight.elementType !== float32Code) return [];
    const isMatrix = node.opType === 'MatMul' && weight.dims.length === 2;
    if (node.opType !== 'Conv' && !isMatrix) return [];
    if (node.inputs[2] && !stored.has(node.inputs[2])) return []; // a bias that is computed
    const result = activated(node.outputs[0] as string, graph);
    return [{ node, weight, axis: isMatrix ? 1 : 0, steps: isDepthwise(node, weight) ? 127 : 64, result }];
  });
}

/** Whether each channel is convolved alone: the runtime adds up such products in 32 bits. */
function isDepthwise({ attributes }: NodeProto, { dims }: TensorProto): boolean {
  const group = attributes.find(({ name }) => name === 'group');
  return dims[1] === 1 && group?.type === 'int' && Number(group.value) === dims[0] && dims[0] > 1;
}

/** A value, or what it is behind the activations that alone read it. */
function activated(value: string, graph: GraphProto): string {
  const [reader, other] = graph.nodes.filter(({ inputs }) => inputs.includes(value));
  const isActivation = reader?.opType === 'Relu' || reader?.opType === 'Clip';
  return isActivation && other === undefined ? activated(reader.outputs[0] as string, graph) : value;
}

export const call = (
  opType: string,
  inputs: readonly string[],
  output: string,
  attributes: readonly AttributeProto[] = [],
): NodeProto => ({ name: output, domain: '', opType, inputs, outputs: [output], attributes });

export const onAxis = (value: number): AttributeProto => ({ name: 'axis', type: 'int', value });

/** Nodes and initializers to be put into a graph. */
export class Additions {
  readonly nodes: NodeProto[] = [];
  readonly initializers = new Map<string, TensorProto>();

  store(proto: TensorProto): string {
    this.initializers.set(proto.name, proto);
    return proto.name;
  }

  /** The weight in 8 bits, and the value that it stands for. */
  weight({ weight, axis, steps }: Product): { readonly quantized: QuantizedWeight; readonly value: string } {
    const quantized = quantizeWeight(weight, axis, steps);
    const value = `${weight.name}:dequantized`;
    if (!this.initializers.has(`${weight.name}:int8`)) {
      const scale = float32(`${weight.name}:scale`, quantized.scales, [quantized.scales.length]);
      const inputs = [this.store(int8(`${weight.name}:int8`, quantized)), this.store(scale)];
      this.nodes.push(call('DequantizeLinear', inputs, value, [onAxis(axis)]));
    }
    return { quantized, value };
  }

  /** The graph with some nodes replaced, and without initializers that nothing reads any more. */
  applyTo(model: ModelProto, replace: (node: NodeProto) => readonly NodeProto[]): ModelProto {
    const { graph } = model;
    const replaced = graph.nodes.flatMap(replace); // which may add further nodes
    const nodes = [...this.nodes, ...replaced];
    const read = new Set(nodes.flatMap(({ inputs }) => inputs));
    const initializers = [...graph.initializers, ...this.initializers.values()];
    return {
      ...model,
      graph: { ...graph, nodes, initializers: initializers.filter(({ name }) => read.has(name)) },
    };
  }
}

/** Weights in half precision, which are widened as they are read. */
export function halfWeights(model: ModelProto, toHalf: (values: Float32Array) => Uint8Array): ModelProto {
  const additions = new Additions();
  const { graph } = model;
  const large = graph.initializers.filter(
    ({ elementType, dims }) => elementType === float32Code && dims.length > 1,
  );
  const names = new Map(large.map(({ name }) => [name, `${name}:float32`]));
  for (const proto of large) {
    const data = toHalf(tensorFromProto(proto).data as Float32Array);
    const half = additions.store({ name: `${proto.name}:float16`, dims: proto.dims, elementType: 10, data });
    const to: AttributeProto = { name: 'to', type: 'int', value: float32Code };
    additions.nodes.push(call('Cast', [half], `${proto.name}:float32`, [to]));
  }
  return additions.applyTo(model, (node) => [
    { ...node, inputs: node.inputs.map((name) => names.get(name) ?? name) },
  ]);
}

/**
 * Matrix products in whole numbers, of inputs that are quantized as they come; convolutions, which the runtime has no
 * quick kernels for in that form, with weights in 8 bits that are widened as they are read.
 */
export function dynamicInt8(model: ModelProto): ModelProto {
  const additions = new Additions();
  const products = new Map(productsOf(model.graph).map((product) => [product.node, product]));
  return additions.applyTo(model, (node) => {
    const product = products.get(node);
    if (product === undefined) return [node];
    const { inputs, outputs } = node;
    if (node.opType === 'Conv') {
      return [
        { ...node, inputs: [inputs[0] as string, additions.weight(product).value, ...inputs.slice(2)] },
      ];
    }
    const name = outputs[0] as string;
    const { values, scales } = quantizeWeight(product.weight, 1);
    const weight = additions.store(int8(`${product.weight.name}:int8`, { values, scales }));
    const scale = additions.store(float32(`${product.weight.name}:scale`, scales, [scales.length]));
    const to: AttributeProto = { name: 'to', type: 'int', value: float32Code };
    const quantize = call('DynamicQuantizeLinear', [inputs[0] as string], `${name}:x`);
    return [
      { ...quantize, outputs: [`${name}:x`, `${name}:x_scale`, `${name}:x_zero`] },
      call('MatMulInteger', [`${name}:x`, weight, `${name}:x_zero`], `${name}:sums`),
      call('Cast', [`${name}:sums`], `${name}:float`, [to]),
      call('Mul', [`${name}:x_scale`, scale], `${name}:scale`),
      call('Mul', [`${name}:float`, `${name}:scale`], name),
    ];
  });
}
