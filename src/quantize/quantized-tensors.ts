import { sizeOf } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import type { TensorProto } from '../onnx/proto.ts';
import { protoFromTensor, tensorFromProto } from '../onnx/tensors.ts';

/** A weight in 8 bits: `weight = scale * values`, with a scale for each entry of an axis. */
export interface QuantizedWeight {
  readonly values: Tensor;
  readonly scales: Float32Array;
}

/**
 * Weights in whole numbers from `-steps` to `steps`: `scale = max|w| / steps` along the axis. 64 is the most for products
 * on processors without VNNI, which add two of them in 16 bits, where more would overflow.
 */
export function quantizeWeight(proto: TensorProto, axis: number, steps = 64): QuantizedWeight {
  const { shape, data } = tensorFromProto(proto);
  const inner = sizeOf(shape.slice(axis + 1));
  const count = shape[axis] as number;
  const channelOf = (i: number): number => Math.floor(i / inner) % count;
  const scales = new Float32Array(count);
  const weights = data as Float32Array;
  for (const [i, w] of weights.entries()) {
    const channel = channelOf(i);
    scales[channel] = Math.max(scales[channel] as number, Math.abs(w) / steps);
  }
  for (const [i, scale] of scales.entries()) if (scale === 0) scales[i] = 1;
  const values = Int8Array.from(weights, (w, i) => Math.round(w / (scales[channelOf(i)] as number)));
  return { values: new Tensor('int8', shape, values), scales };
}

/** How activations are stored: `x = scale * (q - zero)`, `q` from 0 to 255. */
export interface ActivationScale {
  readonly scale: number;
  readonly zero: number;
}

/** The scale for values between two bounds; 0 is always represented exactly. */
export function activationScale(low: number, high: number): ActivationScale {
  const [from, to] = [Math.min(low, 0), Math.max(high, 0)];
  const scale = Math.fround((to - from) / 255) || 1;
  return { scale, zero: Math.min(255, Math.max(0, Math.round(-from / scale))) };
}

export const float32 = (name: string, values: ArrayLike<number>, shape: readonly number[]): TensorProto =>
  protoFromTensor(name, new Tensor('float32', shape, Float32Array.from(values)));
export const uint8 = (name: string, value: number): TensorProto =>
  protoFromTensor(name, new Tensor('uint8', [], Uint8Array.of(value)));
export const int8 = (name: string, { values }: QuantizedWeight): TensorProto => protoFromTensor(name, values);
