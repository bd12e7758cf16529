import { z } from 'zod';
import { parseOptions } from '../core/configured.ts';
import { allocate, isFloat } from '../core/dtype.ts';
import { nextRandom } from '../core/seed.ts';
import { sizeOf, type TensorType } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { ConfigError } from '../errors.ts';
import { type Callback, CallbackList, type History, type Logs, type RunControl } from './callback.ts';
import { Compiled, type CompileOptions } from './compile.ts';
import {
  type BatchSource,
  checkFinite,
  type DataLike,
  type DataSpec,
  type Dataset,
  isBatchSource,
  makeDataset,
  splitDataset,
  type TargetsLike,
  type WeightsLike,
  weightsOfClasses,
} from './data.ts';
import { ArrayFeeder, type Feed, type Feeder, StreamFeeder, typesKey } from './feeder.ts';
import { ParameterStore } from './parameters.ts';
import { defaultCallbacks } from './progress.ts';
import { RunningResults } from './results.ts';
import { Step, yieldToEventLoop } from './step.ts';
import type { BatchTypes, StepKind } from './step-graph.ts';
import { outputNames } from './step-graph.ts';
import type { Trainable } from './trainable.ts';

const count = z.int('expected a whole number').min(1);
const verbosity = z.union([z.literal(0), z.literal(1), z.literal(2), z.literal('auto')]).default('auto');
const common = z.strictObject({
  batchSize: count.default(32),
  verbose: verbosity,
  callbacks: z.array(z.custom<Callback>()).default([]),
});
const fitSchema = common.extend({
  epochs: count.default(1),
  initialEpoch: z.int().min(0).default(0),
  shuffle: z.boolean().default(true),
  validationSplit: z.number().min(0).lt(1).default(0),
  validationData: z.unknown().optional(),
  validationBatchSize: count.optional(),
  validationSteps: count.optional(),
  validationFreq: z.union([count, z.array(count)]).default(1),
  stepsPerEpoch: count.optional(),
  classWeight: z.record(z.string(), z.number()).optional(),
  sampleWeight: z.unknown().optional(),
});
const evaluateSchema = common.extend({ sampleWeight: z.unknown().optional(), steps: count.optional() });
const predictSchema = common.extend({ steps: count.optional() });

/** Validation data: `[x, y]`, `[x, y, sampleWeight]` or batches. */
export type ValidationData =
  | readonly [DataLike, TargetsLike]
  | readonly [DataLike, TargetsLike, WeightsLike]
  | BatchSource;

/** Options of `fit`; names and defaults are Keras's. */
export type FitOptions = Omit<
  Partial<z.input<typeof fitSchema>>,
  'validationData' | 'sampleWeight' | 'classWeight'
> & {
  readonly validationData?: ValidationData;
  readonly sampleWeight?: WeightsLike;
  /** Weight of each class in the loss; 1 where not given. */
  readonly classWeight?: Readonly<Record<number, number>>;
};
/** Options of `evaluate`. */
export type EvaluateOptions = Omit<Partial<z.input<typeof evaluateSchema>>, 'sampleWeight'> & {
  readonly sampleWeight?: WeightsLike;
};
/** Options of `predict`. */
export type PredictOptions = Partial<z.input<typeof predictSchema>>;

type Kept = 'train' | 'test' | 'predict';
const progressMs = 50;
/** How long short steps may go on before the event loop gets its turn. */
const sliceMs = 4;
/** Elements looked through for NaN between two turns of the event loop. */
const finiteSlice = 1 << 22;

/** Drives a compiled model: feeds batches to native steps, updates weights, keeps results, calls callbacks. */
export class Trainer {
  readonly compiled: Compiled;
  readonly #model: Trainable;
  readonly #steps = new Map<string, Promise<Step>>();
  readonly #found = new Map<BatchTypes, Map<StepKind, Step>>();
  #store: ParameterStore | undefined;
  #busy: string | undefined;

  constructor(model: Trainable, options: CompileOptions) {
    this.#model = model;
    this.compiled = new Compiled(options);
  }

  /** Parameters and optimizer state, once training has begun. */
  get store(): ParameterStore | undefined {
    return this.#store;
  }

  /** The parameters in their arena, made on first use (and again when layers were frozen). The model must be built. */
  async ensureStore(): Promise<ParameterStore> {
    if (this.#store?.holds(this.#model)) return this.#store;
    this.dispose();
    this.#store = await ParameterStore.create(this.#model, this.compiled);
    return this.#store;
  }

  /** Learning rate of the next step. @throws {@link ConfigError} when it is set while a schedule decides it */
  get learningRate(): number {
    return this.#store?.learningRate ?? this.compiled.optimizer.learningRateAt(0);
  }

  set learningRate(value: number) {
    if (this.#store === undefined)
      throw new ConfigError('The learning rate can be set once training has begun.', {
        argument: 'learningRate',
      });
    this.#store.learningRate = value;
  }

  /** Keras's `fit`. */
  fit(x: DataLike | BatchSource, y: TargetsLike | undefined, given: FitOptions): Promise<History> {
    return this.#exclusively('fit', async () => {
      const options = parseOptions(fitSchema, given, 'fit');
      this.#requireLoss('fit');
      let validation = given.validationData;
      let feeder: Feeder;
      if (isBatchSource(x)) {
        refuseForStreams(given, ['classWeight', 'sampleWeight', 'validationSplit'], y);
        feeder = new StreamFeeder(x, this.#spec(), options.stepsPerEpoch);
      } else {
        let data = await this.#dataset(x, y, this.#weights(given, y));
        if (options.validationSplit > 0 && validation === undefined) {
          const [train, held] = splitDataset(data, options.validationSplit);
          data = train;
          validation = datasetAsValidation(held);
        }
        feeder = new ArrayFeeder(
          data,
          options.batchSize,
          options.shuffle ? nextRandom() : undefined,
          options.stepsPerEpoch,
        );
      }
      return this.#epochs(feeder, await this.#validationFeeder(validation, options), options);
    });
  }

  async #epochs(
    feeder: Feeder,
    validation: Feeder | undefined,
    options: z.output<typeof fitSchema>,
  ): Promise<History> {
    const history: History = {};
    let stopped = false;
    const run = this.#control(
      options,
      feeder.steps,
      history,
      () => stopped,
      () => {
        stopped = true;
      },
    );
    const callbacks = new CallbackList([...options.callbacks, ...defaultCallbacks(run.info.verbose)], run);
    let logs: Logs = {};
    await callbacks.call('onTrainBegin', {});
    for (let epoch = options.initialEpoch; epoch < options.epochs && !stopped; epoch++) {
      await callbacks.call('onEpochBegin', epoch, {});
      logs = await this.#runSteps('train', feeder, callbacks, () => stopped);
      if (validation !== undefined && dueEpoch(options.validationFreq, epoch)) {
        await callbacks.call('onTestBegin', {});
        const measured = await this.#runSteps('test', validation, callbacks, () => false);
        await callbacks.call('onTestEnd', measured);
        for (const [key, value] of Object.entries(measured)) logs[`val_${key}`] = value;
      }
      record(history, logs);
      await callbacks.call('onEpochEnd', epoch, logs);
    }
    await callbacks.call('onTrainEnd', logs);
    return history;
  }

  /** Keras's `evaluate`. */
  evaluate(x: DataLike | BatchSource, y: TargetsLike | undefined, given: EvaluateOptions): Promise<Logs> {
    return this.#exclusively('evaluate', async () => {
      const options = parseOptions(evaluateSchema, given, 'evaluate');
      this.#requireLoss('evaluate');
      const feeder = isBatchSource(x)
        ? new StreamFeeder(x, this.#spec(), options.steps)
        : new ArrayFeeder(
            await this.#dataset(x, y, given.sampleWeight),
            options.batchSize,
            undefined,
            options.steps,
          );
      const run = this.#control(
        { ...options, epochs: 1 },
        feeder.steps,
        {},
        () => false,
        () => {},
      );
      const callbacks = new CallbackList([...options.callbacks, ...defaultCallbacks(run.info.verbose)], run);
      await callbacks.call('onTestBegin', {});
      const logs = await this.#runSteps('test', feeder, callbacks, () => false);
      await callbacks.call('onTestEnd', logs);
      return logs;
    });
  }

  /** Keras's `predict`. */
  predict(x: DataLike | BatchSource, given: PredictOptions): Promise<Tensor | Tensor[]> {
    return this.#exclusively('predict', async () => {
      const options = parseOptions(predictSchema, given, 'predict');
      const feeder = isBatchSource(x)
        ? new StreamFeeder(x, this.#spec(), options.steps)
        : new ArrayFeeder(
            makeDataset(this.#spec(), x, undefined, undefined),
            options.batchSize,
            undefined,
            options.steps,
          );
      const run = this.#control(
        { ...options, verbose: 0, epochs: 1 },
        feeder.steps,
        {},
        () => false,
        () => {},
      );
      const callbacks = new CallbackList(options.callbacks, run);
      const parts: Step['predictions'][] = [];
      let types: readonly TensorType[] = [];
      await callbacks.call('onPredictBegin', {});
      await this.#runSteps(
        'predict',
        feeder,
        callbacks,
        () => false,
        (step) => {
          types = step.step.outputs.predictions;
          parts.push(step.predictions.map((p) => p.slice()));
        },
      );
      await callbacks.call('onPredictEnd', {});
      const outputs = types.map((type, i) =>
        concatenate(
          type,
          parts.map((p) => p[i] as Step['predictions'][0]),
        ),
      );
      return outputs.length === 1 ? (outputs[0] as Tensor) : outputs;
    });
  }

  /** One update on one batch. */
  trainOnBatch(
    x: DataLike,
    y: TargetsLike | undefined,
    given: Pick<FitOptions, 'sampleWeight' | 'classWeight'>,
  ): Promise<Logs> {
    return this.#oneBatch('train', x, y, this.#weights(given, y));
  }

  /** Loss and metrics of one batch. */
  testOnBatch(
    x: DataLike,
    y: TargetsLike | undefined,
    given: Pick<FitOptions, 'sampleWeight'>,
  ): Promise<Logs> {
    return this.#oneBatch('test', x, y, given.sampleWeight);
  }

  #oneBatch(
    kind: 'train' | 'test',
    x: DataLike,
    y: TargetsLike | undefined,
    weights: WeightsLike | undefined,
  ): Promise<Logs> {
    return this.#exclusively(`${kind}OnBatch`, async () => {
      this.#requireLoss(`${kind}OnBatch`);
      const data = await this.#dataset(x, y, weights);
      const feeder = new ArrayFeeder(data, data.size);
      return this.#runSteps(kind, feeder, undefined, () => false);
    });
  }

  /**
   * Runs the batches of one epoch. Short steps run in slices of a few milliseconds, then the event loop gets its turn;
   * long ones run beside it.
   */
  async #runSteps(
    kind: Kept,
    feeder: Feeder,
    callbacks: CallbackList | undefined,
    stopped: () => boolean,
    collect?: (step: Step) => void,
  ): Promise<Logs> {
    const results = new RunningResults();
    const [begin, end] = batchHooks[kind];
    const wantsBegin = begin !== undefined && callbacks?.wants(begin) === true;
    const wantsEnd = callbacks?.wants(end) === true;
    const wantsProgress = callbacks?.wants('onProgress') === true && kind !== 'predict';
    let sliceStart = performance.now();
    let progressAt = sliceStart;
    feeder.begin();
    for (let batch = 0; (feeder.steps === undefined || batch < feeder.steps) && !stopped(); batch++) {
      const next = feeder.next();
      const feed = next instanceof Promise ? await next : next;
      if (feed === undefined) break;
      const step = this.#lookup(kind, feed) ?? (await this.#compileStep(kind, feed));
      feed.fill(step);
      if (wantsBegin) await callbacks.call(begin, batch, {});
      const running = this.#runOne(step);
      if (running !== undefined) await running;
      const constraining = kind === 'train' ? this.#store?.apply() : undefined;
      if (constraining !== undefined) await constraining;
      results.add(step);
      collect?.(step);
      if (wantsEnd) await callbacks.call(end, batch, results.logs());
      const now = performance.now();
      if (wantsProgress && now - progressAt >= progressMs) {
        progressAt = now;
        await callbacks.call('onProgress', batch, results.logs());
      }
      if (running !== undefined || now - sliceStart >= sliceMs) {
        if (running === undefined) await yieldToEventLoop();
        sliceStart = performance.now();
      }
    }
    return results.logs();
  }

  #runOne(step: Step): Promise<void> | undefined {
    if (step.kind === 'train' && this.#store) step.random.fill(this.#store.key, this.#store.iterations);
    return step.run();
  }

  #lookup(kind: StepKind, feed: Feed): Step | undefined {
    return this.#found.get(feed.types)?.get(kind);
  }

  /** The step for a batch shape: from the cache, or built now. */
  async #compileStep(kind: StepKind, feed: Feed): Promise<Step> {
    const model = this.#model;
    if (!model.built)
      model.inferOutputs(
        feed.types.x.map(({ dtype, shape }) => ({ dtype, shape: [null, ...shape.slice(1)] })),
      );
    const store = kind === 'train' ? await this.ensureStore() : undefined;
    const key = `${kind} ${typesKey(feed.types)}`;
    let pending = this.#steps.get(key);
    if (pending === undefined) {
      pending = Step.create(model, this.compiled, feed.types, kind, store);
      this.#steps.set(key, pending);
      pending.catch(() => this.#steps.delete(key));
    }
    const step = await pending;
    step.prepare();
    const kinds = this.#found.get(feed.types) ?? new Map<StepKind, Step>();
    this.#found.set(feed.types, kinds.set(kind, step));
    return step;
  }

  /** One run at a time on one model; two models may train at once. */
  async #exclusively<T>(what: string, body: () => Promise<T>): Promise<T> {
    if (this.#busy !== undefined && this.#busy !== 'fit') {
      throw new ConfigError(`${what}: the model is busy with ${this.#busy}; await it first.`, { op: what });
    }
    if (this.#busy === 'fit' && (what === 'fit' || what === 'trainOnBatch')) {
      throw new ConfigError(`${what}: the model is already training; await that first.`, { op: what });
    }
    const outer = this.#busy;
    this.#busy ??= what;
    this.#found.clear(); // weights may have moved: steps are tied to them anew
    try {
      return await body();
    } finally {
      this.#busy = outer;
    }
  }

  #spec(): DataSpec {
    const model = this.#model;
    return {
      inputNames: model.inputNames,
      inputShapes: model.inputs.map((x) => x.shape),
      outputNames: model.outputNames,
    };
  }

  /** Checked data in one form; labels are compared with what the model puts out. */
  async #dataset(
    x: DataLike,
    y: TargetsLike | undefined,
    weights: WeightsLike | undefined,
  ): Promise<Dataset> {
    const data = makeDataset(this.#spec(), x, y, weights);
    for (const [name, list] of [
      ['x', data.x],
      ['y', data.y],
    ] as const) {
      for (const t of list) await checkFiniteInSlices(name, t);
    }
    const model = this.#model;
    const outputs = model.inferOutputs(
      data.x.map(({ dtype, shape }) => ({ dtype, shape: [null, ...shape.slice(1)] })),
    );
    const names = outputNames(model, outputs.length);
    this.compiled.losses(names).forEach((loss, i) => {
      const target = data.y[i];
      if (loss && target) loss.checkTargets(target, (outputs[i] as { shape: readonly number[] }).shape);
    });
    return data;
  }

  #weights(
    given: Pick<FitOptions, 'sampleWeight' | 'classWeight'>,
    y: TargetsLike | undefined,
  ): WeightsLike | undefined {
    if (given.classWeight === undefined) return given.sampleWeight;
    if (given.sampleWeight !== undefined) {
      throw new ConfigError('fit: give either classWeight or sampleWeight, not both.', {
        argument: 'classWeight',
      });
    }
    const targets = makeDataset(
      { inputNames: [], inputShapes: [], outputNames: [] },
      y as DataLike,
      undefined,
      undefined,
    );
    return weightsOfClasses(targets.x, given.classWeight);
  }

  async #validationFeeder(
    data: ValidationData | undefined,
    options: z.output<typeof fitSchema>,
  ): Promise<Feeder | undefined> {
    if (data === undefined) return undefined;
    if (!Array.isArray(data) && isBatchSource(data))
      return new StreamFeeder(data, this.#spec(), options.validationSteps);
    const [x, y, weights] = data as readonly [DataLike, TargetsLike, WeightsLike?];
    const batchSize = options.validationBatchSize ?? options.batchSize;
    return new ArrayFeeder(await this.#dataset(x, y, weights), batchSize, undefined, options.validationSteps);
  }

  #requireLoss(what: string): void {
    if (this.compiled.source.loss) return;
    throw new ConfigError(
      `${what}: the model was compiled without a loss. Pass one: model.compile({ loss: 'mse' }).`,
      {
        argument: 'loss',
      },
    );
  }

  #control(
    options: { readonly epochs: number; readonly verbose: 0 | 1 | 2 | 'auto' },
    steps: number | undefined,
    history: History,
    isStopped: () => boolean,
    stop: () => void,
  ): RunControl {
    const trainer = this;
    const verbose = options.verbose === 'auto' ? (process.stdout.isTTY ? 1 : 2) : options.verbose;
    return {
      model: this.#model as RunControl['model'],
      stop,
      get stopped() {
        return isStopped();
      },
      get learningRate() {
        return trainer.learningRate;
      },
      set learningRate(value: number) {
        trainer.learningRate = value;
      },
      info: { epochs: options.epochs, steps, verbose, directions: () => this.#directions() },
      history,
    };
  }

  #directions(): Record<string, 'max' | 'min' | undefined> {
    const steps = [...this.#found.values()].flatMap((kinds) => [...kinds.values()]);
    const statistics = steps.flatMap((s) => s.step.outputs.statistics);
    return Object.fromEntries(statistics.map(({ metric }) => [metric.key, metric.metric.direction]));
  }

  /** Releases native sessions. */
  dispose(): void {
    this.#store?.dispose();
    for (const step of this.#steps.values())
      step.then(
        (s) => s.dispose(),
        () => {},
      );
    this.#steps.clear();
    this.#found.clear();
  }
}

const batchHooks = {
  train: ['onTrainBatchBegin', 'onTrainBatchEnd'],
  test: [undefined, 'onTestBatchEnd'],
  predict: [undefined, 'onPredictBatchEnd'],
} as const;

function record(history: History, logs: Logs): void {
  for (const [key, value] of Object.entries(logs)) {
    const values = history[key] ?? [];
    history[key] = values;
    values.push(value);
  }
}

const dueEpoch = (freq: number | readonly number[], epoch: number): boolean =>
  typeof freq === 'number' ? (epoch + 1) % freq === 0 : freq.includes(epoch + 1);

const datasetAsValidation = (d: Dataset): ValidationData =>
  d.weights.length > 0 ? [d.x, d.y, d.weights.map((w) => w ?? null)] : [d.x, d.y];

function refuseForStreams(given: FitOptions, keys: readonly (keyof FitOptions)[], y: unknown): void {
  const key = keys.find((k) => given[k] !== undefined);
  if (key !== undefined || y !== undefined) {
    throw new ConfigError(
      `fit: "${key ?? 'y'}" cannot be given with an iterable of batches; let the iterable give [x, y, sampleWeight].`,
      { argument: key ?? 'y' },
    );
  }
}

async function checkFiniteInSlices(name: string, t: Tensor): Promise<void> {
  if (!isFloat(t.dtype)) return;
  const rows = t.shape[0] as number;
  const perSlice = Math.max(1, Math.floor(finiteSlice / Math.max(1, t.size / rows)));
  for (let start = 0; start < rows; start += perSlice) {
    checkFinite(name, t.rows(start, Math.min(rows, start + perSlice)), start);
    if (rows > perSlice) await yieldToEventLoop();
  }
}

function concatenate(type: TensorType, parts: readonly Step['predictions'][0][]): Tensor {
  const total = parts.reduce((n, p) => n + p.length, 0);
  const row = Math.max(1, sizeOf(type.shape.slice(1)));
  const joined = allocate(type.dtype, total) as Float32Array;
  let at = 0;
  for (const part of parts) {
    joined.set(part as Float32Array, at);
    at += part.length;
  }
  return new Tensor(type.dtype, [total / row, ...type.shape.slice(1)], joined);
}
