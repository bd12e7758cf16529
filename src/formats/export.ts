import { ConfigError } from '../errors.ts';
import type { Model } from '../models/model.ts';
import { type ExportOptions, exportOnnx } from './onnx-export.ts';
import { exportTfjs } from './tfjs.ts';

/**
 * Writes a model for other runtimes: `.onnx`, or `model.json` for TensorFlow.js.
 * @throws {@link ConfigError} for another ending, or options that the format does not have
 */
export async function exportModel(model: Model, path: string, options: ExportOptions = {}): Promise<void> {
  if (path.endsWith('.onnx')) return exportOnnx(model, path, options);
  const [option] = Object.keys(options);
  if (path.endsWith('model.json') && option === undefined) return exportTfjs(model, path);
  throw new ConfigError(
    path.endsWith('model.json')
      ? `export: the option "${option}" is for ONNX files.`
      : `export: expected a path that ends in .onnx, or in model.json for TensorFlow.js. Received ${path}.`,
    { op: 'export', argument: option ?? 'path', received: path },
  );
}
