import { access } from 'node:fs/promises';
import { ConfigError } from '../errors.ts';
import '../layers/index.ts';
import './onnx-graph.ts';
import { withBlankWeights } from '../layers/weight.ts';
import type { Model } from '../models/model.ts';
import { type Archive, archiveMembers, asFormatError, readArchive } from './archive.ts';
import { readBytes, writeFileAtomic } from './atomic.ts';
import { type Hdf5Reader, readHdf5, writeHdf5 } from './hdf5.ts';
import { type Assets, assetMembers, restoreStates } from './keras-assets.ts';
import { compileFromKeras, compileToKeras } from './keras-compile.ts';
import { modelFromKeras, modelToKeras } from './keras-model.ts';
import { type CustomObjects, isRecord, type ReadContext } from './keras-objects.ts';
import {
  readOptimizer,
  readWeights,
  restoreOptimizer,
  writeOptimizer,
  writeWeights,
} from './keras-weights.ts';
import { legacyH5 } from './legacy-h5.ts';
import { lostAdapters } from './named-weights.ts';
import { zipChunks } from './zip-writer.ts';

/** Options of {@link saveModel}. */
export interface SaveOptions {
  /** Whether a file that is there already is replaced. Default `true`. */
  readonly overwrite?: boolean;
}

/** Options of {@link loadModel}. */
export interface LoadOptions {
  /** Classes of your own that the file names, by class name or registered name. */
  readonly customObjects?: CustomObjects;
  /** Whether the model comes back compiled, with the state of its optimizer. Default `true`. */
  readonly compile?: boolean;
}

/**
 * Writes a model: all of it to `.keras` or the older `.h5`, its weights to `.weights.h5`. Keras 3 reads them.
 * The file appears whole or not at all.
 * @throws {@link ConfigError} for another ending, a file that is there and `overwrite: false`, or a model without weights
 */
export async function saveModel(
  model: Model,
  path: string,
  { overwrite = true }: SaveOptions = {},
): Promise<void> {
  const isLegacy = /(?<!\.weights)\.h5$/.test(path);
  const whole = !isLegacy && isWhole(path);
  if (!overwrite && (await exists(path))) {
    throw new ConfigError(`${path} exists already. Pass { overwrite: true } to replace it.`, {
      op: 'save',
      argument: 'overwrite',
    });
  }
  if (whole) {
    await writeFileAtomic(path, zipChunks(await wholeMembers(model)));
    return;
  }
  requireBuilt(model, 'save');
  const bytes = isLegacy ? legacyH5(model) : writeHdf5((file) => writeWeights(file, model));
  await writeFileAtomic(path, await bytes);
}

/** Whether there is a file. */
export const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** Whether a path is of a whole model, not of weights alone. */
function isWhole(path: string): boolean {
  if (path.endsWith('.keras')) return true;
  if (path.endsWith('.weights.h5')) return false;
  throw new ConfigError(
    `expected a path that ends in .keras or .h5 (a whole model), or .weights.h5 (weights alone). Received ${path}. ` +
      'model.export() and model.saveWeights() write other formats.',
    { op: 'save', argument: 'path', expected: '.keras, .h5 or .weights.h5', received: path },
  );
}

/** @throws {@link ConfigError} when a model has no weights yet */
export function requireBuilt(model: Model, what: string): void {
  if (model.built) return;
  throw new ConfigError(
    `${what}: model "${model.name}" has no weights yet. Give it an input, or call it on data first.`,
    { op: what },
  );
}

async function wholeMembers(model: Model): Promise<[string, Uint8Array][]> {
  const trainer = model.compiled;
  const config = { ...modelToKeras(model), compile_config: trainer ? compileToKeras(trainer) : {} };
  const weights = await writeHdf5((file) => {
    writeWeights(file, model);
    if (trainer === undefined || lostAdapters(model).size > 0) return;
    const variables = trainer.store?.state.variables.map((v) => v.read()) ?? [];
    writeOptimizer(file, trainer.compiled.optimizer.name, variables);
  });
  return archiveMembers(config, weights, assetMembers(model));
}

/**
 * Reads weights, of `.weights.h5` or `.keras`, into a model with the same layers in the same order.
 * How the model is compiled, and its optimizer, stay as they are.
 * @throws {@link FormatError} when the file is corrupt, or its weights do not fit; the model is unchanged then
 */
export async function loadWeights(model: Model, path: string): Promise<void> {
  const whole = isWhole(path);
  requireBuilt(model, 'loadWeights');
  const bytes = whole ? (await readArchive(path)).weights : await readBytes(path);
  await readHdf5(bytes, (file) => readWeights(file, model, path), { label: path });
}

/**
 * A model from a `.keras` file of this library or of Keras 3, compiled as it was, with its optimizer's state.
 * @throws {@link FormatError} when the file is corrupt, hostile or asks for what is not supported
 * @throws {@link DataError} when it cannot be read
 */
export async function loadModel(
  path: string,
  { customObjects = {}, compile = true }: LoadOptions = {},
): Promise<Model> {
  if (!isWhole(path)) {
    throw new ConfigError(
      `loadModel: ${path} holds weights alone. Build the model, then call model.loadWeights(path).`,
      { op: 'loadModel', argument: 'path', received: path },
    );
  }
  try {
    const archive = await readArchive(path);
    return await readModel(archive, { file: path, customObjects, shared: new Map() }, compile);
  } catch (error) {
    throw asFormatError(error, path);
  }
}

async function readModel(
  { config, weights, assets }: Archive,
  context: ReadContext,
  compile: boolean,
): Promise<Model> {
  const model = withBlankWeights(weights.length, () => modelFromKeras(config, context));
  const options = compile && isRecord(config) ? compileFromKeras(config.compile_config, context) : undefined;
  if (options !== undefined) model.compile(options);
  const slots = await readHdf5(weights, (file) => readState(file, model, assets, context.file), {
    label: context.file,
  });
  await restoreOptimizer(model, slots);
  return model;
}

/** Reads the weights of a model and what else its layers remember, and gives what its optimizer remembered. */
function readState(
  file: Hdf5Reader,
  model: Model,
  assets: Assets,
  label: string,
): ReturnType<typeof readOptimizer> {
  readWeights(file, model, label);
  restoreStates(model, file, assets);
  const optimizer = model.compiled?.compiled.optimizer;
  return optimizer && model.built ? readOptimizer(file, optimizer, model.trainableWeights, label) : undefined;
}
