import type { TensorType } from '../core/shape.ts';
import { formatShape, sameShape } from '../core/shape.ts';
import { ConfigError, ShapeError } from '../errors.ts';
import { gradient } from '../ir/autodiff.ts';
import { type Graph, type GraphOutput, input, type Value, withScope } from '../ir/graph.ts';
import { optimize } from '../ir/passes.ts';
import { type RandomInput, Trace, withTrace } from '../layers/trace.ts';
import type { Weight } from '../layers/weight.ts';
import { add, mul } from '../ops/index.ts';
import { scalarConstant } from '../ops/support.ts';
import type { Compiled, OutputMetric } from './compile.ts';
import type { Loss } from './loss.ts';
import type { Trainable } from './trainable.ts';

/** Element types and shapes of one batch. */
export interface BatchTypes {
  readonly x: readonly TensorType[];
  readonly y: readonly TensorType[];
  /** One per output, `undefined` where the batch has none. */
  readonly weights: readonly (TensorType | undefined)[];
}

/** A statistic that a step computes: a part of a metric. */
export interface Statistic {
  readonly metric: OutputMetric;
  readonly name: string;
}

/** A graph of one step, with what each input and output stands for, in order. */
export interface StepGraph {
  readonly graph: Graph;
  readonly inputs: {
    readonly weights: readonly Weight[];
    readonly x: number;
    readonly y: number;
    /** Outputs that have sample weights. */
    readonly sampleWeights: readonly number[];
    readonly randoms: readonly RandomInput[];
  };
  /** Order of the outputs: gradients, updates, losses (total first), statistics, predictions. */
  readonly outputs: {
    readonly gradients: readonly Weight[];
    readonly updates: readonly Weight[];
    /** Log keys: `loss`, then each output's where there are several. */
    readonly losses: readonly string[];
    readonly statistics: readonly Statistic[];
    readonly predictions: readonly TensorType[];
  };
}

/** What a step is for: `train` differentiates and updates, `test` measures, `predict` returns the outputs. */
export type StepKind = 'train' | 'test' | 'predict';

interface Feeds {
  readonly x: readonly Value[];
  readonly y: readonly Value[];
  readonly weights: readonly (Value | undefined)[];
}

/** A step without its gradients yet. */
export interface TracedStep {
  readonly kind: StepKind;
  readonly trace: Trace;
  readonly forward: Graph;
  readonly feeds: Feeds;
  readonly measured: Measured | undefined;
  readonly predictions: readonly Value[];
}

/**
 * Builds the graph of a step for one batch shape: the model's outputs, and as `kind` asks the loss, the metrics'
 * statistics, the gradients and the layers' own updates.
 */
export const buildStep = (
  model: Trainable,
  compiled: Compiled,
  types: BatchTypes,
  kind: StepKind,
): StepGraph => completeStep(traceStep(model, compiled, types, kind));

/** The forward half of {@link buildStep}. */
export function traceStep(
  model: Trainable,
  compiled: Compiled,
  types: BatchTypes,
  kind: StepKind,
): TracedStep {
  const trace = new Trace(kind === 'train');
  const feeds: Feeds = {
    x: types.x.map((type, i) => input(`x${i}`, type)),
    y: kind === 'predict' ? [] : types.y.map((type, i) => input(`y${i}`, type)),
    weights:
      kind === 'predict' ? [] : types.weights.map((type, i) => type && input(`sampleWeight${i}`, type)),
  };
  const predictions = withTrace(trace, () => model.invoke(feeds.x, { training: kind === 'train' }));
  const measured =
    kind === 'predict'
      ? undefined
      : withTrace(trace, () => measure(model, compiled, feeds, predictions, trace));
  // simplified before it is differentiated: what the forward pass sheds has no gradient to compute
  const forward = optimize({
    name: kind,
    inputs: [
      ...trace.weights.values(),
      ...feeds.x,
      ...feeds.y,
      ...feeds.weights.filter((v) => v !== undefined),
      ...trace.randoms.map((r) => r.value),
    ],
    outputs: [
      ...(kind === 'train' ? trace.updates.values() : []),
      ...(measured ? [measured.total, ...measured.perOutput.map((l) => l.value)] : []),
      ...(measured?.statistics ?? []).map((s) => s.value),
      ...(kind === 'predict' ? predictions : []),
    ].map(named),
  });
  return { kind, trace, forward, feeds, measured, predictions };
}

/** The other half of {@link buildStep}: the gradients. */
export function completeStep({ kind, trace, forward, feeds, measured, predictions }: TracedStep): StepGraph {
  const updates = kind === 'train' ? [...trace.updates.keys()] : [];
  const results = forward.outputs.map((o) => o.value);
  const trained = kind === 'train' ? differentiate(results[updates.length] as Value, trace) : undefined;
  const sampleWeights = feeds.weights.flatMap((v, i) => (v ? [i] : []));
  return {
    graph: { ...forward, outputs: [...(trained?.gradients ?? []), ...results].map(named) },
    inputs: {
      weights: [...trace.weights.keys()],
      x: feeds.x.length,
      y: feeds.y.length,
      sampleWeights,
      randoms: trace.randoms,
    },
    outputs: {
      gradients: trained?.weights ?? [],
      updates,
      losses: measured ? ['loss', ...measured.perOutput.map((l) => l.key)] : [],
      statistics: measured?.statistics ?? [],
      predictions: kind === 'predict' ? predictions.map((p) => p.type) : [],
    },
  };
}

const named = (value: Value, i: number): GraphOutput => ({ name: `out${i}`, value });

interface Measured {
  readonly total: Value;
  readonly perOutput: readonly { readonly key: string; readonly value: Value }[];
  readonly statistics: readonly (Statistic & { readonly value: Value })[];
}

function measure(
  model: Trainable,
  compiled: Compiled,
  feeds: Feeds,
  predictions: readonly Value[],
  trace: Trace,
): Measured {
  const names = outputNames(model, predictions.length);
  const targets = feeds.y.map((v) => v.type);
  const losses = compiled.losses(names);
  const factors = compiled.lossWeights(names);
  const each = losses.map((loss, i) => loss && lossOf(loss, names, i, feeds, predictions));
  const parts: Value[] = each.flatMap((value, i) =>
    value ? [factors[i] === 1 ? value : mul(value, factors[i] as number)] : [],
  );
  parts.push(...trace.losses);
  for (const weight of trace.weights.keys()) {
    const { regularizer } = weight;
    if (regularizer && weight.trainable)
      parts.push(withScope(`${weight.path}/regularizer`, () => regularizer.call(weight.value)));
  }
  const total = parts.length > 0 ? parts.reduce((a, b) => add(a, b)) : scalarConstant(0, 'float32');
  const metrics = compiled.metrics(
    names,
    targets,
    predictions.map((p) => p.type),
  );
  const statistics = metrics.flatMap((metric) => {
    const weight = metric.weighted ? feeds.weights[metric.output] : undefined;
    const values = withScope(`metrics/${metric.key}`, () =>
      metric.metric.update(feeds.y[metric.output] as Value, predictions[metric.output] as Value, weight),
    );
    return Object.entries(values).map(([name, value]) => ({ metric, name, value }));
  });
  const several = losses.filter((l) => l !== undefined).length > 1;
  const perOutput = several
    ? each.flatMap((value, i) => (value ? [{ key: `${names[i]}_loss`, value }] : []))
    : [];
  return { total, perOutput, statistics };
}

function lossOf(
  loss: Loss,
  names: readonly string[],
  i: number,
  feeds: Feeds,
  predictions: readonly Value[],
): Value {
  const [yTrue, yPred] = [feeds.y[i], predictions[i]];
  if (yTrue === undefined || yPred === undefined) {
    throw new ConfigError(`the output "${names[i]}" has a loss but no targets. Give y for each output.`, {
      argument: 'y',
    });
  }
  return withScope(`loss/${names[i]}`, () => {
    try {
      return loss.compute(yTrue, yPred, feeds.weights[i]);
    } catch (error) {
      if (!(error instanceof ShapeError)) throw error;
      throw new ShapeError(
        `loss ${loss.className}: targets of shape ${formatShape(yTrue.shape)} do not fit predictions of shape ` +
          `${formatShape(yPred.shape)} of output "${names[i]}". ${error.message}`,
        {
          op: loss.className,
          expected: formatShape(yPred.shape),
          received: formatShape(yTrue.shape),
          cause: error,
        },
      );
    }
  });
}

/** Gradients of the total loss for the weights that are trained and that it depends on. */
function differentiate(total: Value, trace: Trace): { weights: Weight[]; gradients: Value[] } {
  const entries = [...trace.weights].filter(([weight]) => weight.trainable);
  const found = gradient(
    total,
    entries.map(([, value]) => value),
  );
  const weights: Weight[] = [];
  const gradients: Value[] = [];
  entries.forEach(([weight], i) => {
    const g = found[i];
    if (g === undefined || !sameShape(g.shape, weight.shape)) return;
    weights.push(weight);
    gradients.push(g);
  });
  return { weights, gradients };
}

/** Output names; a model of unknown outputs numbers them. */
export const outputNames = (model: Trainable, count: number): readonly string[] =>
  model.outputNames.length === count
    ? model.outputNames
    : Array.from({ length: count }, (_, i) => `output_${i + 1}`);
