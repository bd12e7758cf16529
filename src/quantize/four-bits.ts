import { tensor } from '../core/tensor.ts';
import type { AttributeProto, ModelProto, NodeProto, TensorProto } from '../onnx/proto.ts';
import { protoFromTensor, tensorFromProto } from '../onnx/tensors.ts';
import { float32 } from './quantized-tensors.ts';
import { Additions, call, float32Code, onAxis, productsOf } from './rewrite.ts';

/** Elements that share a scale: neighbours in a row of the weight. */
const blockSize = 32;

/** A weight in 4 bits, a row for each channel of the result; rows are filled up to whole blocks. */
export interface FourBitWeight {
  /** Two numbers from 1 to 15 in a byte, 8 for zero: one of the first half in the lower bits, one of the second above. */
  readonly packed: Uint8Array;
  /** One for each block: the weight is `scale * (number - 8)`. */
  readonly scales: Float32Array;
  readonly channels: number;
  /** Length of a row without the filling. */
  readonly width: number;
}

/**
 * Weights in whole numbers from -7 to 7 with a scale for each 32 of a channel: `scale = max|w| / 7`.
 * @param axis - of the channels: 0, or 1 of a matrix
 */
export function toFourBits(proto: TensorProto, axis: number): FourBitWeight {
  const { shape, data } = tensorFromProto(proto);
  const channels = shape[axis] as number;
  const width = data.length / channels;
  const padded = Math.ceil(width / blockSize) * blockSize;
  const weight = (channel: number, i: number): number =>
    i < width ? Number(data[axis === 0 ? channel * width + i : i * channels + channel]) : 0;
  const scales = new Float32Array((channels * padded) / blockSize);
  const numbers = new Uint8Array(channels * padded);
  for (let block = 0; block < scales.length; block++) {
    const first = block * blockSize;
    const [channel, start] = [Math.floor(first / padded), first % padded];
    const values = Array.from({ length: blockSize }, (_, i) => weight(channel, start + i));
    const scale = Math.fround(Math.max(...values.map(Math.abs)) / 7) || 1;
    scales[block] = scale;
    numbers.set(
      values.map((v) => 8 + Math.round(v / scale)),
      first,
    );
  }
  const half = numbers.length / 2;
  const packed = Uint8Array.from(
    { length: half },
    (_, i) => (numbers[i] as number) | ((numbers[half + i] as number) << 4),
  );
  return { packed, scales, channels, width };
}

/**
 * Weights of convolutions and matrix products in 4 bits, which are taken apart and widened as they are read; all others
 * stay as they are, and those with less than a block for each channel, where filling it up would cost what 4 bits gain. In ops
 * of every operator set: ONNX has a type of 4 bits since 21 only.
 */
export function fourBits(model: ModelProto): ModelProto {
  const additions = new Additions();
  const names = new Map<string, string>();
  for (const { weight, axis } of productsOf(model.graph)) {
    const perChannel = weight.dims.reduce((a, b) => a * b, 1) / (weight.dims[axis] as number);
    if (names.has(weight.name) || perChannel < blockSize) continue;
    names.set(weight.name, `${weight.name}:float32`);
    additions.nodes.push(...widened(weight, axis, additions));
  }
  return additions.applyTo(model, (node) => [
    { ...node, inputs: node.inputs.map((name) => names.get(name) ?? name) },
  ]);
}

/** Nodes that make a weight of its 4 bits. */
function widened(proto: TensorProto, axis: number, additions: Additions): NodeProto[] {
  const { packed, scales, channels, width } = toFourBits(proto, axis);
  const nodes: NodeProto[] = [];
  const step = (
    opType: string,
    part: string,
    inputs: string[],
    attributes: AttributeProto[] = [],
  ): string => {
    const output = `${proto.name}:${part}`;
    nodes.push(call(opType, inputs, output, attributes));
    return output;
  };
  const number = (value: number): string => additions.store(float32(`four-bits:${value}`, [value], []));
  const sizes = (...values: number[]): string => {
    const name = `four-bits:sizes:${values.join('x')}`;
    return additions.store(protoFromTensor(name, tensor(BigInt64Array.from(values, BigInt))));
  };
  const stored = additions.store(protoFromTensor(`${proto.name}:int4`, tensor(packed)));
  const scale = additions.store(float32(`${proto.name}:scale`, scales, [scales.length, 1]));
  const bytes = step('Cast', 'bytes', [stored], [{ name: 'to', type: 'int', value: float32Code }]);
  const upper = step('Floor', 'upper', [step('Mul', 'sixteenth', [bytes, number(1 / 16)])]);
  const lower = step('Sub', 'lower', [bytes, step('Mul', 'sixteenfold', [upper, number(16)])]);
  const both = step('Concat', 'numbers', [lower, upper], [onAxis(0)]);
  const centred = step('Sub', 'centred', [both, number(8)]);
  const blocks = step('Reshape', 'blocks', [centred, sizes(scales.length, blockSize)]);
  const rows = step('Reshape', 'rows', [step('Mul', 'scaled', [blocks, scale]), sizes(channels, -1)]);
  const cut = step('Slice', 'cut', [rows, sizes(0), sizes(width), sizes(1)]);
  if (axis === 0) step('Reshape', 'float32', [cut, sizes(...proto.dims)]);
  else step('Transpose', 'float32', [cut]);
  return nodes;
}
