import { Tensor, type TensorLike, tensor } from '../../core/tensor.ts';
import { DataError } from '../../errors.ts';
import type { Cells } from './texts.ts';

/**
 * Whole numbers with their shape, exact to 64 bits.
 * @param where - what reads them, for messages
 * @throws {@link DataError} for a fraction, NaN or something that is no number
 */
export function integerCells(data: TensorLike, where: string): Cells<bigint> {
  try {
    const exact =
      data instanceof Tensor || ArrayBuffer.isView(data) ? tensor(data) : tensor(data, undefined, 'int64');
    return { shape: exact.shape, values: Array.from(exact.data, BigInt) };
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof SyntaxError)) throw error;
    throw new DataError(
      `${where}: expected whole numbers. ${error.message}. Round them, or leave missing values out.`,
      { expected: 'whole numbers', cause: error },
    );
  }
}
