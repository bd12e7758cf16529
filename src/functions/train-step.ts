import { yieldToEventLoop } from '../core/event-loop.ts';
import type { Tensor } from '../core/tensor.ts';
import { ConfigError } from '../errors.ts';
import { input, Value } from '../ir/graph.ts';
import { Trace, withTrace } from '../layers/trace.ts';
import type { OptimizerSpec } from '../optimizers/index.ts';
import type { Logs } from '../training/callback.ts';
import { Compiled, type CompileOptions } from '../training/compile.ts';
import type { Step } from '../training/step.ts';
import { StepCache } from '../training/step-cache.ts';
import type { BatchTypes, StepLosses } from '../training/step-graph.ts';
import type { Trainable } from '../training/trainable.ts';
import { resultOf } from './gradients.ts';
import { type ConcreteAll, mapTree, Signature } from './tree.ts';

/** How long short steps may go on before the event loop gets its turn. */
const sliceMs = 4;

/** Where a {@link trainStep} runs. */
export type TrainStepOptions = Pick<CompileOptions, 'backend' | 'device' | 'threads'>;

/** A training step of your own: each call makes one update. */
export interface TrainStep<A extends readonly unknown[]> {
  /** Trains on one batch. @returns the loss, and whatever else the loss function gives */
  (...batch: ConcreteAll<A>): Promise<Logs>;
  /** Of the next step; setting it replaces a number, not a schedule. */
  learningRate: number;
  /** Steps done. */
  readonly iterations: number;
  /** Releases native memory; the weights stay as they are. */
  dispose(): void;
}

/**
 * A training step: forward pass, gradients and update of `model`'s weights in the same compiled form that `fit` uses.
 * Losses of the model's regularizers and layers are added to the loss.
 * @param model - whose trainable weights are updated; other models that `lossOf` calls are not
 * @param optimizer - as in `compile`; it remembers its state in this step
 * @param lossOf - from a batch (graph values, in lists and records too), the scalar to be minimized, or `{ loss, ... }` with
 * further scalars to be reported
 * @throws {@link ConfigError} when a step is called before the one before is done
 * @example
 * const step = tfk.trainStep(model, 'adam', (x, y) => mse(y, tfk.call(model, x, { training: true })));
 * for (const [x, y] of batches) console.log((await step(x, y)).loss);
 */
export function trainStep<A extends readonly Value[]>(
  model: Trainable,
  optimizer: OptimizerSpec,
  lossOf: (...batch: A) => Value | StepLosses,
  options?: TrainStepOptions,
): TrainStep<A>;
export function trainStep<A extends readonly unknown[]>(
  model: Trainable,
  optimizer: OptimizerSpec,
  lossOf: (...batch: A) => Value | StepLosses,
  options?: TrainStepOptions,
): TrainStep<A>;
export function trainStep<A extends readonly unknown[]>(
  model: Trainable,
  optimizer: OptimizerSpec,
  lossOf: (...batch: A) => Value | StepLosses,
  options: TrainStepOptions = {},
): TrainStep<A> {
  const loop = new StepRunner(model, { ...options, optimizer }, lossOf);
  const step = (...batch: ConcreteAll<A>): Promise<Logs> => loop.run(batch);
  Object.defineProperties(step, {
    learningRate: {
      get: () => loop.learningRate,
      set: (rate: number) => {
        loop.learningRate = rate;
      },
    },
    iterations: { get: () => loop.iterations },
  });
  return Object.assign(step, { dispose: () => loop.dispose() }) as TrainStep<A>;
}

/** Runs a {@link trainStep}: one compiled step for each signature of a batch. */
class StepRunner<A extends readonly unknown[]> {
  readonly #model: Trainable;
  readonly #compiled: Compiled;
  readonly #lossOf: (...batch: A) => Value | StepLosses;
  readonly #steps: StepCache;
  readonly #types = new Map<string, BatchTypes>();
  /** The batch being traced: where its values belong in the arguments. */
  #batch: readonly unknown[] = [];
  #running = false;
  #restedAt = performance.now();

  constructor(model: Trainable, options: CompileOptions, lossOf: (...batch: A) => Value | StepLosses) {
    this.#model = model;
    this.#compiled = new Compiled(options, ({ x }) => this.#losses(x));
    this.#lossOf = lossOf;
    this.#steps = new StepCache(model, this.#compiled);
  }

  get learningRate(): number {
    return this.#steps.learningRate;
  }

  set learningRate(rate: number) {
    this.#steps.learningRate = rate;
  }

  get iterations(): number {
    return this.#steps.store?.iterations ?? 0;
  }

  async run(batch: readonly unknown[]): Promise<Logs> {
    if (this.#running) {
      throw new ConfigError('trainStep: the step before is not done yet; await it first.', {
        op: 'trainStep',
      });
    }
    this.#running = true;
    try {
      const { key, tensors } = new Signature(batch);
      const step = await this.#prepare(key, tensors, batch);
      fill(step, tensors);
      step.begin();
      await step.run();
      await step.finish();
      await this.#rest();
      return logsOf(step);
    } finally {
      this.#running = false;
    }
  }

  async #prepare(key: string, tensors: readonly Tensor[], batch: readonly unknown[]): Promise<Step> {
    let types = this.#types.get(key);
    if (types === undefined) {
      types = { x: tensors.map(({ dtype, shape }) => ({ dtype, shape })), y: [], weights: [] };
      this.#types.set(key, types);
    }
    const ready = this.#steps.find('train', types, 1);
    if (ready !== undefined) {
      // another training may have moved the weights since
      this.#steps.store?.reclaim();
      ready.prepare();
      return ready;
    }
    this.#batch = batch;
    if (!this.#model.built) withTrace(new Trace(true), () => this.#losses(placeholders(tensors)));
    return this.#steps.make('train', types, 1);
  }

  /** Short steps run on the calling thread: now and then the event loop gets its turn. */
  async #rest(): Promise<void> {
    if (performance.now() - this.#restedAt < sliceMs) return;
    await yieldToEventLoop();
    this.#restedAt = performance.now();
  }

  #losses(values: readonly Value[]): StepLosses {
    let at = 0;
    const args = mapTree(this.#batch, () => values[at++]) as A;
    const result = this.#lossOf(...args);
    return isLosses(result) ? result : { loss: resultOf('trainStep', result) };
  }

  dispose(): void {
    this.#steps.dispose();
  }
}

const isLosses = (result: Value | StepLosses | undefined): result is StepLosses =>
  result !== undefined && !(result instanceof Value) && 'loss' in result;

const placeholders = (tensors: readonly Tensor[]): Value[] =>
  tensors.map(({ dtype, shape }, i) => input(`x${i}`, { dtype, shape }));

function fill({ memory }: Step, tensors: readonly Tensor[]): void {
  const buffers = memory.batches[0]?.x ?? [];
  for (let i = 0; i < tensors.length; i++) {
    (buffers[i] as Float32Array).set((tensors[i] as Tensor).data as Float32Array);
  }
}

function logsOf({ step, memory }: Step): Logs {
  const logs: Logs = {};
  step.outputs.losses.forEach((key, i) => {
    logs[key] = memory.losses[i]?.[0] as number;
  });
  return logs;
}
