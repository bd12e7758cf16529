import * as z from 'zod';
import { Configured, type ConfiguredClass, type SerializedObject } from '../core/configured.ts';
import { functionName, registeredFunction } from '../core/functions.ts';
import { camelCase } from '../core/registry.ts';
import { FormatError } from '../errors.ts';
import { activations } from '../layers/activations.ts';
import { Layer } from '../layers/layer.ts';
import { Metric } from '../training/metrics/index.ts';
import { Float, type Json, type JsonRecord } from './keras-json.ts';
import {
  kerasId,
  kerasKey,
  namesActivation,
  type OptionSpelling,
  ownKey,
  spellingOf,
} from './keras-spelling.ts';
import { type Kind, kinds, registeredClass, registeredName } from './registered.ts';

/** An object as Keras writes it. */
export type KerasObject = JsonRecord & {
  readonly module: string | null;
  readonly class_name: string;
  readonly config: JsonRecord;
  readonly registered_name: string | null;
};

/** Classes of the user's own by class name, or by the name under which they are registered in Python. */
export type CustomObjects = Readonly<Record<string, ConfiguredClass<Configured>>>;

/** What is known while a file is read. */
export interface ReadContext {
  /** What messages call the file. */
  readonly file: string;
  readonly customObjects: CustomObjects;
  /** Layers that occur several times, by Keras's number. */
  readonly shared: Map<number, Layer>;
  /** Makes a layer that is an option of another one: it may be a model. */
  readonly layer?: (value: unknown, where: string) => Layer;
}

/** Writes a layer that is an option of another one. */
export type LayerToKeras = (layer: Layer) => KerasObject;
const plainLayer: LayerToKeras = (layer) => objectToKeras(layer, layerConfigToKeras(layer));

/** Classes that Keras exports, and finds again, under another name than the class has. */
const exportNames: Readonly<Record<string, string>> = { GroupedQueryAttention: 'GroupQueryAttention' };

/** Classes that Keras does not export, where it looks for them; some are in KerasHub. */
const ownModules: Readonly<Record<string, string>> = {
  CustomScaleLayer: 'keras.src.applications.inception_resnet_v2',
  LayerScale: 'keras.src.applications.convnext',
  PositionEmbedding: 'keras_hub.src.layers.modeling.position_embedding',
  SinePositionEncoding: 'keras_hub.src.layers.modeling.sine_position_encoding',
};

/** Other packages than Keras register their classes under their own name. */
function registrationOf(className: string, module: string | null): string | null {
  const [owner = 'keras'] = module?.split('.') ?? [];
  return owner === 'keras' ? null : `${owner}>${className}`;
}

/** Options of layers that some of Keras's do not take. */
const refusedOptions: Readonly<Record<string, readonly string[]>> = { Pipeline: ['dtype', 'trainable'] };

/** The module that a file names for a class of a kind. */
const moduleOf = (className: string, kind: Kind | undefined): string | null =>
  ownModules[className] ?? kind?.module ?? null;

/** An object in Keras's form; classes that are not registered are written as custom ones. */
export function objectToKeras(object: Configured, config: JsonRecord = configToKeras(object)): KerasObject {
  const { className } = object;
  const kind = kinds.find(({ base }) => object instanceof base);
  const own = registeredName(object.constructor);
  const ours =
    own === undefined && kind?.registry.has(className) && kind.registry.get(className) === object.constructor;
  const module = ours ? moduleOf(className, kind) : null;
  return {
    module,
    class_name: exportNames[className] ?? className,
    config,
    registered_name: ours ? registrationOf(className, module) : (own ?? `Custom>${className}`),
  };
}

/** The options of an object under Keras's names; those that were left out stay out. */
export function configToKeras(object: Configured, inside: LayerToKeras = plainLayer): JsonRecord {
  const { schema } = object.constructor as unknown as ConfiguredClass<Configured>;
  const entries = Object.entries(object.currentOptions);
  return Object.fromEntries(
    entries
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [kerasKey(key), valueToKeras(value, key, spellingOf(schema, key), inside)]),
  );
}

/** The options of a layer that is no model, with what all layers have. */
export function layerConfigToKeras(layer: Layer, inside?: LayerToKeras): JsonRecord {
  // not every layer of Keras's has these two as arguments of its own
  const { activity_regularizer, trainable: _, dtype, ...options } = configToKeras(layer, inside);
  const config: JsonRecord = {
    ...options,
    name: layer.name,
    dtype: dtypePolicy(typeof dtype === 'string' ? dtype : 'float32'),
    ...(layer.trainable && layer.weights.length === 0 ? {} : { trainable: layer.trainable }),
    ...(activity_regularizer ? { activity_regularizer } : {}),
  };
  const refused = refusedOptions[layer.className] ?? [];
  return Object.fromEntries(Object.entries(config).filter(([key]) => !refused.includes(key)));
}

function valueToKeras(
  value: unknown,
  key: string,
  spelling: OptionSpelling | undefined,
  inside: LayerToKeras,
): Json {
  if (value instanceof Layer) return inside(value);
  if (value instanceof Configured) return objectToKeras(value);
  if (typeof value === 'function') return functionToKeras(functionName(value as never));
  if (typeof value === 'string') {
    return namesActivation(key) || spelling?.choices.includes(value) ? kerasId(value) : value;
  }
  if (Array.isArray(value)) return value.map((element) => valueToKeras(element, key, spelling, inside));
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value).map(([k, v]) => [k, valueToKeras(v, k, undefined, inside)]);
    return Object.fromEntries(entries);
  }
  if (typeof value === 'number') return spelling?.float ? new Float(value) : value;
  return value as null | boolean;
}

const functionToKeras = (name: string): Json => ({
  module: 'builtins',
  class_name: 'function',
  config: name,
  registered_name: name,
});

const record = z.record(z.string(), z.unknown());
const objectSchema = z.looseObject({
  module: z.string().nullish(),
  class_name: z.string(),
  config: z.union([record, z.string()]).nullish(),
  registered_name: z.string().nullish(),
});

/** An object of a file, of which only the outer form is known to be right. */
export interface RawObject {
  readonly module: string | null;
  readonly className: string;
  readonly registeredName: string | null;
  readonly config: Readonly<Record<string, unknown>>;
  /** Name of a function, where the object is one. */
  readonly functionName: string | undefined;
  /** Everything beside: `inbound_nodes`, `compile_config`, ... */
  readonly rest: Readonly<Record<string, unknown>>;
}

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** @throws {@link FormatError} when `value` is no object of Keras's */
export function rawObject(value: unknown, where: string): RawObject {
  const parsed = objectSchema.safeParse(value);
  if (!parsed.success) {
    throw new FormatError(`${where}: expected { "class_name", "config" }. Received ${excerpt(value)}.`, {
      op: 'keras',
      received: excerpt(value),
    });
  }
  const { module = null, class_name, config, registered_name = null, ...rest } = parsed.data;
  return {
    module,
    className: class_name,
    registeredName: registered_name,
    config: isRecord(config) ? config : {},
    functionName: class_name === 'function' && typeof config === 'string' ? config : undefined,
    rest,
  };
}

/** The beginning of a value, for messages. */
export const excerpt = (value: unknown): string => {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
};

/** Whether a string or an object stands where an object of a kind is wanted. */
export const isKerasObject = (value: unknown): boolean =>
  isRecord(value) && typeof value.class_name === 'string';

/**
 * The object that a file describes, as `{ className, config }` for the registry, or made where its class is custom.
 * @throws {@link FormatError} for classes that are unknown or unsafe, and options that cannot be honoured
 */
export function objectFromKeras(
  value: unknown,
  kindName: string,
  context: ReadContext,
  where: string,
): SerializedObject | Configured {
  const raw = rawObject(value, where);
  const kind = kinds.find((k) => k.kind === kindName);
  const type = classOf(raw, kind, context, where);
  const config = configFromKeras(raw.config, type, context, `${where}: ${raw.className}`);
  return raw.module === moduleOf(raw.className, kind)
    ? { className: type.className, config }
    : new type(config as never);
}

function classOf(
  raw: RawObject,
  kind: Kind | undefined,
  context: ReadContext,
  where: string,
): ConfiguredClass<Configured> {
  const { module, className, registeredName: customName } = raw;
  if (className === '__lambda__' || (className === 'Lambda' && !holdsNamedFunction(raw))) {
    throw new FormatError(
      `${where}: the file holds Python code (${className}), which is never run. ` +
        'Save the model without lambdas: use layers and named functions.',
      { op: 'keras', received: className },
    );
  }
  const custom =
    own(context.customObjects, customName) ??
    own(context.customObjects, className) ??
    registeredClass(customName ?? '');
  if (custom !== undefined) return custom;
  if (kind !== undefined && module === moduleOf(className, kind) && kind.registry.has(className)) {
    return kind.registry.get(className);
  }
  const name = `${module ?? 'custom'}.${className}`;
  const fix = module?.startsWith('keras')
    ? 'This class is not supported.'
    : `Register a class of yours, tfk.register(MyClass), or give it: loadModel(path, { customObjects: { ${JSON.stringify(className)}: MyClass } }).`;
  throw new FormatError(`${where}: unknown ${kind?.kind ?? 'class'} "${name}". ${fix}`, {
    op: 'keras',
    received: name,
  });
}

/** Whether a lambda layer calls a function by name; its code is Python else. */
const holdsNamedFunction = ({ config }: RawObject): boolean =>
  isRecord(config.function) && config.function.class_name === 'function';

const own = <T>(record: Readonly<Record<string, T>>, key: string | null): T | undefined =>
  key !== null && Object.hasOwn(record, key) ? record[key] : undefined;

/** Options under our names. */
export function configFromKeras(
  config: Readonly<Record<string, unknown>>,
  type: ConfiguredClass<Configured>,
  context: ReadContext,
  where: string,
): Record<string, unknown> {
  const options: [string, unknown][] = [];
  for (const [key, value] of Object.entries(config)) {
    const option = ownKey(key);
    const spelling = spellingOf(type.schema, option);
    if (spelling !== undefined) {
      options.push([option, valueFromKeras(value, option, spelling, context, `${where}: ${key}`)]);
    } else if (!asksForNothing(key, value, type)) {
      throw new FormatError(`${where}: "${key}": ${excerpt(value)} is not supported.`, {
        op: 'keras',
        argument: key,
        received: excerpt(value),
      });
    }
  }
  return Object.fromEntries(options);
}

function valueFromKeras(
  value: unknown,
  option: string,
  spelling: OptionSpelling,
  context: ReadContext,
  where: string,
): unknown {
  if (option === 'dtype') return dtypeName(value);
  if (typeof value === 'string') {
    if (namesActivation(option)) return camelCase(value);
    return spelling.choices.find((choice) => kerasId(choice) === value) ?? value;
  }
  if (Array.isArray(value)) return value.map((v) => valueFromKeras(v, option, spelling, context, where));
  if (!isKerasObject(value)) return value;
  const { functionName: name, module } = rawObject(value, where);
  if (name !== undefined && spelling.kind === 'function') return namedFunction(name, where);
  const isBuiltin = module === 'builtins' || module === 'keras.activations';
  if (name !== undefined && isBuiltin && activations.has(name)) return camelCase(name);
  if (spelling.kind === 'layer' && context.layer !== undefined) return context.layer(value, where);
  return objectFromKeras(value, spelling.kind ?? 'option', context, where);
}

/** A function by the name that a file has, `package>name` or `name`. @throws {@link FormatError} */
function namedFunction(name: string, where: string): unknown {
  const found = registeredFunction(name) ?? registeredFunction(name.replace(/^.*>/, ''));
  if (found !== undefined) return found;
  throw new FormatError(
    `${where}: no function is named "${name}". Call tfk.registerFunction("${name}", f) before loading.`,
    { op: 'keras', received: name },
  );
}

/**
 * Whether a key of Keras's that we do not have changes nothing: it is off, or says float32. (`renorm_momentum` belongs
 * to `renorm`, which must be off; the dtype of a metric is that of its sums.)
 */
function asksForNothing(key: string, value: unknown, type: ConfiguredClass<Configured>): boolean {
  if (value === null || value === false) return true;
  if (key === 'renorm_momentum') return true;
  return key === 'dtype' && (dtypeName(value) === 'float32' || type.prototype instanceof Metric);
}

/** Name of a dtype, or of a policy. */
export function dtypeName(value: unknown): unknown {
  if (!isRecord(value)) return value;
  return value.class_name === 'DTypePolicy' && isRecord(value.config) ? value.config.name : undefined;
}

/** The policy that computes and stores everything as one type. */
export const dtypePolicy = (name = 'float32'): JsonRecord => ({
  module: 'keras',
  class_name: 'DTypePolicy',
  config: { name },
  registered_name: null,
});
