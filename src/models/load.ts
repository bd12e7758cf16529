import type { Model } from './model.ts';

/**
 * A model from a `.keras` file, with its optimizer state where the file has one.
 * @throws {@link FormatError} when the file is corrupt, hostile or asks for what is not supported
 */
export async function loadModel(path: string): Promise<Model> {
  const { loadModel: load } = await import('../formats/save.ts');
  return load(path);
}
