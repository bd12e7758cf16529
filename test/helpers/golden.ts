import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DType } from '../../src/core/dtype.ts';
import { Tensor, tensor } from '../../src/core/tensor.ts';

/** A tensor of a golden file; `float32` where no type is given. */
export interface GoldenTensor {
  readonly name?: string;
  readonly shape: readonly number[];
  readonly data: readonly number[];
  readonly dtype?: DType;
}

/** A file of `test/golden`, made by real Keras. */
export const readGolden = <T>(file: string): T =>
  JSON.parse(readFileSync(join(process.cwd(), 'test/golden', file), 'utf8')) as T;

export const goldenTensor = ({ shape, data, dtype }: GoldenTensor): Tensor =>
  tensor(new Tensor('float64', shape, Float64Array.from(data)), shape, dtype ?? 'float32');
