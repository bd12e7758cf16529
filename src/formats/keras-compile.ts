import * as z from 'zod';
import { Configured } from '../core/configured.ts';
import { camelCase } from '../core/registry.ts';
import { FormatError } from '../errors.ts';
import type { CompileOptions } from '../training/compile.ts';
import { type LossSpec, losses } from '../training/losses/index.ts';
import { type MetricSpec, metrics } from '../training/metrics/index.ts';
import type { Trainer } from '../training/trainer.ts';
import { Float, type Json, type JsonRecord } from './keras-json.ts';
import {
  configToKeras,
  excerpt,
  isKerasObject,
  isRecord,
  objectFromKeras,
  objectToKeras,
  type ReadContext,
  rawObject,
} from './keras-objects.ts';
import { kerasId } from './keras-spelling.ts';

/**
 * How a model was compiled, in Keras's form; the learning rate is the one of the next step.
 * @param options - `lossesByName: false` spells names of losses out: of those in `.h5` files, Keras 3 does not know `mse`
 */
export function compileToKeras(
  { compiled, learningRate }: Trainer,
  { lossesByName = true }: { readonly lossesByName?: boolean } = {},
): JsonRecord {
  const { optimizer, source, stepsPerExecution } = compiled;
  const scheduled = typeof optimizer.options.learningRate !== 'number';
  const config = {
    ...configToKeras(optimizer),
    ...(!scheduled && { learning_rate: new Float(learningRate) }),
  };
  const makeLoss = (spec: object | string): Configured => losses.make(spec as LossSpec);
  const makeMetric = (spec: object): Configured => metrics.make(spec as MetricSpec);
  return {
    optimizer: objectToKeras(optimizer, config),
    loss: specsToKeras(
      source.loss,
      makeLoss,
      lossesByName ? kerasId : (name) => objectToKeras(makeLoss(name)),
    ),
    loss_weights: (source.lossWeights ?? null) as Json,
    metrics: specsToKeras(source.metrics, makeMetric),
    weighted_metrics: specsToKeras(source.weightedMetrics, makeMetric),
    run_eagerly: false,
    steps_per_execution: stepsPerExecution,
    jit_compile: 'auto',
  };
}

/** One spec, or lists and records of them. */
function specsToKeras(
  value: unknown,
  make: (spec: object) => Configured,
  named: (name: string) => Json = kerasId,
): Json {
  if (value instanceof Configured) return objectToKeras(value);
  if (typeof value === 'string') return named(value);
  if (Array.isArray(value)) return value.map((spec) => specsToKeras(spec, make, named));
  if (!isRecord(value)) return null;
  if ('type' in value || 'className' in value) return objectToKeras(make(value));
  const entries = Object.entries(value);
  return Object.fromEntries(entries.map(([name, spec]) => [name, specsToKeras(spec, make, named)]));
}

const weightsSchema = z.union([z.array(z.number()), z.record(z.string(), z.number())]).nullish();

/**
 * Options of `compile` from a file; `undefined` when the model was not compiled.
 * @throws {@link FormatError} for what is unknown or not supported
 */
export function compileFromKeras(config: unknown, context: ReadContext): CompileOptions | undefined {
  if (!isRecord(config) || Object.keys(config).length === 0) return undefined;
  const where = `${context.file}: compile_config`;
  const { optimizer, loss, loss_weights, metrics, weighted_metrics, steps_per_execution: steps } = config;
  const lossWeights = weightsSchema.safeParse(loss_weights);
  if (!lossWeights.success) {
    throw new FormatError(`${where}: loss_weights: expected numbers. Received ${excerpt(loss_weights)}.`, {
      op: 'keras',
      argument: 'loss_weights',
    });
  }
  const read = (value: unknown, kind: string, key: string): unknown =>
    specsFromKeras(value, kind, context, `${where}: ${key}`);
  // what comes out of the file is checked by compile itself
  return {
    optimizer: read(optimizer, 'optimizer', 'optimizer') ?? 'rmsprop',
    loss: read(loss, 'loss', 'loss'),
    lossWeights: lossWeights.data ?? null,
    metrics: read(metrics, 'metric', 'metrics'),
    weightedMetrics: read(weighted_metrics, 'metric', 'weighted_metrics'),
    stepsPerExecution: typeof steps === 'number' ? steps : 1,
  } as CompileOptions;
}

function specsFromKeras(value: unknown, kind: string, context: ReadContext, where: string): unknown {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string') return camelCase(value);
  if (Array.isArray(value))
    return value.map((spec, i) => specsFromKeras(spec, kind, context, `${where}[${i}]`));
  if (isKerasObject(value)) {
    const { functionName, module } = rawObject(value, where);
    const isBuiltin = module === 'builtins' || module?.startsWith('keras.') === true;
    if (functionName !== undefined && isBuiltin) return camelCase(functionName);
    return objectFromKeras(value, kind, context, where);
  }
  if (isRecord(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([name, spec]) => [
        name,
        specsFromKeras(spec, kind, context, `${where}.${name}`),
      ]),
    );
  }
  throw new FormatError(`${where}: expected a name or an object. Received ${excerpt(value)}.`, {
    op: 'keras',
  });
}
