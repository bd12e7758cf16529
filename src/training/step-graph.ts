import { atOnce, type Pieces } from '../core/event-loop.ts';
import type { TensorType } from '../core/shape.ts';
import { formatShape, formatType, sameShape } from '../core/shape.ts';
import { ConfigError, ShapeError } from '../errors.ts';
import { differentiating } from '../ir/autodiff.ts';
import { type Graph, type GraphOutput, input, Value, withScope } from '../ir/graph.ts';
import { type AddedRows, byName } from '../ir/op.ts';
import { optimizing } from '../ir/passes.ts';
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
  /** Order of the outputs: gradients, updates, losses (total first), statistics, predictions, rows of gradients. */
  readonly outputs: {
    readonly gradients: readonly Weight[];
    readonly updates: readonly Weight[];
    /** Log keys: `loss`, then each output's where there are several. */
    readonly losses: readonly string[];
    readonly statistics: readonly Statistic[];
    readonly predictions: readonly TensorType[];
    /** Weights whose gradient is zero but in some rows: two outputs each, the rows' indices and what is added to them. */
    readonly rows: readonly Weight[];
  };
}

/** What a step is for: `train` differentiates and updates, `test` measures, `predict` returns the outputs. */
export type StepKind = 'train' | 'test' | 'predict';

/** One batch, as a training step of your own gets it. */
export interface StepBatch {
  readonly x: readonly Value[];
  readonly y: readonly Value[];
  /** One per output, `undefined` where the batch has none. */
  readonly sampleWeights: readonly (Value | undefined)[];
}

/** Scalars that a step of your own gives: `loss` is minimized, all are reported under their names. */
export interface StepLosses {
  readonly loss: Value;
  readonly [name: string]: Value;
}

/** A step in place of the compiled losses and metrics. */
export type CustomStep = (batch: StepBatch) => StepLosses;

interface Feeds {
  readonly x: readonly Value[];
  readonly y: readonly Value[];
  readonly weights: readonly (Value | undefined)[];
}

/** A step without its gradients yet. */
interface TracedStep {
  readonly kind: StepKind;
  readonly trace: Trace;
  /** What the loss is multiplied by before it is differentiated; the optimizer divides it out. */
  readonly lossScale: number;
  /** Weights of the model that the step reads and the optimizer may change. */
  readonly trained: readonly Weight[];
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
): StepGraph => atOnce(buildingStep(model, compiled, types, kind));

/**
 * {@link buildStep} in pieces.
 * @param sparse - whether gradients that are zero but in some rows are given as these rows
 */
export function* buildingStep(
  model: Trainable,
  compiled: Compiled,
  types: BatchTypes,
  kind: StepKind,
  sparse = false,
): Pieces<StepGraph> {
  const traced = yield* traceStep(model, compiled, types, kind);
  yield;
  const trained = kind === 'train' ? yield* differentiate(traced) : [];
  return completeStep(traced, trained, sparse);
}

/** The forward half. */
function* traceStep(
  model: Trainable,
  compiled: Compiled,
  types: BatchTypes,
  kind: StepKind,
): Pieces<TracedStep> {
  const trace = new Trace(kind === 'train');
  const feeds: Feeds = {
    x: types.x.map((type, i) => input(`x${i}`, type)),
    y: kind === 'predict' ? [] : types.y.map((type, i) => input(`y${i}`, type)),
    weights:
      kind === 'predict' ? [] : types.weights.map((type, i) => type && input(`sampleWeight${i}`, type)),
  };
  const custom = customStep(model, compiled, kind);
  const predictions = custom
    ? []
    : withTrace(trace, () => model.invoke(feeds.x, { training: kind === 'train' }));
  yield;
  const measured =
    kind === 'predict'
      ? undefined
      : withTrace(trace, () =>
          custom
            ? measureCustom(custom, feeds, model, trace)
            : measure(model, compiled, feeds, predictions, trace),
        );
  yield;
  const own = new Set([...model.weights, ...model.states]);
  for (const weight of trace.updates.keys()) if (!own.has(weight)) trace.updates.delete(weight);
  // simplified before it is differentiated: what the forward pass sheds has no gradient to compute
  const forward = yield* optimizing({
    name: kind,
    inputs: [
      ...trace.weights.values(),
      ...feeds.x,
      ...feeds.y,
      ...feeds.weights.filter((v) => v !== undefined),
      ...trace.randoms.map((r) => r.value),
    ],
    outputs: [
      ...trace.updates.values(),
      ...(measured ? [measured.total, ...measured.perOutput.map((l) => l.value)] : []),
      ...(measured?.statistics ?? []).map((s) => s.value),
      ...(kind === 'predict' ? predictions : []),
    ].map(named),
  });
  const trained = model.trainableWeights.filter((weight) => trace.weights.has(weight));
  const lossScale = compiled.optimizer.options.lossScaleFactor ?? 1;
  return { kind, trace, lossScale, trained, forward, feeds, measured, predictions };
}

/** Both halves as one graph. */
function completeStep(traced: TracedStep, trained: readonly Trained[], sparse: boolean): StepGraph {
  const { kind, trace, forward, feeds, measured, predictions } = traced;
  const updates = [...trace.updates.keys()];
  const results = forward.outputs.map((o) => o.value);
  const added = trained.map(({ gradient }) => (sparse ? rowsOf(gradient) : undefined));
  const dense = trained.filter((_, i) => added[i] === undefined);
  const rows = added.flatMap((part) => (part ? [part.indices, part.rows] : []));
  const sampleWeights = feeds.weights.flatMap((v, i) => (v ? [i] : []));
  return {
    graph: {
      ...forward,
      outputs: [...dense.map((t) => t.gradient), ...results, ...rows].map(named),
    },
    inputs: {
      weights: [...trace.weights.keys()],
      x: feeds.x.length,
      y: feeds.y.length,
      sampleWeights,
      randoms: trace.randoms,
    },
    outputs: {
      gradients: dense.map((t) => t.weight),
      updates,
      losses: measured ? ['loss', ...measured.perOutput.map((l) => l.key)] : [],
      statistics: measured?.statistics ?? [],
      predictions: kind === 'predict' ? predictions.map((p) => p.type) : [],
      rows: trained.flatMap(({ weight }, i) => (added[i] ? [weight] : [])),
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
  parts.push(...furtherLosses(model, trace));
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

/** What layers and regularizers add to the loss. */
function furtherLosses(model: Trainable, trace: Trace): Value[] {
  const losses = [...trace.losses];
  for (const weight of model.trainableWeights) {
    const { regularizer } = weight;
    if (regularizer && trace.weights.has(weight))
      losses.push(withScope(`${weight.path}/regularizer`, () => regularizer.call(weight.value)));
  }
  return losses;
}

/** The user's own step, where there is one. */
function customStep(model: Trainable, compiled: Compiled, kind: StepKind): CustomStep | undefined {
  if (kind === 'predict') return undefined;
  if (kind === 'train') return compiled.customStep ?? model.trainStep?.bind(model);
  return model.testStep?.bind(model);
}

function measureCustom(custom: CustomStep, feeds: Feeds, model: Trainable, trace: Trace): Measured {
  const { loss, ...others } = custom({ x: feeds.x, y: feeds.y, sampleWeights: feeds.weights });
  for (const [name, value] of Object.entries({ loss, ...others })) {
    if (value instanceof Value && value.rank === 0 && value.dtype === 'float32') continue;
    const received = value instanceof Value ? formatType(value.type) : typeof value;
    throw new ShapeError(
      `trainStep: "${name}" must be a float32 scalar of the graph. Received ${received}; reduce it, e.g. with tfk.ops.reduceMean.`,
      { op: 'trainStep', argument: name, expected: 'float32[]', received },
    );
  }
  return {
    total: furtherLosses(model, trace).reduce((a, b) => add(a, b), loss),
    perOutput: Object.entries(others).map(([key, value]) => ({ key, value })),
    statistics: [],
  };
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

/** A weight and the gradient of the total loss for it. */
interface Trained {
  readonly weight: Weight;
  readonly gradient: Value;
}

/** Gradients of the total loss for the weights that are trained and that it depends on. */
function* differentiate({ trained, trace, lossScale, forward }: TracedStep): Pieces<Trained[]> {
  const total = forward.outputs[trace.updates.size]?.value as Value;
  const found = yield* differentiating(
    lossScale === 1 ? total : mul(total, lossScale),
    trained.map((weight) => trace.weights.get(weight) as Value),
  );
  return trained.flatMap((weight, i) => {
    const g = found[i];
    return g !== undefined && sameShape(g.shape, weight.shape) ? [{ weight, gradient: g }] : [];
  });
}

/** The rows that make a gradient, where it is zero elsewhere. */
function rowsOf({ node: { kind, inputs } }: Value): AddedRows | undefined {
  return typeof kind === 'string' ? undefined : kind.rows?.(byName(kind, inputs, (v) => v));
}

/** Output names; a model of unknown outputs numbers them. */
export const outputNames = (model: Trainable, count: number): readonly string[] =>
  model.outputNames.length === count
    ? model.outputNames
    : Array.from({ length: count }, (_, i) => `output_${i + 1}`);
