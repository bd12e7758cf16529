import { FormatError, TfkError } from '../errors.ts';
import { withBlankWeights } from '../layers/weight.ts';
import type { Model } from '../models/model.ts';
import { readBytes } from './atomic.ts';
import { type Hdf5Reader, readHdf5 } from './hdf5.ts';
import { modelFromKeras } from './keras-model.ts';
import { modernConfig } from './legacy-config.ts';
import { assignByLayer, type LayerWeights, type MatchOptions } from './named-weights.ts';
import type { LoadOptions } from './save.ts';

/** Weights up to this number of elements are made whatever the size of the file. */
const freeElements = 2 ** 24;

/**
 * A model from an `.h5` file of Keras 2 (or of Keras 3's legacy saving): structure and weights. It is not compiled.
 * @throws {@link FormatError} when the file is corrupt or asks for what is not supported
 */
export async function loadLegacyH5(path: string, { customObjects = {} }: LoadOptions): Promise<Model> {
  const bytes = await readBytes(path);
  return readHdf5(
    bytes,
    (file) => {
      const text = file.attribute('/', 'model_config');
      if (typeof text !== 'string') {
        throw new FormatError(
          `${path}: it holds weights alone. Build the model, then call model.loadWeights(path).`,
          { op: 'loadModel', received: path },
        );
      }
      const context = { file: path, customObjects, shared: new Map() };
      try {
        const config = modernConfig(JSON.parse(text), `${path}: model_config`);
        const model = withBlankWeights(freeElements + bytes.length, () => modelFromKeras(config, context));
        assignByLayer(model.layers, layersOf(file, path), { byName: false, skipMismatch: false }, path);
        return model;
      } catch (error) {
        if (error instanceof FormatError) throw error;
        if (error instanceof TfkError || error instanceof SyntaxError || error instanceof RangeError) {
          throw new FormatError(`${path}: ${error.message}`, { op: 'keras', cause: error });
        }
        throw error;
      }
    },
    { label: path },
  );
}

/**
 * Reads the weights of an `.h5` file of Keras 2 into a model, by the order or the names of its layers.
 * @throws {@link FormatError} when they do not fit; the model is unchanged then
 */
export async function loadLegacyWeights(
  model: Model,
  path: string,
  { byName = false, skipMismatch = false }: Partial<MatchOptions>,
): Promise<void> {
  await readHdf5(path, (file) =>
    assignByLayer(model.layers, layersOf(file, path), { byName, skipMismatch }, path),
  );
}

/** Weights layer by layer, as the attributes `layer_names` and `weight_names` list them. */
function layersOf(file: Hdf5Reader, label: string): LayerWeights[] {
  const root = file.kind('model_weights') === 'group' ? 'model_weights' : '/';
  const names = listAttribute(file, root, 'layer_names');
  if (names === undefined) {
    throw new FormatError(
      `${label}: expected the attribute "layer_names" of an .h5 file of Keras 2. Received none.`,
      {
        op: 'keras',
        expected: 'layer_names',
      },
    );
  }
  return names.map((layer) => {
    const group = root === '/' ? layer : `${root}/${layer}`;
    const weights = (listAttribute(file, group, 'weight_names') ?? []).map((name) => {
      const path = `${group}/${name}`;
      return { name, shape: file.type(path).shape, read: () => file.dataset(path) };
    });
    return { layer, weights };
  });
}

/** A list of texts; long ones are cut into `name0`, `name1`, ... */
function listAttribute(file: Hdf5Reader, path: string, name: string): string[] | undefined {
  const whole = file.attribute(path, name);
  if (whole !== undefined) return textsOf(whole);
  const parts: string[] = [];
  for (let i = 0; ; i++) {
    const part = file.attribute(path, `${name}${i}`);
    if (part === undefined) return i === 0 ? undefined : parts;
    parts.push(...textsOf(part));
  }
}

const textsOf = (value: string | number | readonly (string | number)[]): string[] =>
  (typeof value === 'object' ? value : [value]).map(String);
