import { z } from 'zod';
import { Configured, type ConfiguredClass, type SerializedObject } from '../core/configured.ts';
import { camelCase } from '../core/registry.ts';
import { FormatError } from '../errors.ts';
import { activations } from '../layers/activations.ts';
import { Constraint, constraints } from '../layers/constraints.ts';
import { Initializer, initializers } from '../layers/initializers.ts';
import { Layer } from '../layers/layer.ts';
import { layerRegistry } from '../layers/registry.ts';
import { Regularizer, regularizers } from '../layers/regularizers.ts';
import { LearningRateSchedule, Optimizer, optimizers, schedules } from '../optimizers/index.ts';
import { Loss, losses } from '../training/losses/index.ts';
import { Metric, metrics } from '../training/metrics/index.ts';
import { Float, type Json, type JsonRecord } from './keras-json.ts';
import {
  kerasId,
  kerasKey,
  namesActivation,
  type OptionSpelling,
  ownKey,
  spellingOf,
} from './keras-spelling.ts';

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
}

interface Kind {
  readonly kind: string;
  readonly module: string;
  readonly base: abstract new (options: never) => Configured;
  readonly registry: { has(name: string): boolean; get(name: string): ConfiguredClass<Configured> };
}

/** What can be configured, and the Python module that Keras exports it from. */
const kinds: readonly Kind[] = [
  { kind: 'layer', module: 'keras.layers', base: Layer, registry: layerRegistry },
  { kind: 'initializer', module: 'keras.initializers', base: Initializer, registry: initializers },
  { kind: 'regularizer', module: 'keras.regularizers', base: Regularizer, registry: regularizers },
  { kind: 'constraint', module: 'keras.constraints', base: Constraint, registry: constraints },
  { kind: 'loss', module: 'keras.losses', base: Loss, registry: losses },
  { kind: 'metric', module: 'keras.metrics', base: Metric, registry: metrics },
  { kind: 'optimizer', module: 'keras.optimizers', base: Optimizer, registry: optimizers },
  {
    kind: 'learning rate schedule',
    module: 'keras.optimizers.schedules',
    base: LearningRateSchedule,
    registry: schedules,
  },
];

/** An object in Keras's form; classes that are not registered are written as custom ones. */
export function objectToKeras(object: Configured, config: JsonRecord = configToKeras(object)): KerasObject {
  const { className } = object;
  const kind = kinds.find(({ base }) => object instanceof base);
  const registered = kind?.registry.has(className) && kind.registry.get(className) === object.constructor;
  return {
    module: registered ? (kind?.module ?? null) : null,
    class_name: className,
    config,
    registered_name: registered ? null : `Custom>${className}`,
  };
}

/** The options of an object under Keras's names; those that were left out stay out. */
export function configToKeras(object: Configured): JsonRecord {
  const { schema } = object.constructor as unknown as ConfiguredClass<Configured>;
  const entries = Object.entries((object.options ?? {}) as Readonly<Record<string, unknown>>);
  return Object.fromEntries(
    entries
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [kerasKey(key), valueToKeras(value, key, spellingOf(schema, key))]),
  );
}

function valueToKeras(value: unknown, key: string, spelling: OptionSpelling | undefined): Json {
  if (value instanceof Configured) return objectToKeras(value);
  if (typeof value === 'string') {
    return namesActivation(key) || spelling?.choices.includes(value) ? kerasId(value) : value;
  }
  if (Array.isArray(value)) return value.map((element) => valueToKeras(element, key, spelling));
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, valueToKeras(v, k, undefined)]));
  }
  if (typeof value === 'number') return spelling?.float ? new Float(value) : value;
  return value as null | boolean;
}

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
  return raw.module === kind?.module ? { className: type.className, config } : new type(config as never);
}

function classOf(
  raw: RawObject,
  kind: Kind | undefined,
  context: ReadContext,
  where: string,
): ConfiguredClass<Configured> {
  const { module, className, registeredName } = raw;
  if (className === '__lambda__' || className === 'Lambda') {
    throw new FormatError(
      `${where}: the file holds Python code (${className}), which is never run. ` +
        'Save the model without lambdas: use layers and named functions.',
      { op: 'keras', received: className },
    );
  }
  const custom = own(context.customObjects, registeredName) ?? own(context.customObjects, className);
  if (custom !== undefined) return custom;
  if (kind !== undefined && module === kind.module && kind.registry.has(className)) {
    return kind.registry.get(className);
  }
  const name = `${module ?? 'custom'}.${className}`;
  const fix = module?.startsWith('keras')
    ? 'This class is not supported.'
    : `Give a class of yours: loadModel(path, { customObjects: { ${JSON.stringify(className)}: MyClass } }).`;
  throw new FormatError(`${where}: unknown ${kind?.kind ?? 'class'} "${name}". ${fix}`, {
    op: 'keras',
    received: name,
  });
}

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
  if (typeof value === 'string') {
    if (namesActivation(option)) return camelCase(value);
    return spelling.choices.find((choice) => kerasId(choice) === value) ?? value;
  }
  if (!isKerasObject(value)) return value;
  const { functionName, module } = rawObject(value, where);
  const isBuiltin = module === 'builtins' || module === 'keras.activations';
  if (functionName !== undefined && isBuiltin && activations.has(functionName))
    return camelCase(functionName);
  return objectFromKeras(value, spelling.kind ?? 'option', context, where);
}

/**
 * Whether a key of Keras's that we do not have changes nothing: it is off, or says float32. (`renorm_momentum` belongs
 * to `renorm`, which must be off; the dtype of a metric is that of its sums.)
 */
function asksForNothing(key: string, value: unknown, type: ConfiguredClass<Configured>): boolean {
  if (value === null || value === false || key === 'renorm_momentum') return true;
  return key === 'dtype' && (dtypeName(value) === 'float32' || type.prototype instanceof Metric);
}

/** Name of a dtype, or of a policy. */
export function dtypeName(value: unknown): unknown {
  if (!isRecord(value)) return value;
  return value.class_name === 'DTypePolicy' && isRecord(value.config) ? value.config.name : undefined;
}

/** The policy that computes and stores everything as float32. */
export const float32Policy: JsonRecord = {
  module: 'keras',
  class_name: 'DTypePolicy',
  config: { name: 'float32' },
  registered_name: null,
};
