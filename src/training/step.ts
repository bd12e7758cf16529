import type { Binding, Executable } from '../backend/backend.ts';
import { getBackend } from '../backend/registry.ts';
import { allocate, type TensorData } from '../core/dtype.ts';
import { sizeOf, type TensorType } from '../core/shape.ts';
import type { Weight } from '../layers/weight.ts';
import type { Compiled } from './compile.ts';
import { RandomFeed } from './random-feed.ts';
import { type BatchTypes, buildStep, type StepGraph, type StepKind } from './step-graph.ts';
import type { Trainable } from './trainable.ts';

/** Where a training step writes: one array for each gradient and state update. */
export interface StepTargets {
  gradient(weight: Weight): TensorData;
  update(weight: Weight): TensorData;
}

/** Steps shorter than this run on the calling thread; longer ones beside the event loop. */
const shortStepMs = 1.5;

/** Lets timers and sockets run. */
export const yieldToEventLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A compiled step for one batch shape, tied to the memory it reads and writes. */
export class Step {
  readonly kind: StepKind;
  readonly size: number;
  /** Batch buffers, to be filled before a run. */
  readonly x: readonly TensorData[];
  readonly y: readonly TensorData[];
  readonly sampleWeights: readonly TensorData[];
  /** Results of the last run. */
  readonly losses: readonly Float32Array[];
  readonly statistics: readonly Float32Array[];
  readonly predictions: readonly TensorData[];
  readonly step: StepGraph;
  readonly random: RandomFeed;
  readonly #executable: Executable;
  readonly #targets: StepTargets | undefined;
  #binding: Binding | undefined;
  #bound: readonly TensorData[] = [];
  #milliseconds = Number.POSITIVE_INFINITY;

  private constructor(
    step: StepGraph,
    executable: Executable,
    kind: StepKind,
    size: number,
    targets?: StepTargets,
  ) {
    this.step = step;
    this.kind = kind;
    this.size = size;
    this.#executable = executable;
    this.#targets = targets;
    const { inputs, outputs } = step;
    const types = step.graph.inputs.map((v) => v.type).slice(inputs.weights.length);
    const buffer = ({ dtype, shape }: TensorType): TensorData => allocate(dtype, sizeOf(shape));
    this.x = types.slice(0, inputs.x).map(buffer);
    this.y = types.slice(inputs.x, inputs.x + inputs.y).map(buffer);
    const weightsFrom = inputs.x + inputs.y;
    this.sampleWeights = types.slice(weightsFrom, weightsFrom + inputs.sampleWeights.length).map(buffer);
    this.random = new RandomFeed(inputs.randoms);
    const results = step.graph.outputs
      .map((o) => o.value.type)
      .slice(outputs.gradients.length + outputs.updates.length);
    this.losses = outputs.losses.map(() => new Float32Array(1));
    const statisticsFrom = outputs.losses.length;
    this.statistics = outputs.statistics.map(
      (_, i) => buffer(results[statisticsFrom + i] as TensorType) as Float32Array,
    );
    this.predictions = outputs.predictions.map(buffer);
  }

  /** Builds, compiles and allocates; the event loop gets its turn between the phases. */
  static async create(
    model: Trainable,
    compiled: Compiled,
    types: BatchTypes,
    kind: StepKind,
    targets?: StepTargets,
  ): Promise<Step> {
    const graph = buildStep(model, compiled, types, kind);
    await yieldToEventLoop();
    const backend = await getBackend(compiled.backend);
    const executable = await backend.compile(graph.graph, {
      device: compiled.device,
      ...(compiled.threads !== undefined && { threads: compiled.threads }),
    });
    const size = types.x[0]?.shape[0] ?? 0;
    return new Step(graph, executable, kind, size, targets);
  }

  /** Ties the step to where the weights are now; cheap when nothing moved. */
  prepare(): void {
    const weights = this.step.inputs.weights.map((w) => w.storage.data);
    if (this.#binding !== undefined && weights.every((data, i) => data === this.#bound[i])) return;
    this.#binding?.dispose();
    const { gradients, updates } = this.step.outputs;
    const targets = this.#targets;
    this.#binding = this.#executable.bind(
      [...weights, ...this.x, ...this.y, ...this.sampleWeights, ...this.random.arrays],
      [
        ...(targets ? gradients.map((w) => targets.gradient(w)) : []),
        ...(targets ? updates.map((w) => targets.update(w)) : []),
        ...this.losses,
        ...this.statistics,
        ...this.predictions,
      ],
    );
    this.#bound = weights;
  }

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

  dispose(): void {
    this.#binding?.dispose();
    this.#executable.dispose();
  }
}
