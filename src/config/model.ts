import { join } from 'node:path';
import { unknownName } from '../core/registry.ts';
import { ConfigError, TfkError } from '../errors.ts';
import { InputLayer, input } from '../layers/input.ts';
import { layerRegistry } from '../layers/registry.ts';
import type { SymbolicTensor } from '../layers/symbolic.ts';
import { cutAt } from '../models/cut.ts';
import { model as functional } from '../models/functional.ts';
import { loadModel } from '../models/load.ts';
import type { Model } from '../models/model.ts';
import { selectLayers } from '../models/select-layers.ts';
import { sequential } from '../models/sequential.ts';
import { optimizers } from '../optimizers/index.ts';
import { defined } from './defined.ts';
import { exists, runFiles } from './run-folder.ts';
import type { Config, ModelConfig } from './schema.ts';

type Shapes = readonly (readonly (number | null)[])[];
type FunctionalConfig = Extract<ModelConfig, { outputs: unknown }>;
type TunedConfig = Extract<ModelConfig, { from: unknown }>;

/**
 * The model of a config, not compiled.
 * @param shapes - shapes of one sample of each input of the data, for inputs whose shape the config leaves open
 * @throws {@link ConfigError} or {@link ShapeError} naming the layer that does not fit
 */
export async function buildModel(config: ModelConfig, shapes: Shapes): Promise<Model> {
  if (typeof config === 'string') return openModel(config);
  if ('from' in config) return tune(await openModel(config.from), config);
  if ('outputs' in config) return buildFunctional(config, shapes);
  const layers = config.layers.map((layer) => layerRegistry.make(layer));
  const name = config.name === undefined ? {} : { name: config.name };
  if (layers[0] instanceof InputLayer) return sequential(layers, name);
  return sequential([input({ shape: knownShape(shapes[0], 'model') }), ...layers], name);
}

/** Compiles a model as a config says. */
export function compileModel(model: Model, config: Config): void {
  const { compile, device, threads, backend } = config;
  const optimizer = optimizers.make(compile.optimizer);
  const factors = isTuned(config.model) ? config.model.learningRateFactors : {};
  for (const [pattern, factor] of Object.entries(factors)) {
    const layers = named('learningRateFactors', () => selectLayers(model, [pattern]));
    const paths = layers.flatMap((layer) => layer.weights).map(({ path }) => path);
    for (const path of paths) optimizer.scaleLearningRate(factor, exactly(path));
  }
  model.compile(defined({ ...compile, optimizer, device, threads, backend }));
}

const isTuned = (model: ModelConfig): model is TunedConfig => typeof model === 'object' && 'from' in model;

/** A model of an earlier run, or from a file. */
const openModel = async (path: string): Promise<Model> =>
  loadModel((await exists(join(path, runFiles.model))) ? join(path, runFiles.model) : path);

/** A loaded model cut, frozen, adapted and continued as a config says. */
function tune(model: Model, { cutAt: end, head, freeze, lora }: TunedConfig): Model {
  if (end !== undefined) named('cutAt', () => model.getLayer(end));
  if (freeze.length > 0) named('freeze', () => model.freeze(...freeze));
  if (lora) named('lora', () => adapt(model, lora));
  if (end === undefined && head.length === 0) return model;
  const layers = head.map((layer) => layerRegistry.make(layer));
  return named(end === undefined ? 'head' : 'cutAt', () => cutAt(model, end ?? -1, layers));
}

function adapt(model: Model, { rank, ...options }: NonNullable<TunedConfig['lora']>): void {
  model.enableLora(rank, defined(options));
}

/** Errors say which key of the model they are about. */
function named<T>(key: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw error instanceof TfkError ? error.within(`model.${key}`) : error;
  }
}

/** An expression for one text. */
const exactly = (text: string): RegExp => new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);

function buildFunctional({ name, inputs, layers, outputs }: FunctionalConfig, shapes: Shapes): Model {
  const tensors = new Map<string, SymbolicTensor>();
  const find = (wanted: string, where: string): SymbolicTensor => {
    const found = tensors.get(wanted);
    if (found === undefined) throw unknownName(`name in ${where}`, wanted, [...tensors.keys()]);
    return found;
  };
  const entries = inputs.map((entry, i) => {
    const shape = entry.shape ?? knownShape(shapes[i], `model.inputs.${i}`);
    return input({ name: entry.name, shape, ...(entry.dtype && { dtype: entry.dtype }) });
  });
  entries.forEach((entry, i) => {
    tensors.set(inputs[i]?.name as string, entry);
  });
  layers.forEach(({ inputs: sources, layer: spec }, i) => {
    const layer = layerRegistry.make(spec);
    if (tensors.has(layer.name)) {
      throw new ConfigError(`model.layers.${i}.name: "${layer.name}" is taken; names must be unique.`, {
        argument: `model.layers.${i}.name`,
      });
    }
    tensors.set(layer.name, layer.apply(sources.map((source) => find(source, `model.layers.${i}.inputs`))));
  });
  const results = outputs.map((output, i) => find(output, `model.outputs.${i}`));
  return functional({ inputs: entries, outputs: results, ...(name !== undefined && { name }) });
}

function knownShape(shape: Shapes[number] | undefined, where: string): readonly (number | null)[] {
  if (shape !== undefined) return shape;
  throw new ConfigError(`${where}: the input shape is not known. Give "shape", or data that has it.`, {
    argument: where,
  });
}
