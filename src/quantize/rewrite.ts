import type { AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto } from '../onnx/proto.ts';
import { tensorFromProto } from '../onnx/tensors.ts';
import {
  type ActivationScale,
  float32,
  int8,
  type QuantizedWeight,
  quantizeWeight,
  uint8,
} from './quantized-tensors.ts';

/** A convolution or matrix product with a stored weight. */
export interface Product {
  readonly node: NodeProto;
  readonly weight: TensorProto;
  /** Axis of the weight that the channels of the result are on. */
  readonly axis: number;
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
    const result = activated(node.outputs[0] as string, graph);
    return [{ node, weight, axis: isMatrix ? 1 : 0, result }];
  });
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
  weight({ weight, axis }: Product): { readonly quantized: QuantizedWeight; readonly value: string } {
    const quantized = quantizeWeight(weight, axis);
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

/**
 * Products between QuantizeLinear and DequantizeLinear nodes, which the runtime replaces by products of whole numbers.
 * @param scales - of the values that products read and, of convolutions, of their results
 */
export function staticInt8(model: ModelProto, scales: ReadonlyMap<string, ActivationScale>): ModelProto {
  const additions = new Additions();
  const products = productsOf(model.graph);
  const byNode = new Map(products.map((product) => [product.node, product]));
  const results = new Set(products.filter(({ node }) => node.opType === 'Conv').map(({ result }) => result));
  const seen = new Set<string>();
  /** `x` by way of 8 bits, made once. */
  const through = (x: string): { readonly nodes: NodeProto[]; readonly value: string } => {
    const value = `${x}:dequantized`;
    const { scale, zero } = scales.get(x) as ActivationScale;
    if (seen.has(x)) return { nodes: [], value };
    seen.add(x);
    const range = [
      additions.store(float32(`${x}:scale`, [scale], [])),
      additions.store(uint8(`${x}:zero`, zero)),
    ];
    const nodes = [
      call('QuantizeLinear', [x, ...range], `${x}:uint8`),
      call('DequantizeLinear', [`${x}:uint8`, ...range], value),
    ];
    return { nodes, value };
  };
  return additions.applyTo(model, (node) => {
    const product = byNode.get(node);
    const inputs = node.inputs.map((name) => (seen.has(name) ? `${name}:dequantized` : name));
    if (product === undefined) {
      const [output = ''] = node.outputs;
      return [{ ...node, inputs }, ...(results.has(output) ? through(output).nodes : [])];
    }
    const x = node.inputs[0] as string;
    const before = through(x);
    const { quantized, value } = additions.weight(product);
    const bias = node.inputs[2] ? [biasOf(node.inputs[2], quantized)] : [];
    const after = results.has(node.outputs[0] as string) ? through(node.outputs[0] as string).nodes : [];
    return [...before.nodes, { ...node, inputs: [before.value, value, ...bias] }, ...after];

    /** A bias in 32 bits at the scale of the sums, as the runtime's kernels take it. */
    function biasOf(name: string, { scales: ofWeight }: QuantizedWeight): string {
      const proto = model.graph.initializers.find((stored) => stored.name === name) as TensorProto;
      const { scale } = scales.get(x) as ActivationScale;
      const steps = Float32Array.from(ofWeight, (s) => s * scale);
      const { data } = tensorFromProto(proto);
      const whole = Int32Array.from(data as Float32Array, (b, i) => Math.round(b / (steps[i] as number)));
      const stored = [
        additions.store({
          name: `${name}:int32`,
          dims: proto.dims,
          elementType: 6,
          data: new Uint8Array(whole.buffer),
        }),
        additions.store(float32(`${name}:scale`, steps, [steps.length])),
      ];
      additions.nodes.push(call('DequantizeLinear', stored, `${name}:dequantized`, [onAxis(0)]));
      return `${name}:dequantized`;
    }
  });
}
