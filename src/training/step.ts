import type { Binding, Executable } from '../backend/backend.ts';
import { getBackend } from '../backend/registry.ts';
import { allocate, type TensorData } from '../core/dtype.ts';
import { inTurns, yieldToEventLoop } from '../core/event-loop.ts';
import { sizeOf, type TensorType } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import type { Graph, Value } from '../ir/graph.ts';
import type { Weight } from '../layers/weight.ts';
import type { Run } from '../optimizers/index.ts';
import { BuiltInWeights } from './built-in-weights.ts';
import type { Compiled } from './compile.ts';
import type { ParameterStore } from './parameters.ts';
import type { Profile } from './profile.ts';
import { RandomFeed } from './random-feed.ts';
import type { IndexData } from './row-gradient.ts';
import { type BatchTypes, buildingStep, type StepGraph, type StepKind } from './step-graph.ts';
import type { Trainable } from './trainable.ts';

/** Where one batch is put before a run. */
export interface BatchBuffers {
  readonly x: readonly TensorData[];
  readonly y: readonly TensorData[];
  readonly sampleWeights: readonly TensorData[];
  /** Which outputs the sample weights belong to. */
  readonly weightedOutputs: readonly number[];
  readonly size: number;
}

/** Steps shorter than this run on the calling thread, which is quicker; longer ones beside the event loop. */
const shortStepMs = 8;

/** Memory of a step: batch buffers, random numbers and results, each `repeats` times in a row. */
export class StepMemory {
  readonly inputs: readonly TensorData[];
  readonly batches: readonly BatchBuffers[];
  readonly random: RandomFeed;
  /** One array per loss, per statistic and per prediction; `repeats` entries each. */
  readonly losses: readonly Float32Array[];
  readonly statistics: readonly Float32Array[];
  readonly predictions: readonly TensorData[];
  /** Indices and rows by turns: gradients that are zero elsewhere. */
  readonly rows: readonly TensorData[];

  /** @param shared - whether a second thread may work on the random numbers */
  constructor(step: StepGraph, size: number, repeats: number, shared: boolean) {
    const { inputs, outputs } = step;
    const space = ({ dtype, shape }: TensorType): TensorData => allocate(dtype, repeats * sizeOf(shape));
    const types = step.graph.inputs.map((v) => v.type).slice(inputs.weights.length);
    const fed = inputs.x + inputs.y + inputs.sampleWeights.length;
    const buffers = types.slice(0, fed).map(space);
    this.random = new RandomFeed(inputs.randoms, repeats, shared);
    this.inputs = [...buffers, ...this.random.arrays];
    this.batches = Array.from({ length: repeats }, (_, k) => {
      const part = buffers.map((b) => b.subarray((k * b.length) / repeats, ((k + 1) * b.length) / repeats));
      return {
        x: part.slice(0, inputs.x),
        y: part.slice(inputs.x, inputs.x + inputs.y),
        sampleWeights: part.slice(inputs.x + inputs.y),
        weightedOutputs: inputs.sampleWeights,
        size,
      };
    });
    const results = step.graph.outputs
      .map((o) => o.value.type)
      .slice(outputs.gradients.length + outputs.updates.length);
    const arrays = results.map(space);
    const statisticsEnd = outputs.losses.length + outputs.statistics.length;
    this.losses = arrays.slice(0, outputs.losses.length) as Float32Array[];
    this.statistics = arrays.slice(outputs.losses.length, statisticsEnd) as Float32Array[];
    const predictionsEnd = statisticsEnd + outputs.predictions.length;
    this.predictions = arrays.slice(statisticsEnd, predictionsEnd);
    this.rows = arrays.slice(predictionsEnd);
  }
}

/** A compiled step: one batch, or several in a row, from filled buffers to results. */
export abstract class Step {
  readonly kind: StepKind;
  /** Samples in a batch. */
  readonly size: number;
  readonly step: StepGraph;
  readonly memory: StepMemory;
  readonly #executable: Executable;
  #binding: Binding | undefined;
  #milliseconds = Number.POSITIVE_INFINITY;
  #disposed = false;

  constructor(
    step: StepGraph,
    executable: Executable,
    kind: StepKind,
    size: number,
    repeats: number,
    shared = false,
  ) {
    this.step = step;
    this.kind = kind;
    this.size = size;
    this.memory = new StepMemory(step, size, repeats, shared);
    this.#executable = executable;
  }

  /** Batches that a run takes. */
  get repeats(): number {
    return this.memory.batches.length;
  }

  /** Whether the loss of the last run is a number. */
  get lossIsFinite(): boolean {
    return this.memory.losses[0]?.every(Number.isFinite) ?? true;
  }

  /** Ties the step to where the weights are now; cheap when nothing moved. */
  prepare(): void {
    if (this.#binding !== undefined && !this.moved()) return;
    this.#binding?.dispose();
    const [inputs, outputs] = this.places();
    this.#binding = this.#executable.bind(inputs, outputs);
  }

  /** Whether the step was made for weights that have changed since. */
  get outdated(): boolean {
    return false;
  }

  /** Whether weights are built in as they were. */
  get isSettled(): boolean {
    return false;
  }

  /** Whether weights are no longer where the step reads them. */
  protected abstract moved(): boolean;

  /** Arrays for the graph's inputs and outputs. */
  protected abstract places(): [readonly TensorData[], readonly TensorData[]];

  /** Gets ready for the batches after `iteration` others: random numbers and the like. */
  abstract begin(): void;

  /** Puts to use what a run gives beside its results: gradients, what layers carry on. */
  abstract finish(): Promise<void> | undefined;

  /**
   * Runs the step on what the buffers hold.
   * @returns a promise for long steps; nothing for short ones, which are done when this returns
   */
  run(): Promise<void> | undefined {
    const binding = this.#binding as Binding;
    if (this.#executable.canRunSync && this.#milliseconds < shortStepMs) {
      binding.runSync();
      return undefined;
    }
    const start = performance.now();
    return binding.run().then(() => {
      this.#milliseconds = performance.now() - start;
    });
  }

  /** What the last run predicted. */
  predictions(): Tensor[] {
    const { predictions } = this.step.outputs;
    return predictions.map(
      ({ dtype, shape }, i) => new Tensor(dtype, shape, (this.memory.predictions[i] as TensorData).slice()),
    );
  }

  /** Ends the runtime's trace, if there is one. @returns its path */
  endProfiling(): string | undefined {
    return this.#executable.endProfiling();
  }

  /** Whether native memory was released. */
  get disposed(): boolean {
    return this.#disposed;
  }

  dispose(): void {
    this.#disposed = true;
    this.#binding?.dispose();
    this.#executable.dispose();
  }
}

interface GraphOptions {
  /** Where its ops are traced. */
  readonly profile?: Profile | undefined;
  /** Inputs of the graph that hold these values in every run. */
  readonly constants?: ReadonlyMap<Value, Tensor> | undefined;
  readonly restsBetweenRuns?: boolean;
}

/** Compiles a graph as `compile` was told. */
export async function compileGraph(
  graph: Graph,
  compiled: Compiled,
  { profile, constants = new Map(), restsBetweenRuns = false }: GraphOptions = {},
): Promise<Executable> {
  const backend = await getBackend(compiled.backend);
  const { device, threads } = compiled;
  const profilePrefix = profile?.nextSession();
  return backend.compile(graph, {
    device,
    constants,
    restsBetweenRuns,
    // the runtime's blocked layouts are for constant weights; others would only be reordered in and out
    optimize: constants.size > 0 ? 'all' : 'extended',
    ...(threads !== undefined && { threads }),
    ...(profilePrefix !== undefined && { profilePrefix }),
  });
}

/**
 * Numbers to be drawn and weights to be updated between two runs above which the second thread's help is worth more than
 * native threads that are still awake at the next run (0.7 ms on two cores).
 */
const manyNumbers = 2 ** 21;

const numbersBetweenRuns = ({ inputs, outputs }: StepGraph): number =>
  [...inputs.randoms.map(({ request }) => request), ...outputs.gradients, ...outputs.rows].reduce(
    (count, { shape }) => count + sizeOf(shape),
    0,
  );

interface SingleStepOptions {
  /** Where a training step finds its weights, gradients and slots. */
  readonly store?: ParameterStore | undefined;
  readonly profile?: Profile | undefined;
  /** Whether the weights are to be built in as they are now, so that the runtime can prepare them once. */
  readonly settled?: boolean;
}

/** One batch a run: gradients go to the arena, where the optimizer's kernel takes over. */
export class SingleStep extends Step {
  readonly #store: ParameterStore | undefined;
  readonly #plan: readonly Run[];
  /** Where a step that does not train writes what layers carry on to the next batch. */
  readonly #next: readonly TensorData[];
  readonly #builtIn: BuiltInWeights | undefined;
  #bound: readonly TensorData[] = [];

  private constructor(
    step: StepGraph,
    executable: Executable,
    kind: StepKind,
    size: number,
    store?: ParameterStore,
    builtIn?: BuiltInWeights,
  ) {
    super(step, executable, kind, size, 1, store?.sharesMemory);
    this.#store = store;
    this.#builtIn = builtIn;
    this.#plan = store?.plan([...step.outputs.gradients, ...step.outputs.rows]) ?? [];
    this.#next = store ? [] : step.outputs.updates.map((w) => allocate(w.dtype, w.storage.size));
  }

  /** Builds and compiles; the event loop gets its turn in between. */
  static async create(
    model: Trainable,
    compiled: Compiled,
    types: BatchTypes,
    kind: StepKind,
    { store, profile, settled = false }: SingleStepOptions,
  ): Promise<SingleStep> {
    const whole = await inTurns(buildingStep(model, compiled, types, kind, true));
    const builtIn = settled ? BuiltInWeights.of(whole) : undefined;
    const restsBetweenRuns = store?.sharesMemory === true && numbersBetweenRuns(whole) >= manyNumbers;
    const options = { profile, constants: builtIn?.constants, restsBetweenRuns };
    const executable = await compileGraph(whole.graph, compiled, options);
    const step = builtIn?.without(whole) ?? whole;
    await yieldToEventLoop();
    const made = new SingleStep(step, executable, kind, types.x[0]?.shape[0] ?? 0, store, builtIn);
    await yieldToEventLoop();
    return made;
  }

  override get outdated(): boolean {
    return this.#builtIn?.outdated ?? false;
  }

  override get isSettled(): boolean {
    return this.#builtIn !== undefined;
  }

  protected override moved(): boolean {
    return this.step.inputs.weights.some((w, i) => w.storage.data !== this.#bound[i]);
  }

  protected override places(): [readonly TensorData[], readonly TensorData[]] {
    this.#bound = this.step.inputs.weights.map((w) => w.storage.data);
    const { gradients, updates } = this.step.outputs;
    const { inputs, losses, statistics, predictions, rows } = this.memory;
    const store = this.#store;
    const written = store
      ? [...gradients.map((w) => store.gradient(w)), ...updates.map((w) => store.update(w))]
      : this.#next;
    return [
      [...this.#bound, ...inputs],
      [...written, ...losses, ...statistics, ...predictions, ...rows],
    ];
  }

  override begin(): void {
    if (this.#store) this.memory.random.fill(this.#store.key, this.#store.iterations);
  }

  override finish(): Promise<void> | undefined {
    for (const [i, next] of this.#next.entries()) {
      const weight = this.step.outputs.updates[i] as Weight;
      weight.storage.data.set(next as never);
      weight.changed();
    }
    this.#addRows();
    return this.#store?.apply(this.#plan, this.#loss, () => this.#evaluate());
  }

  /** Brings the gradients that were given as rows to where the optimizer reads them. */
  #addRows(): void {
    const { rows } = this.memory;
    for (const [i, weight] of this.step.outputs.rows.entries())
      this.#store?.addRows(weight, rows[2 * i] as IndexData, rows[2 * i + 1] as Float32Array);
  }

  get #loss(): number {
    return this.memory.losses[0]?.[0] ?? Number.NaN;
  }

  async #evaluate(): Promise<number> {
    await this.run();
    this.#addRows();
    return this.#loss;
  }
}
