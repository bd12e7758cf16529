/** How files before Keras 3 say how a model was compiled, made into Keras 3's form. */
import { isRecord } from './keras-objects.ts';

type Config = Readonly<Record<string, unknown>>;

/** Options of optimizers that Keras 3 passes over. */
const dropped = new Set(['decay', 'jit_compile', 'is_legacy_optimizer']);

/** `training_config` of an `.h5` file in the form of `compile_config`. */
export function modernTraining(value: unknown): unknown {
  if (!isRecord(value)) return undefined;
  const { optimizer_config, loss, metrics, weighted_metrics, ...others } = value;
  return {
    ...others,
    optimizer: modernOptimizer(optimizer_config),
    loss: modernSpecs(loss, 'keras.losses'),
    metrics: modernSpecs(metrics, 'keras.metrics'),
    ...(weighted_metrics !== undefined && {
      weighted_metrics: modernSpecs(weighted_metrics, 'keras.metrics'),
    }),
  };
}

const modernObject = (className: unknown, config: Config, module: string): Config => ({
  module,
  class_name: String(className).replace(/^Custom>/, ''),
  config,
  registered_name: null,
});

function modernOptimizer(value: unknown): unknown {
  if (!isRecord(value) || !isRecord(value.config) || typeof value.module === 'string') return value;
  const entries = Object.entries(value.config).flatMap(([key, option]): [string, unknown][] => {
    if (dropped.has(key)) return [];
    const isSchedule = isRecord(option) && isRecord(option.config) && typeof option.module !== 'string';
    const modern = isSchedule
      ? modernObject(option.class_name, option.config as Config, 'keras.optimizers.schedules')
      : option;
    return [[key === 'lr' ? 'learning_rate' : key, modern]];
  });
  return modernObject(value.class_name, Object.fromEntries(entries), 'keras.optimizers');
}

/** One loss or metric, or lists and records of them. */
function modernSpecs(value: unknown, module: string): unknown {
  if (Array.isArray(value)) return value.map((spec) => modernSpecs(spec, module));
  if (!isRecord(value) || typeof value.module === 'string') return value;
  if (typeof value.class_name !== 'string') {
    return Object.fromEntries(Object.entries(value).map(([key, spec]) => [key, modernSpecs(spec, module)]));
  }
  const { fn, reduction, ...config } = isRecord(value.config) ? value.config : {};
  if (value.class_name === 'MeanMetricWrapper' && typeof fn === 'string') return fn;
  const known = reduction === undefined || reduction === 'auto' ? {} : { reduction };
  return modernObject(value.class_name, { ...config, ...known }, module);
}
