import type { Model } from '../models/model.ts';
import type { QuantizeOptions, QuantizeReport } from './quantize.ts';

export type { FileFigures, QuantizeOptions, QuantizeReport } from './quantize.ts';

/**
 * Writes a model as an ONNX file of smaller weights, which ONNX Runtime runs: `static-int8` for convolutions and matrix
 * products in whole numbers at ranges measured before, `dynamic-int8` for ranges measured at run time, `float16` for half
 * the size alone, `int4` for an eighth. Batch normalization after a product becomes part of its weights before.
 * @throws {@link ConfigError} when the loss is above `maxLoss`; nothing is written then
 */
export async function quantize(
  model: Model,
  path: string,
  options: QuantizeOptions,
): Promise<QuantizeReport> {
  const { quantize: run } = await import('./quantize.ts');
  return run(model, path, options);
}
