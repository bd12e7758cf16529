import * as z from 'zod';
import { parseOptions } from '../core/configured.ts';
import { deferred } from '../core/deferred.ts';
import { unknownName } from '../core/registry.ts';
import type { TensorType } from '../core/shape.ts';
import { ConfigError } from '../errors.ts';
import { type Optimizer, type OptimizerSpec, optimizers } from '../optimizers/index.ts';
import { type Loss, type LossSpec, losses } from './losses/index.ts';
import type { Metric, MetricSpec } from './metrics/index.ts';
import { checkMetric, makeMetric } from './metrics/make.ts';
import type { CustomStep } from './step-graph.ts';

/** One setting for all outputs, a list in their order, or a record by output name. */
export type PerOutput<T> = T | readonly (T | null)[] | Readonly<Record<string, T | null>>;

/** Options of `compile`. */
export interface CompileOptions {
  /** Default `rmsprop`, as in Keras. */
  readonly optimizer?: OptimizerSpec;
  readonly loss?: PerOutput<LossSpec> | null;
  /** Factor of each output's loss in the total. */
  readonly lossWeights?: readonly number[] | Readonly<Record<string, number>> | null;
  readonly metrics?: MetricsOption | null;
  /** Metrics that take sample and class weights into account. */
  readonly weightedMetrics?: MetricsOption | null;
  /** Steps that run natively between two looks at callbacks; results do not depend on it. */
  readonly stepsPerExecution?: number;
  /** Where to run: `cpu` (default) or `cuda`. */
  readonly device?: 'cpu' | 'cuda';
  /** Which backend runs the graphs: `onnxruntime` (default) or `reference`. */
  readonly backend?: string;
  /** Threads for the native kernels; all cores by default. */
  readonly threads?: number;
}
export type MetricsOption =
  | readonly (MetricSpec | readonly MetricSpec[] | null)[]
  | Readonly<Record<string, MetricSpec | readonly MetricSpec[]>>;

const isSpec = (v: unknown): boolean =>
  typeof v === 'string' ||
  (typeof v === 'object' && v !== null && ('options' in v || 'type' in v || 'className' in v));
const schema = deferred(() =>
  z.strictObject({
    optimizer: optimizers.option().default(() => optimizers.make('rmsprop')),
    loss: z.unknown().optional(),
    lossWeights: z.union([z.array(z.number()), z.record(z.string(), z.number())]).nullish(),
    metrics: z.unknown().optional(),
    weightedMetrics: z.unknown().optional(),
    stepsPerExecution: z.int().min(1).default(1),
    device: z.enum(['cpu', 'cuda']).default('cpu'),
    backend: z.string().optional(),
    threads: z.int().min(1).optional(),
  }),
);

/** All specs in a setting, whether it is one, a list or a record of them. */
function specsIn<T>(setting: unknown): T[] {
  if (setting === null || setting === undefined) return [];
  return isSpec(setting) ? [setting as T] : Object.values(setting).flatMap((part) => specsIn<T>(part));
}

/** A metric that follows one output. */
export interface OutputMetric {
  readonly output: number;
  /** Key in logs, e.g. `accuracy` or `digit_accuracy`. */
  readonly key: string;
  readonly metric: Metric;
  readonly weighted: boolean;
}

/** Outputs of a model, with the types of what belongs to each. */
interface OutputTypes {
  readonly outputNames: readonly string[];
  readonly targets: readonly TensorType[];
  readonly predictions: readonly TensorType[];
}

/** What `compile` was told, made into objects. */
export class Compiled {
  readonly optimizer: Optimizer;
  readonly stepsPerExecution: number;
  readonly device: 'cpu' | 'cuda';
  readonly backend: string | undefined;
  readonly threads: number | undefined;
  /** As given, for saving. */
  readonly source: CompileOptions;
  /** What a training step computes instead of the losses and metrics. */
  readonly customStep: CustomStep | undefined;

  /** @throws {@link ConfigError} for unknown names and bad options */
  constructor(options: CompileOptions, customStep?: CustomStep) {
    this.customStep = customStep;
    const parsed = parseOptions(schema, options, 'compile');
    this.source = options;
    this.optimizer = parsed.optimizer;
    this.stepsPerExecution = parsed.stepsPerExecution;
    this.device = parsed.device;
    this.backend = parsed.backend;
    this.threads = parsed.threads;
    if (parsed.optimizer.search !== undefined && parsed.stepsPerExecution > 1) {
      throw new ConfigError(
        `compile: ${parsed.optimizer.className} evaluates the loss several times in a step; with it, stepsPerExecution ` +
          `must be 1. Received ${parsed.stepsPerExecution}.`,
        { argument: 'stepsPerExecution', expected: '1', received: String(parsed.stepsPerExecution) },
      );
    }
    // names are checked now, against outputs later
    for (const loss of specsIn<LossSpec>(options.loss)) losses.make(loss);
    for (const metric of specsIn<MetricSpec>([options.metrics, options.weightedMetrics])) checkMetric(metric);
  }

  /** The loss of each output; `undefined` where none is trained. */
  losses(outputNames: readonly string[]): (Loss | undefined)[] {
    const { loss } = this.source;
    if (loss === undefined || loss === null) return outputNames.map(() => undefined);
    if (isSpec(loss)) return outputNames.map(() => losses.make(loss as LossSpec));
    return distribute(loss as PerOutput<LossSpec>, outputNames, 'loss').map((spec) =>
      spec === null || spec === undefined ? undefined : losses.make(spec as LossSpec),
    );
  }

  /** The factor of each output's loss. */
  lossWeights(outputNames: readonly string[]): number[] {
    const { lossWeights } = this.source;
    if (!lossWeights) return outputNames.map(() => 1);
    return distribute<number>(lossWeights, outputNames, 'lossWeights').map((w) => w ?? 1);
  }

  /** All metrics, resolved against the types of targets and predictions. */
  metrics(
    outputNames: readonly string[],
    targets: readonly TensorType[],
    predictions: readonly TensorType[],
  ): OutputMetric[] {
    const { metrics, weightedMetrics } = this.source;
    const types = { outputNames, targets, predictions };
    const taken = new Map<string, number>();
    return [
      ...this.#metricsOf(metrics, 'metrics', types),
      ...this.#metricsOf(weightedMetrics, 'weightedMetrics', types),
    ].map((found) => ({ ...found, key: freeKey(found, outputNames, taken) }));
  }

  #metricsOf(
    given: MetricsOption | null | undefined,
    option: 'metrics' | 'weightedMetrics',
    { outputNames, targets, predictions }: OutputTypes,
  ): Omit<OutputMetric, 'key'>[] {
    if (!given || (Array.isArray(given) && given.length === 0)) return [];
    const single = Array.isArray(given) && outputNames.length === 1 && !given.some(Array.isArray);
    const lists = single
      ? [given]
      : distribute(given as PerOutput<MetricSpec | MetricSpec[]>, outputNames, option);
    return lists.flatMap((list, output) => {
      const specs = (
        list === null || list === undefined ? [] : Array.isArray(list) ? list : [list]
      ) as MetricSpec[];
      return specs.map((spec) => ({
        output,
        metric: makeMetric(spec, targets[output] as TensorType, predictions[output] as TensorType),
        weighted: option === 'weightedMetrics',
      }));
    });
  }
}

/**
 * The key of a metric in the logs: `accuracy`, or `digit_accuracy` where there are several outputs; a key that is taken
 * becomes `weighted_accuracy` for a weighted metric, then `accuracy_1`.
 * @source keras/src/trainers/compile_utils.py
 */
function freeKey(
  { output, metric, weighted }: Omit<OutputMetric, 'key'>,
  outputNames: readonly string[],
  taken: Map<string, number>,
): string {
  const prefix = outputNames.length > 1 ? `${outputNames[output]}_` : '';
  const plain = `${prefix}${metric.name}`;
  const key = weighted && taken.has(plain) ? `${prefix}weighted_${metric.name}` : plain;
  const count = taken.get(key) ?? 0;
  taken.set(key, count + 1);
  return count === 0 ? key : `${key}_${count}`;
}

/** A setting per output, from a list in their order or a record by name. */
function distribute<T>(
  given: PerOutput<T>,
  outputNames: readonly string[],
  option: string,
): (T | null | undefined)[] {
  if (Array.isArray(given)) {
    if (given.length !== outputNames.length) {
      throw new ConfigError(
        `compile: "${option}" has ${given.length} entries, the model has ${outputNames.length} outputs ` +
          `(${outputNames.join(', ')}).`,
        { argument: option, expected: `${outputNames.length} entries`, received: `${given.length} entries` },
      );
    }
    return given;
  }
  const record = given as Readonly<Record<string, T | null>>;
  const stranger = Object.keys(record).find((name) => !outputNames.includes(name));
  if (stranger !== undefined) throw unknownName(`output (in "${option}" of compile)`, stranger, outputNames);
  return outputNames.map((name) => record[name]);
}
