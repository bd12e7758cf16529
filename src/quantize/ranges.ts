import type { Tensor } from '../core/tensor.ts';
import type { ModelProto } from '../onnx/proto.ts';
import { type CalibrationMethod, calibrate } from './calibrate.ts';
import { observe } from './observe.ts';
import type { ActivationScale } from './quantized-tensors.ts';
import { productsOf } from './rewrite.ts';

/** About as many values of one activation are kept for choosing its range. */
const keptValues = 2 ** 18;

/** Scales of what products read, and of what convolutions give. */
export async function measureRanges(
  model: ModelProto,
  data: Tensor,
  method: CalibrationMethod,
): Promise<Map<string, ActivationScale>> {
  const names = [
    ...new Set(
      productsOf(model.graph).flatMap(({ node, result }) => [
        node.inputs[0] as string,
        ...(node.opType === 'Conv' ? [result] : []),
      ]),
    ),
  ];
  const share = Math.ceil(keptValues / (data.shape[0] ?? 1));
  const kept = names.map((): number[] => []);
  await observe(model, names, data, (values) => {
    for (const [i, array] of values.entries())
      kept[i]?.push(...(method === 'minmax' ? bounds(array) : thinned(array, share)));
  });
  return new Map(names.map((name, i) => [name, calibrate(Float32Array.from(kept[i] as number[]), method)]));
}

function bounds(values: Float32Array): readonly [low: number, high: number] {
  let [low, high] = [0, 0];
  for (const v of values) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return [low, high];
}

/** About `count` of the values; the odd step is not that of rows or channels. */
function thinned(values: Float32Array, count: number): Float32Array {
  const step = Math.ceil(values.length / count) | 1;
  return Float32Array.from({ length: Math.ceil(values.length / step) }, (_, i) => values[i * step] as number);
}
