import { Tensor } from '../core/tensor.ts';
import type { ModelProto, NodeProto, TensorProto } from '../onnx/proto.ts';
import { protoFromTensor, tensorFromProto } from '../onnx/tensors.ts';
import { type ActivationScale, float32, uint8 } from './quantized-tensors.ts';
import { Additions, call, onAxis, productsOf } from './rewrite.ts';

/** What was measured on calibration data. */
export interface Calibration {
  /** Of the values that products read and, of convolutions, of their results. */
  readonly scales: ReadonlyMap<string, ActivationScale>;
  /** What 8 bits add to each channel in the mean, by the output of a convolution. */
  readonly shifts: ReadonlyMap<string, Float32Array>;
}

/**
 * Products between QuantizeLinear and DequantizeLinear nodes, which the runtime replaces by products of whole numbers;
 * what that adds in the mean is taken off the bias.
 */
export function staticInt8(model: ModelProto, { scales, shifts }: Calibration): ModelProto {
  const additions = new Additions();
  const products = productsOf(model.graph);
  const byNode = new Map(products.map((product) => [product.node, product]));
  const results = new Set(products.filter(({ node }) => node.opType === 'Conv').map(({ result }) => result));
  const stored = new Map(model.graph.initializers.map((proto) => [proto.name, proto]));
  const seen = new Set<string>();
  /** `x` by way of 8 bits, made once. */
  const through = (x: string): readonly NodeProto[] => {
    if (seen.has(x)) return [];
    seen.add(x);
    return byWayOf8Bits(x, scales.get(x) as ActivationScale, additions);
  };
  return additions.applyTo(model, (node) => {
    const product = byNode.get(node);
    const [x = '', , bias = ''] = node.inputs;
    const [y = ''] = node.outputs;
    const after = (): readonly NodeProto[] => (results.has(y) ? through(y) : []);
    if (product === undefined) {
      const inputs = node.inputs.map((name) => (seen.has(name) ? eightBits(name) : name));
      return [{ ...node, inputs }, ...after()];
    }
    const before = through(x);
    const { quantized, value } = additions.weight(product);
    const { scale } = scales.get(x) as ActivationScale;
    const steps = quantized.scales.map((s) => s * scale);
    const sum = biasOf(stored.get(bias), shifts.get(y));
    const whole = sum === undefined ? [] : [storeBias(y, sum, steps, additions)];
    return [...before, { ...node, inputs: [eightBits(x), value, ...whole] }, ...after()];
  });
}

/** The name of a value after the way through 8 bits. */
export const eightBits = (name: string): string => `${name}:dequantized`;

/** Nodes that round a value to 8 bits. */
export function byWayOf8Bits(x: string, { scale, zero }: ActivationScale, additions: Additions): NodeProto[] {
  const range = [
    additions.store(float32(`${x}:scale`, [scale], [])),
    additions.store(uint8(`${x}:zero`, zero)),
  ];
  return [
    call('QuantizeLinear', [x, ...range], `${x}:uint8`),
    call('DequantizeLinear', [`${x}:uint8`, ...range], eightBits(x)),
  ];
}

/** `bias - shift`, where there is either. */
function biasOf(proto: TensorProto | undefined, shift: Float32Array | undefined): Float32Array | undefined {
  const bias = proto && (tensorFromProto(proto).data as Float32Array);
  return bias ? bias.map((b, i) => b - (shift?.[i] ?? 0)) : shift?.map((s) => -s);
}

/** A bias in 32 bits at the scale of the sums, as the runtime's kernels take it. */
function storeBias(y: string, bias: Float32Array, steps: Float32Array, additions: Additions): string {
  const whole = Int32Array.from(bias, (b, i) => Math.round(b / (steps[i] as number)));
  const values = protoFromTensor(`${y}:bias:int32`, new Tensor('int32', [whole.length], whole));
  const scale = float32(`${y}:bias:scale`, steps, [steps.length]);
  const inputs = [additions.store(values), additions.store(scale)];
  additions.nodes.push(call('DequantizeLinear', inputs, `${y}:bias`, [onAxis(0)]));
  return `${y}:bias`;
}
