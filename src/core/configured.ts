import * as z from 'zod';
import { ConfigError } from '../errors.ts';
import { deferred } from './deferred.ts';
import { functionName } from './functions.ts';
import { nearest, Registry } from './registry.ts';

/** Plain data that names a class and its options: how an object is written to a file. */
export interface SerializedObject {
  readonly className: string;
  readonly config: Readonly<Record<string, unknown>>;
}

/** A class whose objects are made of options checked by a schema, and can be rebuilt from them. */
export interface ConfiguredClass<T> {
  new (options: never): T;
  /** Keras's class name, e.g. `GlorotUniform`. */
  readonly className: string;
  readonly schema: z.ZodType;
}

/**
 * Base of everything that is configured: layers, initializers, losses, metrics, optimizers, ...
 * A subclass states `className` and `schema`; options are parsed once, here, with defaults filled in.
 */
export abstract class Configured<S extends z.ZodType = z.ZodType> {
  static readonly className: string = '';
  static readonly schema: z.ZodType = deferred(() => z.strictObject({}));
  readonly options: z.output<S>;

  /** @throws {@link ConfigError} naming the option, what was expected and what came */
  constructor(options: z.input<S>) {
    const { className, schema } = this.constructor as unknown as ConfiguredClass<unknown>;
    this.options = parseOptions(schema as S, options, className);
  }

  /** Keras's class name. */
  get className(): string {
    return (this.constructor as unknown as ConfiguredClass<unknown>).className;
  }

  /** The options that rebuild the object as it is now: those it was made with, unless it learns some from data. */
  get currentOptions(): Readonly<Record<string, unknown>> {
    return (this.options ?? {}) as Readonly<Record<string, unknown>>;
  }

  /** The options as plain data; configured objects inside become `{ className, config }`. */
  getConfig(): Record<string, unknown> {
    return plain(this.currentOptions) as Record<string, unknown>;
  }
}

/** `{ className, config }` of an object. */
export const serialize = (object: Configured): SerializedObject => ({
  className: object.className,
  config: object.getConfig(),
});

function plain(value: unknown): unknown {
  if (value instanceof Configured) return serialize(value);
  if (typeof value === 'function') return functionName(value as never);
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plain(v)]));
  }
  return value;
}

/** A class by name, a class with options (`{ type: 'l2', l2: 0.01 }` or `{ className, config }`), or an object. */
export type Spec<T> =
  | string
  | { readonly type: string; readonly [option: string]: unknown }
  | SerializedObject
  | T;

/** Classes of one kind, made by name or from plain data. */
export class ConfiguredRegistry<T extends Configured> extends Registry<ConfiguredClass<T>> {
  readonly #kind: string;

  constructor(kind: string) {
    super(kind);
    this.#kind = kind;
  }

  /** Adds a class under its {@link idOf id} and further names. */
  register(type: ConfiguredClass<T>, ...aliases: readonly string[]): void {
    this.add(idOf(type.className), type, ...aliases);
  }

  /**
   * The object that `spec` describes.
   * @throws {@link ConfigError} for an unknown name or bad options
   */
  make(spec: Spec<T>): T {
    if (spec instanceof Configured) return spec;
    if (typeof spec === 'string') return this.#construct(spec, {});
    if (isSerialized(spec)) return this.#construct(spec.className, spec.config);
    const { type, ...options } = spec as { readonly type: string };
    if (typeof type === 'string') return this.#construct(type, options);
    throw new ConfigError(
      `Expected a ${this.#kind}: a name, an object with "type", or an instance. Received ${JSON.stringify(spec)}.`,
      { argument: this.#kind, received: JSON.stringify(spec) },
    );
  }

  /** A schema that accepts every form of {@link Spec} and gives the object. */
  option(): z.ZodType<T, Spec<T>> {
    return z
      .union([z.string(), z.custom<Spec<T>>((v) => v !== null && typeof v === 'object')])
      .transform((spec, context) => {
        try {
          return this.make(spec);
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error;
          context.addIssue({ code: 'custom', message: error.message });
          return z.NEVER;
        }
      })
      .meta({ kind: this.#kind }) as unknown as z.ZodType<T, Spec<T>>;
  }

  #construct(name: string, options: object): T {
    return new (this.get(name))(options as never);
  }
}

const isSerialized = (spec: unknown): spec is SerializedObject =>
  typeof spec === 'object' && spec !== null && 'className' in spec && 'config' in spec;

/**
 * Our name of a Keras class: `GlorotUniform` is `glorotUniform`, `Conv2DTranspose` is `conv2dTranspose`,
 * `KLDivergence` is `klDivergence`, `LSTM` is `lstm`, `LeakyReLU` is `leakyRelu`, `RMSprop` is `rmsprop`.
 */
export const idOf = (className: string): string =>
  className
    .replace(/P?ReLU|RMSprop/, (word) => word.charAt(0) + word.slice(1).toLowerCase())
    .replace(/(\d)D/, '$1d')
    .replace(/^[A-Z]+(?=[A-Z][a-z])|^[A-Z][A-Z0-9]*$|^[A-Z]+(?=\d)|^[A-Z]/, (run) => run.toLowerCase());

/**
 * Options checked by a schema, defaults filled in.
 * @param where - what the options are for, e.g. `dense`
 * @throws {@link ConfigError}
 */
export function parseOptions<S extends z.ZodType>(schema: S, options: unknown, where: string): z.output<S> {
  const result = schema.safeParse(options ?? {});
  if (result.success) return result.data;
  throw new ConfigError(
    result.error.issues.map((issue) => describeIssue(issue, options, schema, where)).join('\n'),
    {
      op: where,
      argument: result.error.issues[0]?.path.join('.') ?? '',
    },
  );
}

/** One zod issue in words: where, which option, what was expected, what came. */
function describeIssue(issue: z.core.$ZodIssue, input: unknown, schema: z.ZodType, where: string): string {
  const path = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(schema, issue.path);
    return issue.keys
      .map((key) => {
        const hint = nearest(key, known);
        const place = path === '' ? key : `${path}.${key}`;
        const known_ = known.length > 0 ? ` Known: ${known.join(', ')}.` : '';
        return `${where}: unknown option "${place}".${hint ? ` Did you mean "${hint}"?` : ''}${known_}`;
      })
      .join('\n');
  }
  const received = issue.path.reduce<unknown>(
    (at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key],
    input,
  );
  const got =
    issue.code === 'custom'
      ? ''
      : ` Received ${received === undefined ? 'nothing' : JSON.stringify(received)}.`;
  const message = issue.message.replace(/^Invalid input: /, '').replace(/[.]?$/, '.');
  return `${where}: option "${path}": ${message}${got}`;
}

function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let at: unknown = schema;
  for (const key of path) at = (at as { shape?: Record<PropertyKey, unknown> } | undefined)?.shape?.[key];
  return Object.keys((at as { shape?: object } | undefined)?.shape ?? {});
}
