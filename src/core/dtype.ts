import { BackendError, DtypeError } from '../errors.ts';

/** Element types of tensors. `bool` is stored as one byte, 0 or 1. */
export type DType =
  | 'float32'
  | 'float64'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'bool';

/** The typed arrays that hold tensor elements. */
export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array;

type DataConstructor = {
  new (length: number): TensorData;
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): TensorData;
};

interface DTypeInfo {
  readonly bytes: number;
  /** `TensorProto.DataType` of ONNX. */
  readonly onnx: number;
  readonly kind: 'float' | 'signed' | 'unsigned' | 'bool';
  readonly array: DataConstructor;
}

const table: Readonly<Record<DType, DTypeInfo>> = {
  float32: { bytes: 4, onnx: 1, kind: 'float', array: Float32Array },
  uint8: { bytes: 1, onnx: 2, kind: 'unsigned', array: Uint8Array },
  int8: { bytes: 1, onnx: 3, kind: 'signed', array: Int8Array },
  uint16: { bytes: 2, onnx: 4, kind: 'unsigned', array: Uint16Array },
  int16: { bytes: 2, onnx: 5, kind: 'signed', array: Int16Array },
  int32: { bytes: 4, onnx: 6, kind: 'signed', array: Int32Array },
  int64: { bytes: 8, onnx: 7, kind: 'signed', array: BigInt64Array },
  bool: { bytes: 1, onnx: 9, kind: 'bool', array: Uint8Array },
  float64: { bytes: 8, onnx: 11, kind: 'float', array: Float64Array },
  uint32: { bytes: 4, onnx: 12, kind: 'unsigned', array: Uint32Array },
  uint64: { bytes: 8, onnx: 13, kind: 'unsigned', array: BigUint64Array },
};

/** All element types, in ONNX's order. */
export const allDtypes = Object.keys(table) as readonly DType[];
export const floatDtypes: readonly DType[] = ['float32', 'float64'];
export const numericDtypes = allDtypes.filter((d) => table[d].kind !== 'bool');

/** Width of one element in bytes. */
export const bytesOf = (dtype: DType): number => table[dtype].bytes;
/** The class of the arrays that hold the elements. */
export const arrayOf = (dtype: DType): DataConstructor => table[dtype].array;
/** ONNX's number of the element type. */
export const onnxDtype = (dtype: DType): number => table[dtype].onnx;
export const isFloat = (dtype: DType): boolean => table[dtype].kind === 'float';
/** Whether the elements are JavaScript bigints. */
export const isBig = (dtype: DType): boolean => dtype === 'int64' || dtype === 'uint64';
export const isDtype = (name: unknown): name is DType => typeof name === 'string' && name in table;

/**
 * Zeroed storage for `length` elements.
 * @throws {@link BackendError} when there is not that much memory
 */
export function allocate(dtype: DType, length: number): TensorData {
  try {
    return new table[dtype].array(length);
  } catch (cause) {
    const size = `${((length * table[dtype].bytes) / 2 ** 30).toFixed(1)} GiB`;
    throw new BackendError(
      `out of memory: ${length} elements of ${dtype} need ${size}. Use a smaller batchSize, or smaller layers.`,
      { op: 'allocate', received: size, cause },
    );
  }
}

/** A view of `length` elements in `buffer`, without a copy. */
export const viewOf = (
  dtype: DType,
  buffer: ArrayBufferLike,
  byteOffset: number,
  length: number,
): TensorData => new table[dtype].array(buffer, byteOffset, length);

/** The element type of ONNX's number, or an error that names it. */
export function dtypeFromOnnx(code: number): DType {
  const found = allDtypes.find((d) => table[d].onnx === code);
  if (found === undefined) {
    throw new DtypeError(`ONNX element type ${code} is not supported. Supported: ${allDtypes.join(', ')}.`, {
      received: String(code),
    });
  }
  return found;
}

/** The element type that a typed array holds; `Uint8Array` reads as `uint8`. */
export function dtypeOfData(data: TensorData): DType {
  const found = allDtypes.find((d) => d !== 'bool' && data instanceof table[d].array);
  if (found === undefined) {
    throw new DtypeError(`No tensor dtype is stored as ${(data as object).constructor.name}.`, {
      received: (data as object).constructor.name,
    });
  }
  return found;
}
