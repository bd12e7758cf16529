import type { DType, TensorData } from '../core/dtype.ts';
import type { Shape } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';

/** A tensor as it goes to another thread. */
interface SentTensor {
  readonly tfkTensor: DType;
  readonly shape: Shape;
  readonly data: TensorData;
}

/** An element to be posted to another thread, and the memory that moves there: copies, which nobody else looks at. */
export interface Sent {
  readonly value: unknown;
  readonly memory: ArrayBuffer[];
}

/** Packs an element for another thread: tensors become plain objects, arrays are copied once. */
export function pack(element: unknown): Sent {
  const memory: ArrayBuffer[] = [];
  const copied = (data: TensorData): TensorData => {
    const copy = copyOf(data);
    memory.push(copy.buffer as ArrayBuffer);
    return copy;
  };
  return { value: mapLeaves(element, copied), memory };
}

/** The element that was packed. */
export function unpack(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unpack);
  if (!isPlain(value)) return value;
  return isSentTensor(value)
    ? new Tensor(value.tfkTensor, value.shape, value.data)
    : Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, unpack(inner)]));
}

function mapLeaves(value: unknown, copied: (data: TensorData) => TensorData): unknown {
  if (value instanceof Tensor) {
    const sent: SentTensor = { tfkTensor: value.dtype, shape: value.shape, data: copied(value.data) };
    return sent;
  }
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return copied(value as TensorData);
  if (Array.isArray(value)) return value.map((inner) => mapLeaves(inner, copied));
  if (!isPlain(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, mapLeaves(inner, copied)]));
}

/** A view may be of much larger memory; of a Buffer, `slice` would be another view. */
const copyOf = (data: TensorData): TensorData =>
  data instanceof Uint8Array ? new Uint8Array(data) : data.slice();

const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  Object.prototype.toString.call(value) === '[object Object]';

const isSentTensor = (value: object): value is SentTensor => 'tfkTensor' in value;
