import type * as z from 'zod';
import { parseOptions } from '../core/configured.ts';
import { yieldToEventLoop } from '../core/event-loop.ts';
import { nextRandom } from '../core/seed.ts';
import { concatenateRows, type Tensor } from '../core/tensor.ts';
import { ConfigError, TfkError } from '../errors.ts';
import type { Weight } from '../layers/weight.ts';
import { CallbackList, type History, type Logs, type RunControl } from './callback.ts';
import { Compiled, type CompileOptions } from './compile.ts';
import {
  type BatchSource,
  type DataLike,
  type DataSpec,
  type Dataset,
  isBatchSource,
  makeDataset,
  splitDataset,
  type TargetsLike,
  type WeightsLike,
} from './data.ts';
import { type Epoch, runEpoch } from './epoch.ts';
import { ArrayFeeder, type Feeder, StreamFeeder } from './feeder.ts';
import { FitRun, type RunSwitches } from './fit-run.ts';
import { explainNonFinite } from './non-finite.ts';
import {
  type EvaluateOptions,
  evaluateSchema,
  type FitOptions,
  fitSchema,
  type PredictOptions,
  predictSchema,
  refuseForStreams,
  type ValidationData,
  withClassWeights,
} from './options.ts';
import type { ParameterStore } from './parameters.ts';
import { prepareDataset } from './prepare.ts';
import { PreparedPrediction } from './prepared-prediction.ts';
import { Profile } from './profile.ts';
import { defaultCallbacks } from './progress.ts';
import type { Step } from './step.ts';
import { StepCache } from './step-cache.ts';
import type { StepKind } from './step-graph.ts';
import type { Trainable } from './trainable.ts';

/** Drives a compiled model: feeds batches to native steps, updates weights, keeps results, calls callbacks. */
export class Trainer {
  readonly compiled: Compiled;
  readonly #model: Trainable;
  readonly #steps: StepCache;
  readonly #running = new Set<{ readonly what: string }>();
  /** The last prediction, where it may be repeated. */
  #prepared: PreparedPrediction | undefined;

  constructor(model: Trainable, options: CompileOptions) {
    this.#model = model;
    this.compiled = new Compiled(options);
    this.#steps = new StepCache(model, this.compiled);
  }

  /** Parameters and optimizer state, once training has begun. */
  get store(): ParameterStore | undefined {
    return this.#steps.store;
  }

  /** The parameters in their arena, made on first use. The model must be built. */
  ensureStore(): Promise<ParameterStore> {
    return this.#steps.ensureStore();
  }

  /** Learning rate of the next step. @throws {@link ConfigError} when it is set while a schedule decides it */
  get learningRate(): number {
    return this.#steps.learningRate;
  }

  set learningRate(value: number) {
    this.#steps.learningRate = value;
  }

  /** Keras's `fit`. */
  fit(x: DataLike | BatchSource, y: TargetsLike | undefined, given: FitOptions): Promise<History> {
    return this.#exclusively('fit', async () => {
      const options = parseOptions(fitSchema, given, 'fit');
      await yieldToEventLoop();
      this.#requireLoss('fit', 'train');
      let validation = given.validationData;
      let feeder: Feeder;
      if (isBatchSource(x)) {
        refuseForStreams(given, ['classWeight', 'sampleWeight', 'validationSplit'], y);
        feeder = new StreamFeeder(x, this.#spec(), options.stepsPerEpoch);
      } else {
        let data = await this.#dataset(x, y, given.sampleWeight);
        if (options.validationSplit > 0 && validation === undefined) {
          const [train, held] = splitDataset(data, options.validationSplit);
          data = train;
          validation = datasetAsValidation(held);
        }
        feeder = new ArrayFeeder(
          withClassWeights(data, given),
          options.batchSize,
          options.shuffle ? nextRandom() : undefined,
          options.stepsPerEpoch,
        );
      }
      const watch = { onNonFinite: this.#warner() };
      await yieldToEventLoop();
      try {
        const validationFeeder = await this.#validationFeeder(validation, options);
        if (options.profile !== undefined) this.#steps.startProfile(await Profile.open(options.profile));
        return await new FitRun({
          model: this.#model,
          steps: this.#steps,
          feeder,
          validation: validationFeeder,
          options,
          run: (kind, data, more) => this.#run(kind, data, { ...more, ...(kind === 'train' && watch) }),
          control: (switches) =>
            this.#control({ ...options, validates: validationFeeder !== undefined }, feeder.steps, switches),
        }).train();
      } finally {
        await this.#steps.endProfile();
        await feeder.end();
      }
    });
  }

  /** Keras's `evaluate`. */
  evaluate(x: DataLike | BatchSource, y: TargetsLike | undefined, given: EvaluateOptions): Promise<Logs> {
    return this.#exclusively('evaluate', async () => {
      const options = parseOptions(evaluateSchema, given, 'evaluate');
      this.#requireLoss('evaluate', 'test');
      const feeder = isBatchSource(x)
        ? new StreamFeeder(x, this.#spec(), options.steps)
        : new ArrayFeeder(
            await this.#dataset(x, y, given.sampleWeight),
            options.batchSize,
            undefined,
            options.steps,
          );
      const run = this.#control({ ...options, epochs: 1 }, feeder.steps, atRest);
      const callbacks = new CallbackList([...options.callbacks, ...defaultCallbacks(run.info.verbose)], run);
      await callbacks.call('onTestBegin', {});
      const logs = await this.#run('test', feeder, { callbacks });
      await callbacks.call('onTestEnd', logs);
      return logs;
    });
  }

  /** Keras's `predict`. */
  predict(x: DataLike | BatchSource, given: PredictOptions): Promise<Tensor | Tensor[]> {
    return this.#exclusively('predict', async () => {
      const again = await this.#prepared?.run(x, given, this.#steps.weightsNow());
      if (again !== undefined) return oneOrAll(again);
      const options = parseOptions(predictSchema, given, 'predict');
      const feeder = isBatchSource(x)
        ? new StreamFeeder(x, this.#spec(), options.steps)
        : new ArrayFeeder(
            makeDataset(this.#spec(), x, undefined, undefined),
            options.batchSize,
            undefined,
            options.steps,
          );
      const callbacks =
        options.callbacks.length > 0
          ? new CallbackList(
              options.callbacks,
              this.#control({ ...options, verbose: 0, epochs: 1 }, feeder.steps, atRest),
            )
          : undefined;
      const parts: Tensor[][] = [];
      await callbacks?.call('onPredictBegin', {});
      const collect = (step: Step): void => {
        parts.push(step.predictions());
        this.#prepared =
          parts.length === 1 ? PreparedPrediction.of(x, given, step, this.#steps.weightsNow()) : undefined;
      };
      await this.#run('predict', feeder, { callbacks, collect });
      await callbacks?.call('onPredictEnd', {});
      return oneOrAll(joined(parts));
    });
  }

  /** One update on one batch. */
  trainOnBatch(
    x: DataLike,
    y: TargetsLike | undefined,
    given: Pick<FitOptions, 'sampleWeight' | 'classWeight'>,
  ): Promise<Logs> {
    return this.#oneBatch('train', x, y, given);
  }

  /** Loss and metrics of one batch. */
  testOnBatch(
    x: DataLike,
    y: TargetsLike | undefined,
    given: Pick<FitOptions, 'sampleWeight'>,
  ): Promise<Logs> {
    return this.#oneBatch('test', x, y, given);
  }

  #oneBatch(
    kind: 'train' | 'test',
    x: DataLike,
    y: TargetsLike | undefined,
    given: Pick<FitOptions, 'sampleWeight' | 'classWeight'>,
  ): Promise<Logs> {
    return this.#exclusively(`${kind}OnBatch`, async () => {
      this.#requireLoss(`${kind}OnBatch`, kind);
      const data = withClassWeights(await this.#dataset(x, y, given.sampleWeight), given);
      const feeder = new ArrayFeeder(data, data.size);
      return this.#run(kind, feeder);
    });
  }

  /** One pass over data. */
  #run(kind: StepKind, feeder: Feeder, more: Partial<Epoch> = {}): Promise<Logs> {
    return runEpoch({ kind, feeder, steps: this.#steps, repeats: this.compiled.stepsPerExecution, ...more });
  }

  /** Says once in which layer the loss stopped being a number. */
  #warner(): NonNullable<Epoch['onNonFinite']> {
    let told = false;
    return async (step, batch) => {
      if (told) return;
      told = true;
      const where = await explainNonFinite(step, this.compiled);
      const loss = step.memory.losses[0]?.find((value) => !Number.isFinite(value));
      process.emitWarning(
        `fit: the loss is ${loss} at step ${batch + 1} of the epoch. ${where}`,
        'TfkWarning',
      );
    };
  }

  /** What the model does now, e.g. `fit`; nothing at rest. */
  get busy(): string | undefined {
    return [...this.#running].map((run) => run.what).join(' and ') || undefined;
  }

  /** One run at a time on one model, and one look at it from a callback of `fit`; two models may train at once. */
  async #exclusively<T>(what: string, body: () => Promise<T>): Promise<T> {
    const [outer] = this.#running;
    const nested = outer?.what === 'fit' && what !== 'fit' && what !== 'trainOnBatch';
    if (this.#running.size > (nested ? 1 : 0)) {
      throw new ConfigError(`${what}: the model is busy with ${this.busy}; await that first.`, { op: what });
    }
    const run = { what };
    this.#running.add(run);
    this.#steps.refresh();
    try {
      return await body();
    } finally {
      this.#running.delete(run);
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

  #dataset(x: DataLike, y: TargetsLike | undefined, weights: WeightsLike | undefined): Promise<Dataset> {
    return prepareDataset(this.#model, this.compiled, makeDataset(this.#spec(), x, y, weights));
  }

  async #validationFeeder(
    data: ValidationData | undefined,
    options: z.output<typeof fitSchema>,
  ): Promise<Feeder | undefined> {
    if (data === undefined) return undefined;
    if (!Array.isArray(data) && isBatchSource(data))
      return new StreamFeeder(data, this.#spec(), options.validationSteps);
    const [x, y, weights] = data as readonly [DataLike, TargetsLike?, WeightsLike?];
    const batchSize = options.validationBatchSize ?? options.batchSize;
    try {
      const checked = await this.#dataset(x, y, weights);
      return new ArrayFeeder(checked, batchSize, undefined, options.validationSteps);
    } catch (error) {
      throw error instanceof TfkError ? error.within('validationData') : error;
    }
  }

  #requireLoss(what: string, kind: 'train' | 'test'): void {
    if (this.compiled.source.loss || this.#model[`${kind}Step`]) return;
    throw new ConfigError(
      `${what}: the model was compiled without a loss. Pass one: model.compile({ loss: 'mse' }).`,
      { argument: 'loss' },
    );
  }

  #control(
    options: { readonly epochs: number; readonly verbose: 0 | 1 | 2 | 'auto'; readonly validates?: boolean },
    steps: number | undefined,
    switches: RunSwitches,
  ): RunControl {
    const trainer = this;
    const verbose = options.verbose === 'auto' ? (process.stdout.isTTY ? 1 : 2) : options.verbose;
    return {
      model: this.#model as RunControl['model'],
      stop: () => switches.stop(),
      get stopped() {
        return switches.stopped;
      },
      interrupt: () => switches.interrupt(),
      get interrupted() {
        return switches.interrupted;
      },
      state: () => switches.state(),
      get learningRate() {
        return trainer.learningRate;
      },
      set learningRate(value: number) {
        trainer.learningRate = value;
      },
      gradient: (weight) => trainer.#gradientOf(weight),
      swapAverages: () => trainer.#swapAverages(),
      retrain: () => trainer.#steps.renewStore(),
      info: {
        epochs: options.epochs,
        steps,
        validates: options.validates ?? false,
        verbose,
        directions: () => ({ ...switches.directions, ...this.#directions() }),
      },
      history: switches.history,
    };
  }

  #gradientOf(weight: Weight): Float32Array | undefined {
    const isSingle = this.#steps.steps.some(
      ({ kind, repeats, step: { outputs } }) =>
        kind === 'train' && repeats === 1 && [...outputs.gradients, ...outputs.rows].includes(weight),
    );
    return isSingle && this.store?.hasKernel ? (this.store.gradient(weight) as Float32Array) : undefined;
  }

  #swapAverages(): void {
    if (this.store === undefined) {
      throw new ConfigError('the optimizer has no running means of weights yet. Train the model first.', {
        op: 'swapAverages',
      });
    }
    this.store.swapAverages();
  }

  #directions(): Record<string, 'max' | 'min' | undefined> {
    const statistics = this.#steps.steps.flatMap((s) => s.step.outputs.statistics);
    return Object.fromEntries(statistics.map(({ metric }) => [metric.key, metric.metric.direction]));
  }

  /** Releases native sessions. */
  dispose(): void {
    this.#steps.dispose();
  }
}

/** The results of batches, output by output. */
const joined = (parts: readonly (readonly Tensor[])[]): Tensor[] =>
  (parts[0] ?? []).map((first, i) =>
    concatenateRows(
      first,
      parts.map((part) => (part[i] as Tensor).data),
    ),
  );

const oneOrAll = (tensors: Tensor[]): Tensor | Tensor[] =>
  tensors.length === 1 ? (tensors[0] as Tensor) : tensors;

/** `evaluate` and `predict` run to their end. */
const atRest: RunSwitches = {
  history: {},
  directions: {},
  stopped: false,
  interrupted: false,
  stop: () => {},
  interrupt: () => {},
  state: () =>
    Promise.reject(new ConfigError('run.state(): only a run of fit can be saved.', { op: 'state' })),
};

function datasetAsValidation({ x, y, weights }: Dataset): ValidationData {
  const targets = y.length > 0 ? y : undefined;
  return weights.length > 0 ? [x, targets, weights.map((w) => w ?? null)] : [x, targets];
}
