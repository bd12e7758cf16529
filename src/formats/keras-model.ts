import * as z from 'zod';
import { Configured } from '../core/configured.ts';
import { ConfigError, FormatError, TfkError } from '../errors.ts';
import { InputLayer } from '../layers/input.ts';
import { Layer } from '../layers/layer.ts';
import { layerRegistry } from '../layers/registry.ts';
import { Functional } from '../models/functional.ts';
import { Model } from '../models/model.ts';
import { Sequential } from '../models/sequential.ts';
import { type GraphMember, graphToKeras, wireGraph } from './keras-graph.ts';
import type { Json, JsonRecord } from './keras-json.ts';
import {
  configFromKeras,
  dtypeName,
  dtypePolicy,
  excerpt,
  isRecord,
  type KerasObject,
  layerConfigToKeras,
  objectFromKeras,
  objectToKeras,
  type RawObject,
  type ReadContext,
  rawObject,
} from './keras-objects.ts';
import { isKerasOperation, KerasOperation, operationFromKeras } from './keras-operation.ts';
import { registeredName } from './registered.ts';

/** Layers that stand in several places, with the number by which Keras recognizes them. */
type Shared = ReadonlyMap<Layer, number>;

/**
 * A model's structure in Keras's form, without how it was compiled.
 * @throws {@link ConfigError} for a model that is a class of the user's own
 */
export const modelToKeras = (model: Model): KerasObject => layerToKeras(model, sharedLayers(model));

function sharedLayers(model: Model): Shared {
  const seen = new Set<Layer>();
  const twice = new Set<Layer>();
  const visit = (layer: Layer): void => {
    if (seen.has(layer)) twice.add(layer);
    seen.add(layer);
    if (layer instanceof Model) layer.layers.forEach(visit);
  };
  visit(model);
  return new Map([...twice].map((layer, i) => [layer, i + 1]));
}

/** A layer in Keras's form. */
export function layerToKeras(layer: Layer, shared: Shared = new Map()): KerasObject {
  const id = shared.get(layer);
  return { ...plainLayerToKeras(layer, shared), ...(id !== undefined && { shared_object_id: id }) };
}

function plainLayerToKeras(layer: Layer, shared: Shared): KerasObject {
  if (layer instanceof InputLayer) return objectToKeras(layer, inputToKeras(layer));
  if (layer instanceof KerasOperation) return layer.toKeras();
  if (layer instanceof Sequential) return sequentialToKeras(layer, shared);
  if (layer instanceof Functional) return functionalToKeras(layer, shared);
  if (layer instanceof Model && registeredName(layer.constructor) === undefined) {
    throw new ConfigError(
      `model "${layer.name}": ${layer.className} is a class of your own that no file can name. ` +
        'Call tfk.register(MyClass), or save the weights alone, to a path that ends in .weights.h5.',
      { op: 'save', received: layer.className },
    );
  }
  const inside = (part: Layer): KerasObject =>
    part instanceof Model
      ? layerToKeras(part, shared)
      : objectToKeras(part, layerConfigToKeras(part, inside));
  const object = objectToKeras(layer, layerConfigToKeras(layer, inside));
  return layer.weights.length > 0 || layer instanceof Model
    ? { ...object, build_config: buildConfig(layer) }
    : object;
}

/** The shapes for which a layer made its weights; the batch size is open. */
function buildConfig(layer: Layer): JsonRecord {
  const { inputs, rest } = layer.signature;
  const shapes = (layer.buildShapes ?? [])
    .slice(0, rest === undefined ? undefined : 1)
    .map((shape) => shape.toSpliced(0, 1, null));
  if (inputs === undefined) return { input_shape: shapes.length === 1 ? (shapes[0] as Json) : shapes };
  return { shapes_dict: Object.fromEntries(shapes.map((shape, i) => [`${inputs[i]}_shape`, shape])) };
}

const inputToKeras = (layer: InputLayer): JsonRecord => ({
  batch_shape: layer.batchShape,
  dtype: layer.options.dtype,
  sparse: false,
  ragged: false,
  name: layer.name,
  optional: false,
});

function sequentialToKeras(model: Sequential, shared: Shared): KerasObject {
  const { inputTensor } = model;
  const first = inputTensor ? [inputTensor.origin.call.layer] : [];
  const shape = inputTensor?.shape ?? null;
  return {
    module: 'keras',
    class_name: 'Sequential',
    config: {
      name: model.name,
      trainable: model.trainable,
      dtype: dtypePolicy(),
      layers: [...first, ...model.layers].map((layer) => layerToKeras(layer, shared)),
      ...(shape && { build_input_shape: shape }),
    },
    registered_name: null,
    ...(shape && { build_config: { input_shape: shape } }),
    compile_config: {},
  };
}

function functionalToKeras(model: Functional, shared: Shared): KerasObject {
  const { inboundNodes, inputLayers, outputLayers } = graphToKeras(model);
  return {
    module: 'keras.src.models.functional',
    class_name: 'Functional',
    config: {
      name: model.name,
      trainable: model.trainable,
      layers: model.layers.map((layer) => ({
        ...layerToKeras(layer, shared),
        name: layer.name,
        inbound_nodes: inboundNodes.get(layer) ?? [],
      })),
      input_layers: inputLayers,
      output_layers: outputLayers,
    },
    registered_name: 'Functional',
    build_config: { input_shape: null },
    compile_config: {},
  };
}

/**
 * The model that a file describes.
 * @throws {@link FormatError} when it is malformed, unsafe or not supported
 */
export function modelFromKeras(value: unknown, context: ReadContext): Model {
  const layer = layerFromKeras(value, context, `${context.file}: config.json`);
  if (layer instanceof Model) {
    if (!layer.built) buildFromConfig(layer, value);
    return layer;
  }
  throw new FormatError(
    `${context.file}: config.json: expected a model. Received the layer ${layer.className}.`,
    {
      op: 'keras',
      received: layer.className,
    },
  );
}

/** Shapes for which a layer made its weights, one or several. */
const builtFor = z.looseObject({
  build_config: z.looseObject({
    input_shape: z.union([
      z.array(z.int().nullable()).transform((shape) => [shape]),
      z.array(z.array(z.int().nullable())),
    ]),
  }),
});

/** Makes the weights of a model that is a class of the user's own, which only its `call` knows. */
function buildFromConfig(model: Model, value: unknown): void {
  const parsed = builtFor.safeParse(value);
  if (!parsed.success || model.layers.length === 0) return;
  model.inferOutputs(parsed.data.build_config.input_shape.map((shape) => ({ shape, dtype: 'float32' })));
}

/**
 * The layer that a file describes.
 * @throws {@link FormatError} when it is malformed, unsafe or not supported
 */
export function layerFromKeras(value: unknown, context: ReadContext, where: string): Layer {
  const raw = rawObject(value, where);
  const { shared_object_id: id } = raw.rest;
  const known = typeof id === 'number' ? context.shared.get(id) : undefined;
  if (known !== undefined) return known;
  const layer = located(`${where}: ${raw.className}`, () => newLayer(value, raw, context, where));
  if (typeof id === 'number') context.shared.set(id, layer);
  return layer;
}

/** Modules under which Keras has exported its models. */
const modelModules: readonly (string | null)[] = [
  'keras',
  'keras.models',
  'keras.src.models.functional',
  'keras.src.models.sequential',
];

function newLayer(value: unknown, raw: RawObject, context: ReadContext, where: string): Layer {
  const { className, module, config } = raw;
  if (modelModules.includes(module) && className === 'Sequential')
    return newSequential(config, context, where);
  if (modelModules.includes(module) && className === 'Functional')
    return newFunctional(config, context, where);
  if (module === 'keras.layers' && className === 'InputLayer') return newInput(config, context, where);
  if (isKerasOperation(raw)) return operationFromKeras(raw, where);
  const inside = (part: unknown, place: string): Layer => layerFromKeras(part, context, place);
  const made = objectFromKeras(value, 'layer', { ...context, layer: inside }, where);
  if (made instanceof Layer) return made;
  if (!(made instanceof Configured)) return layerRegistry.make(made);
  throw new FormatError(`${where}: expected a layer. Received ${made.className}.`, {
    op: 'keras',
    received: made.className,
  });
}

const batchShape = z.array(z.int().min(0).nullable()).min(1);

function newInput(config: RawObject['config'], context: ReadContext, where: string): InputLayer {
  const { batch_shape: given, dtype, ...others } = config;
  const shape = batchShape.safeParse(given);
  if (!shape.success) {
    throw new FormatError(
      `${where}: InputLayer: expected "batch_shape", a list. Received ${excerpt(given)}.`,
      {
        op: 'keras',
        argument: 'batch_shape',
      },
    );
  }
  if (dtypeName(dtype) === 'string') {
    throw new FormatError(
      `${where}: the model reads texts, which graphs here do not. In Keras, save the part behind the text layers as a ` +
        'model, and those layers as a FeatureSpace, for data.loadFeatureSpace().',
      { op: 'keras', argument: 'dtype', received: 'string' },
    );
  }
  const [batchSize = null, ...sample] = shape.data;
  const options = configFromKeras({ ...others, dtype: dtypeName(dtype) }, InputLayer, context, where);
  return new InputLayer({ ...options, shape: sample, batchSize });
}

const modelSchema = z.looseObject({
  name: z.string(),
  trainable: z.boolean().nullish(),
  layers: z.array(z.unknown()),
});

function newSequential(config: RawObject['config'], context: ReadContext, where: string): Sequential {
  const { name, trainable, layers, build_input_shape } = modelOf(config, where);
  const members = layers.map((layer, i) => layerFromKeras(layer, context, `${where}: layers[${i}]`));
  const model = new Sequential({ name, trainable: trainable ?? true, layers: members });
  const shape = batchShape.safeParse(build_input_shape);
  if (!model.built && members.length > 0 && shape.success) model.ensureBuilt([shape.data]);
  return model;
}

function newFunctional(config: RawObject['config'], context: ReadContext, where: string): Functional {
  const { name, trainable, layers, input_layers, output_layers } = modelOf(config, where);
  const members = layers.map((layer, i): GraphMember => {
    const made = layerFromKeras(layer, context, `${where}: layers[${i}]`);
    const inboundNodes = isRecord(layer) ? layer.inbound_nodes : undefined;
    return { name: made.name, layer: made, inboundNodes };
  });
  const ends = wireGraph(members, { inputs: input_layers, outputs: output_layers }, where);
  return new Functional({ name, trainable: trainable ?? true, ...ends });
}

function modelOf(config: RawObject['config'], where: string): z.output<typeof modelSchema> {
  const parsed = modelSchema.safeParse(config);
  if (!parsed.success) {
    throw new FormatError(
      `${where}: expected a model with "name" and "layers". Received ${excerpt(config)}.`,
      {
        op: 'keras',
      },
    );
  }
  const dtype = dtypeName(parsed.data.dtype ?? 'float32');
  if (dtype === 'float32') return parsed.data;
  throw new FormatError(`${where}: "dtype": ${excerpt(dtype)} is not supported, only float32 is.`, {
    op: 'keras',
    argument: 'dtype',
    received: excerpt(dtype),
  });
}

/** Errors of what is being made tell where in the file it stands. */
function located<T>(where: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof TfkError) || error instanceof FormatError) throw error;
    throw new FormatError(`${where}: ${error.message}`, { op: 'keras', cause: error });
  }
}
