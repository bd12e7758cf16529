import { dtypeFromOnnx, onnxDtype, viewOf } from '../core/dtype.ts';
import { sizeOf } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { FormatError } from '../errors.ts';
import type { TensorProto } from './tensor-proto.ts';

/**
 * The host tensor of a stored one; a view where its memory allows.
 * @throws {@link DtypeError} when the element type is not supported
 */
export function tensorFromProto({ name, dims, elementType, data, external }: TensorProto): Tensor {
  if (external !== undefined) {
    throw new FormatError(
      `ONNX tensor "${name}" is stored outside the model, in "${external.location}". Save it into the model.`,
      { expected: 'data in the model', received: `the file "${external.location}"` },
    );
  }
  const dtype = dtypeFromOnnx(elementType);
  return new Tensor(dtype, dims, viewOf(dtype, data.buffer, data.byteOffset, sizeOf(dims)));
}

/** How a host tensor is stored: a view of its elements. */
export function protoFromTensor(name: string, { dtype, shape, data }: Tensor): TensorProto {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { name, dims: shape, elementType: onnxDtype(dtype), data: bytes };
}
