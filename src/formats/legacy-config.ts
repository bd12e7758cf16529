/** The form in which Keras 1 and 2 and TensorFlow.js describe models, made into that of Keras 3, and back. */
import { ConfigError, FormatError } from '../errors.ts';
import { layerRegistry } from '../layers/registry.ts';
import { excerpt, isRecord } from './keras-objects.ts';
import { spellingOf } from './keras-spelling.ts';

type Config = Readonly<Record<string, unknown>>;

/** Keys of layers that say nothing about inference, or what is so anyway. */
const dropped = new Set([
  'dtype',
  'batch_input_shape',
  'implementation',
  'fused',
  'virtual_batch_size',
  'adjustment',
  'input_dtype',
  'mode',
  'time_major',
]);

/** Modules of Keras 3 by the endings of the options that hold such objects. */
const modules: readonly (readonly [ending: RegExp, module: string])[] = [
  [/initializer$/, 'keras.initializers'],
  [/regularizer$/, 'keras.regularizers'],
  [/constraint$/, 'keras.constraints'],
];

const renamed: ReadonlyMap<string, string> = new Map([
  ['BatchNormalizationV1', 'BatchNormalization'],
  ['BatchNormalizationV2', 'BatchNormalization'],
  ['Model', 'Functional'],
]);

/**
 * A model in Keras 3's form; one that has that form already passes through.
 * @throws {@link FormatError} when it is no model
 */
export function modernConfig(value: unknown, where: string): unknown {
  if (isRecord(value) && typeof value.module === 'string') return value;
  const { className, config } = objectOf(value, where);
  if (className === 'Sequential') return sequential(config, where);
  if (className === 'Functional') return functional(config, where);
  throw new FormatError(
    `${where}: expected a model of class Sequential or Functional. Received ${className}.`,
    {
      op: 'keras',
      received: className,
    },
  );
}

function objectOf(value: unknown, where: string): { readonly className: string; readonly config: unknown } {
  if (isRecord(value) && typeof value.class_name === 'string') {
    return { className: renamed.get(value.class_name) ?? value.class_name, config: value.config };
  }
  throw new FormatError(`${where}: expected { "class_name", "config" }. Received ${excerpt(value)}.`, {
    op: 'keras',
  });
}

/** Keras 1 wrote a chain as a bare list of layers. */
function sequential(config: unknown, where: string): unknown {
  const { name = 'sequential', layers } = isRecord(config) ? config : { layers: config };
  const list = listOf(layers, `${where}: layers`);
  const [first] = list;
  const firstConfig = isRecord(first) && isRecord(first.config) ? first.config : {};
  const hasInput = isRecord(first) && first.class_name === 'InputLayer';
  const input =
    !hasInput && firstConfig.batch_input_shape
      ? [inputLayer({ ...firstConfig, name: `${String(firstConfig.name)}_input` })]
      : [];
  return {
    module: 'keras',
    class_name: 'Sequential',
    config: {
      name,
      layers: [...input, ...list.map((layer, i) => modernLayer(layer, `${where}: layers[${i}]`))],
    },
  };
}

function functional(config: unknown, where: string): unknown {
  if (!isRecord(config))
    throw new FormatError(`${where}: expected a record. Received ${excerpt(config)}.`, { op: 'keras' });
  const layers = listOf(config.layers, `${where}: layers`);
  // Keras 3 writes .h5 files, too, with layers in its own form
  const nested = nestedModels(layers.filter((layer) => !isRecord(layer) || layer.module === undefined));
  return {
    module: 'keras',
    class_name: 'Functional',
    config: {
      name: config.name ?? 'model',
      layers: layers.map((layer, i) => ({
        ...modernLayer(layer, `${where}: layers[${i}]`),
        name: nameOf(layer),
        inbound_nodes: modernNodes(
          isRecord(layer) ? layer.inbound_nodes : [],
          nested,
          `${where}: layers[${i}]`,
        ),
      })),
      input_layers: movedEnds(config.input_layers, nested, -1),
      output_layers: movedEnds(config.output_layers, nested, -1),
    },
  };
}

const nameOf = (layer: unknown): unknown => {
  if (!isRecord(layer)) return undefined;
  return layer.name ?? (isRecord(layer.config) ? layer.config.name : undefined);
};

function listOf(value: unknown, where: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new FormatError(`${where}: expected a list. Received ${excerpt(value)}.`, { op: 'keras' });
}

/** Names of models inside a model, and of which class they are. */
const nestedModels = (layers: readonly unknown[]): ReadonlyMap<unknown, string> =>
  new Map(
    layers.flatMap((layer): [unknown, string][] => {
      const className = isRecord(layer) ? String(layer.class_name) : '';
      return /^(Model|Functional|Sequential)$/.test(className) ? [[nameOf(layer), className]] : [];
    }),
  );

/**
 * Ends of a model with the numbers of the nodes moved: the older form counts the nodes of every model inside from 1;
 * Keras 3 does so for the ends of functional ones alone.
 */
const movedEnds = (ends: unknown, nested: ReadonlyMap<unknown, string>, by: number): unknown => {
  if (!Array.isArray(ends)) return ends;
  if (typeof ends[0] !== 'string') return ends.map((end) => movedEnds(end, nested, by));
  return [ends[0], Math.max(0, Number(ends[1]) + (nested.get(ends[0]) === 'Sequential' ? by : 0)), ends[2]];
};

function modernLayer(value: unknown, where: string): Config {
  const { className, config } = objectOf(value, where);
  if (className === 'Sequential' || className === 'Functional') return modernConfig(value, where) as Config;
  if (isRecord(value) && typeof value.module === 'string') return value;
  const options = isRecord(config) ? config : {};
  if (className === 'InputLayer') return inputLayer(options);
  return {
    module: 'keras.layers',
    class_name: className,
    config: modernOptions(options, className),
    registered_name: null,
  };
}

const inputLayer = ({ batch_input_shape, batch_shape, dtype, name }: Config): Config => ({
  module: 'keras.layers',
  class_name: 'InputLayer',
  config: { batch_shape: batch_input_shape ?? batch_shape, dtype: dtype ?? 'float32', name },
  registered_name: null,
});

function modernOptions(options: Config, className: string): Config {
  const type = layerRegistry.has(className) ? layerRegistry.get(className) : undefined;
  const entries = Object.entries(options).flatMap(([key, value]): [string, unknown][] => {
    if (dropped.has(key)) return [];
    const module = modules.find(([ending]) => ending.test(key))?.[1];
    // a depthwise convolution lists those of the kernel that it does not have; weights come from the file
    if (module && type && spellingOf(type.schema, camel(key)) === undefined) return [];
    if (module && isRecord(value)) return [[key, modernObject(value, module)]];
    if (key === 'axis' && Array.isArray(value) && value.length === 1) return [[key, value[0]]];
    if (isRecord(value) && typeof value.class_name === 'string') return [[key, modernLayer(value, key)]];
    return [[key, value]];
  });
  return Object.fromEntries(entries);
}

const camel = (key: string): string =>
  key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

function modernObject(value: Config, module: string): Config {
  if (typeof value.module === 'string') return value;
  const config = isRecord(value.config) ? value.config : {};
  const { dtype: _, ...others } = config;
  const name = String(value.class_name);
  return { module, class_name: name === 'L1L2' ? 'L1L2' : name, config: others, registered_name: null };
}

/** Calls: lists of `[layer, node, tensor, arguments]`, or one such alone. */
function modernNodes(value: unknown, nested: ReadonlyMap<unknown, string>, where: string): unknown[] {
  return listOf(value ?? [], `${where}: inbound_nodes`).map((call) => {
    if (isRecord(call)) return call;
    const sources = listOf(call, `${where}: inbound_nodes`);
    const list = typeof sources[0] === 'string' ? [sources] : sources;
    const tensors = list.map((source) => modernTensor(source, nested, where));
    return { args: tensors.length === 1 ? tensors : [tensors], kwargs: {} };
  });
}

function modernTensor(source: unknown, nested: ReadonlyMap<unknown, string>, where: string): unknown {
  const [layer, node, tensor, kwargs] = listOf(source, `${where}: inbound_nodes`);
  const others = isRecord(kwargs)
    ? Object.entries(kwargs).filter(([key, v]) => key !== 'training' && v !== null)
    : [];
  if (others.length > 0) {
    throw new FormatError(`${where}: the argument "${others[0]?.[0]}" of a call is not supported.`, {
      op: 'keras',
    });
  }
  const own = nested.has(layer) ? Math.max(0, Number(node) - 1) : node;
  return { class_name: '__keras_tensor__', config: { keras_history: [layer, own, tensor] } };
}

/** A model in the form that TensorFlow.js reads, from Keras 3's. */
export function legacyConfig(value: unknown): Config {
  const { className, config } = objectOf(value, 'model');
  const options = isRecord(config) ? config : {};
  if (className === 'Sequential' || className === 'Functional') return legacyModel(className, options);
  if (className === 'InputLayer') {
    const { batch_shape, dtype, name } = options;
    return { class_name: className, config: { batch_input_shape: batch_shape, dtype, sparse: false, name } };
  }
  const entries = Object.entries(options).map(([key, v]): [string, unknown] => {
    if (key === 'dtype') return [key, 'float32'];
    return [key, isRecord(v) && typeof v.class_name === 'string' ? legacyObject(v) : v];
  });
  return { class_name: className, config: Object.fromEntries(entries) };
}

function legacyObject({ class_name, config }: Config): Config {
  const regularizer = class_name === 'L1' || class_name === 'L2';
  return regularizer
    ? { class_name: 'L1L2', config: { l1: 0, l2: 0, ...(config as Config) } }
    : { class_name, config };
}

function legacyModel(className: string, { name, layers, input_layers, output_layers }: Config): Config {
  const list = Array.isArray(layers) ? layers : [];
  if (className === 'Sequential') {
    return { class_name: className, config: { name, layers: list.map(legacyConfig) } };
  }
  const nested = nestedModels(list);
  return {
    class_name: 'Model',
    config: {
      name,
      layers: list.map((layer) => ({
        ...legacyConfig(layer),
        name: (layer as Config).name,
        inbound_nodes: legacyNodes(layer as Config, nested),
      })),
      input_layers: asList(movedEnds(input_layers, nested, 1)),
      output_layers: asList(movedEnds(output_layers, nested, 1)),
    },
  };
}

/** TensorFlow.js wants a list of ends even where there is one. */
const asList = (ends: unknown): unknown =>
  Array.isArray(ends) && typeof ends[0] === 'string' ? [ends] : ends;

/** Calls of a layer. The states of a recurrent one follow the input, as in Keras 2; other arguments have no place. */
function legacyNodes({ name, inbound_nodes }: Config, nested: ReadonlyMap<unknown, string>): unknown[] {
  return (Array.isArray(inbound_nodes) ? inbound_nodes : []).map(({ args, kwargs }: Config) => {
    const { initial_state, ...others } = isRecord(kwargs) ? kwargs : {};
    const [stranger] = Object.keys(others).filter((key) => others[key] !== null && others[key] !== false);
    if (stranger !== undefined) {
      throw new ConfigError(
        `export: layer "${String(name)}" is called with "${stranger}", which the files of TensorFlow.js cannot say. ` +
          'Export to ONNX or .keras instead.',
        { op: 'export', argument: stranger, received: String(name) },
      );
    }
    return tensorsOf([args, initial_state]).map(([layer, node, tensor]) => [
      layer,
      Number(node) + (nested.has(layer) ? 1 : 0),
      tensor,
      {},
    ]);
  });
}

/** Places `[layer, node, tensor]` inside the arguments of a call. */
function tensorsOf(value: unknown): unknown[][] {
  if (Array.isArray(value)) return value.flatMap(tensorsOf);
  if (!isRecord(value) || !isRecord(value.config)) return [];
  return [value.config.keras_history as unknown[]];
}
