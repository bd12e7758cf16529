import type { Tensor } from '../core/tensor.ts';
import { FormatError } from '../errors.ts';
import { withBlankWeights } from '../layers/weight.ts';
import type { Model } from '../models/model.ts';
import { asFormatError, kerasVersion } from './archive.ts';
import { readBytes } from './atomic.ts';
import { type Hdf5Reader, type Hdf5Writer, readHdf5, writeHdf5 } from './hdf5.ts';
import { compileFromKeras, compileToKeras } from './keras-compile.ts';
import { toJson } from './keras-json.ts';
import { modelFromKeras, modelToKeras } from './keras-model.ts';
import type { ReadContext } from './keras-objects.ts';
import { optimizerTensors, restoreOptimizer } from './keras-weights.ts';
import { modernConfig } from './legacy-config.ts';
import { modernTraining } from './legacy-training.ts';
import {
  assignByLayer,
  type LayerWeights,
  legacyTensors,
  lostAdapters,
  type MatchOptions,
} from './named-weights.ts';
import type { LoadOptions } from './save.ts';

/**
 * A model from an `.h5` file of Keras 2 (or of Keras 3's legacy saving), compiled as it was, with its optimizer's state
 * where that fits.
 * @throws {@link FormatError} when the file is corrupt or asks for what is not supported
 */
export async function loadLegacyH5(
  path: string,
  { customObjects = {}, compile = true }: LoadOptions,
): Promise<Model> {
  const bytes = await readBytes(path);
  const context = { file: path, customObjects, shared: new Map() };
  const read = (file: Hdf5Reader): ReturnType<typeof readModel> => {
    try {
      return readModel(file, bytes.length, context, compile);
    } catch (error) {
      throw asFormatError(error, path);
    }
  };
  const { model, variables } = await readHdf5(bytes, read, { label: path });
  await restoreOptimizer(model, variables);
  return model;
}

function readModel(
  file: Hdf5Reader,
  bytes: number,
  context: ReadContext,
  compile: boolean,
): { readonly model: Model; readonly variables: Tensor[] | undefined } {
  const path = context.file;
  const text = file.attribute('/', 'model_config');
  if (typeof text !== 'string') {
    throw new FormatError(
      `${path}: it holds weights alone. Build the model, then call model.loadWeights(path).`,
      { op: 'loadModel', received: path },
    );
  }
  const config = modernConfig(JSON.parse(text), `${path}: model_config`);
  const model = withBlankWeights(bytes, () => modelFromKeras(config, context));
  assignByLayer(model.layers, layersOf(file, path), { byName: false, skipMismatch: false }, path);
  const training = compile ? file.attribute('/', 'training_config') : undefined;
  if (typeof training !== 'string') return { model, variables: undefined };
  const options = compileFromKeras(modernTraining(JSON.parse(training)), context);
  if (options) model.compile(options);
  const optimizer = model.compiled?.compiled.optimizer;
  const stored = (file.kind(slots) === 'group' && listAttribute(file, slots, 'weight_names')) || [];
  const paths = stored.map((name) => `${slots}/${name}`);
  const variables = optimizer && optimizerTensors(file, paths, optimizer, model.trainableWeights, path);
  return { model, variables };
}

/** Group of what the optimizer remembers. */
const slots = 'optimizer_weights';

/**
 * The bytes of an `.h5` file as Keras 3's legacy saving writes it: structure, weights, how the model was compiled, the
 * optimizer's state.
 */
export const legacyH5 = (model: Model): Promise<Uint8Array> =>
  writeHdf5((file) => {
    const { class_name, config } = modelToKeras(model);
    file.attribute('/', 'keras_version', kerasVersion);
    file.attribute('/', 'backend', 'tensorflow');
    file.attribute('/', 'model_config', toJson({ class_name, config }));
    const names = model.layers.map(({ name }) => name);
    file.attribute('/model_weights', 'layer_names', names);
    for (const layer of model.layers) {
      writeTensors(file, `model_weights/${layer.name}`, legacyTensors(layer));
    }
    file.group('model_weights/top_level_model_weights');
    const trainer = model.compiled;
    if (trainer === undefined) return;
    const { optimizer, ...training } = compileToKeras(trainer, { lossesByName: false });
    file.attribute('/', 'training_config', toJson({ ...training, optimizer_config: optimizer ?? null }));
    const variables = lostAdapters(model).size > 0 ? [] : (trainer.store?.state.variables ?? []);
    if (variables.length > 0) {
      writeTensors(
        file,
        slots,
        variables.map((variable) => [variable.path, variable.read()]),
      );
    }
  });

type NamedTensor = readonly [name: string, tensor: Tensor];

/** Tensors of a group, and the order they are in. */
function writeTensors(file: Hdf5Writer, group: string, tensors: readonly NamedTensor[]): void {
  file.group(group);
  const taken = new Map<string, number>();
  const names = tensors.map(([name]) => {
    const count = taken.get(name) ?? 0;
    taken.set(name, count + 1);
    return count === 0 ? name : `${name}_${count}`;
  });
  if (names.length > 0) file.attribute(group, 'weight_names', names);
  for (const [i, [, tensor]] of tensors.entries()) file.dataset(`${group}/${names[i]}`, tensor);
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
