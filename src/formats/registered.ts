import type { Configured, ConfiguredClass } from '../core/configured.ts';
import { ConfigError } from '../errors.ts';
import { Constraint, constraints } from '../layers/constraints.ts';
import { Initializer, initializers } from '../layers/initializers.ts';
import { Layer } from '../layers/layer.ts';
import { layerRegistry } from '../layers/registry.ts';
import { Regularizer, regularizers } from '../layers/regularizers.ts';
import { LearningRateSchedule, Optimizer, optimizers, schedules } from '../optimizers/index.ts';
import { Callback, callbacks } from '../training/callback.ts';
import { Loss, losses } from '../training/losses/index.ts';
import { Metric, metrics } from '../training/metrics/index.ts';

type AnyClass = ConfiguredClass<Configured>;

/** Something that can be configured, and the Python module that Keras exports it from. */
export interface Kind {
  readonly kind: string;
  readonly module: string;
  readonly base: abstract new (options: never) => Configured;
  readonly registry: { has(name: string): boolean; get(name: string): AnyClass; register(type: never): void };
}

export const kinds: readonly Kind[] = [
  { kind: 'layer', module: 'keras.layers', base: Layer, registry: layerRegistry },
  { kind: 'initializer', module: 'keras.initializers', base: Initializer, registry: initializers },
  { kind: 'regularizer', module: 'keras.regularizers', base: Regularizer, registry: regularizers },
  { kind: 'constraint', module: 'keras.constraints', base: Constraint, registry: constraints },
  { kind: 'loss', module: 'keras.losses', base: Loss, registry: losses },
  { kind: 'metric', module: 'keras.metrics', base: Metric, registry: metrics },
  { kind: 'optimizer', module: 'keras.optimizers', base: Optimizer, registry: optimizers },
  { kind: 'callback', module: 'keras.callbacks', base: Callback, registry: callbacks },
  {
    kind: 'learning rate schedule',
    module: 'keras.optimizers.schedules',
    base: LearningRateSchedule,
    registry: schedules,
  },
];

const names = new Map<unknown, string>();
const classes = new Map<string, AnyClass>();

/** The name that files have for a class of the user's own, e.g. `Custom>Scale`. */
export const registeredName = (type: unknown): string | undefined => names.get(type);

/** The class of the user's own that files call by a name. */
export const registeredClass = (name: string): AnyClass | undefined => classes.get(name);

/**
 * Makes a class of your own known: its name can stand in options and configuration files, and saved models that use it
 * can be loaded. It may be a layer, model, loss, metric, optimizer, schedule, callback, initializer, regularizer or
 * constraint.
 * @param options.package - first part of its name in files, `package>ClassName`, as Python registers it
 * @throws {@link ConfigError} for a class without a `className`, of no such kind, or named like one of this library
 */
export function register(type: AnyClass, options: { readonly package?: string } = {}): void {
  const { className } = type;
  const kind = kinds.find(({ base }) => type.prototype instanceof base);
  if (kind === undefined || className === '') {
    throw new ConfigError(
      'register: expected a class with a static "className" that extends Layer, Model, Loss, Metric, Optimizer, ' +
        `Callback, Initializer, Regularizer or Constraint. Received ${type.name}.`,
      { argument: 'type', received: type.name },
    );
  }
  const taken = kind.registry.has(className) ? kind.registry.get(className) : undefined;
  if (taken !== undefined && taken !== type && !names.has(taken)) {
    throw new ConfigError(
      `register: "${className}" is a ${kind.kind} of this library. Give the class another className.`,
      { argument: 'className', received: className },
    );
  }
  const name = `${options.package ?? 'Custom'}>${className}`;
  kind.registry.register(type as never);
  names.set(type, name);
  classes.set(name, type);
}
