import type { LoadOptions } from '../formats/load.ts';
import type { Model } from './model.ts';

export type { LoadOptions };

/**
 * A model from a file, whose format is told from its content: `.keras` of this library or of Keras 3, compiled as it was,
 * with its optimizer's state; a legacy `.h5`; ONNX, as a graph that can be trained; the `model.json` of TensorFlow.js.
 * @throws {@link FormatError} when the file is corrupt, hostile or asks for what is not supported
 */
export async function loadModel(path: string, options: LoadOptions = {}): Promise<Model> {
  const { loadModel: load } = await import('../formats/load.ts');
  return load(path, options);
}
