import { unknownName } from '../core/registry.ts';
import { ConfigError } from '../errors.ts';
import { InputLayer, input } from '../layers/input.ts';
import { layerRegistry } from '../layers/registry.ts';
import type { SymbolicTensor } from '../layers/symbolic.ts';
import { model as functional } from '../models/functional.ts';
import { loadModel } from '../models/load.ts';
import type { Model } from '../models/model.ts';
import { sequential } from '../models/sequential.ts';
import { defined } from './defined.ts';
import type { Config, ModelConfig } from './schema.ts';

type Shapes = readonly (readonly (number | null)[])[];
type FunctionalConfig = Extract<ModelConfig, { outputs: unknown }>;

/**
 * The model of a config, not compiled.
 * @param shapes - shapes of one sample of each input of the data, for inputs whose shape the config leaves open
 * @throws {@link ConfigError} or {@link ShapeError} naming the layer that does not fit
 */
export async function buildModel(config: ModelConfig, shapes: Shapes): Promise<Model> {
  if (typeof config === 'string') return loadModel(config);
  if ('load' in config) {
    const model = await loadModel(config.load);
    freeze(model, config.freeze);
    return model;
  }
  if ('outputs' in config) return buildFunctional(config, shapes);
  const layers = config.layers.map((layer) => layerRegistry.make(layer));
  const name = config.name === undefined ? {} : { name: config.name };
  if (layers[0] instanceof InputLayer) return sequential(layers, name);
  return sequential([input({ shape: knownShape(shapes[0], 'model') }), ...layers], name);
}

/** Compiles a model as a config says. */
export const compileModel = (model: Model, { compile, device, threads, backend }: Config): void =>
  model.compile(defined({ ...compile, device, threads, backend }));

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

function freeze(model: Model, patterns: readonly string[]): void {
  for (const pattern of patterns) {
    const escaped = pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*');
    const matches = model.layers.filter((layer) => new RegExp(`^${escaped}$`).test(layer.name));
    if (matches.length === 0) {
      throw unknownName(
        'layer (in "model.freeze")',
        pattern,
        model.layers.map((layer) => layer.name),
      );
    }
    for (const layer of matches) layer.trainable = false;
  }
}
