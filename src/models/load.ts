import type { LoadOptions } from '../formats/save.ts';
import type { Model } from './model.ts';

export type { LoadOptions };

/**
 * A model from a `.keras` file of this library or of Keras 3, compiled as it was, with its optimizer's state.
 * @throws {@link FormatError} when the file is corrupt, hostile or asks for what is not supported
 */
export async function loadModel(path: string, options: LoadOptions = {}): Promise<Model> {
  const { loadModel: load } = await import('../formats/save.ts');
  return load(path, options);
}
