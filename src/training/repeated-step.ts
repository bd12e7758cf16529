import type { Executable } from '../backend/backend.ts';
import type { TensorData } from '../core/dtype.ts';
import { inTurns } from '../core/event-loop.ts';
import type { Weight } from '../layers/weight.ts';
import type { Compiled } from './compile.ts';
import type { ParameterStore } from './parameters.ts';
import type { Profile } from './profile.ts';
import { type RepeatGraph, repeatStep } from './repeat-graph.ts';
import { compileGraph, Step } from './step.ts';
import { type BatchTypes, buildingStep, type StepGraph } from './step-graph.ts';
import type { Trainable } from './trainable.ts';

/** `stepsPerExecution` batches in one native call: a loop in the graph carries weights and optimizer state. */
export class RepeatedStep extends Step {
  readonly #store: ParameterStore;
  readonly #loop: RepeatGraph;
  readonly #learningRates: Float32Array;
  /** Weights that a run gives other values. */
  readonly #changing: readonly Weight[];
  /** Slots are in the arena, weights where they are; scalars here. */
  readonly #shared: readonly Float32Array[];
  readonly #iteration = new Float32Array(1);
  #states: readonly TensorData[] = [];
  #nextStates: readonly TensorData[] = [];

  private constructor(
    step: StepGraph,
    loop: RepeatGraph,
    executable: Executable,
    size: number,
    repeats: number,
    store: ParameterStore,
  ) {
    super(step, executable, 'train', size, repeats);
    this.#loop = loop;
    this.#changing = [...step.outputs.gradients, ...step.outputs.updates];
    this.#store = store;
    this.#learningRates = new Float32Array(repeats);
    this.#shared = loop.shared.map(() => new Float32Array(1));
  }

  /** Builds and compiles; the event loop gets its turn in between. */
  static async create(
    model: Trainable,
    compiled: Compiled,
    types: BatchTypes,
    repeats: number,
    store: ParameterStore,
    profile?: Profile,
  ): Promise<RepeatedStep> {
    const step = await inTurns(buildingStep(model, compiled, types, 'train'));
    const loop = await inTurns(repeatStep(step, compiled.optimizer, repeats));
    const executable = await compileGraph(loop.graph, compiled, { profile });
    return new RepeatedStep(step, loop, executable, types.x[0]?.shape[0] ?? 0, repeats, store);
  }

  protected override moved(): boolean {
    return this.#loop.weights.some((w, i) => w.storage.data !== this.#states[i]);
  }

  protected override places(): [readonly TensorData[], readonly TensorData[]] {
    const { weights, slots } = this.#loop;
    this.#states = [
      ...weights.map((w) => w.storage.data),
      ...slots.map(({ name, weight }) => this.#store.slot(name, weight)),
      ...this.#shared,
      this.#iteration,
    ];
    this.#nextStates = this.#states.map((s) => new Float32Array(s.length));
    const { inputs, losses, statistics } = this.memory;
    return [
      [...this.#states, ...inputs, this.#learningRates],
      [...this.#nextStates, ...losses, ...statistics],
    ];
  }

  override begin(): void {
    const { state, key } = this.#store;
    this.memory.random.fill(key, state.iteration);
    this.#iteration[0] = state.iteration;
    for (const [k] of this.#learningRates.entries())
      this.#learningRates[k] = state.learningRateAt(state.iteration + k);
    for (const [i, name] of this.#loop.shared.entries())
      (this.#shared[i] as Float32Array)[0] = state.shared[name] ?? 0;
  }

  override finish(): undefined {
    const { state } = this.#store;
    for (const [i, next] of this.#nextStates.entries())
      (this.#states[i] as Float32Array).set(next as Float32Array);
    for (const [i, name] of this.#loop.shared.entries())
      state.shared[name] = (this.#shared[i] as Float32Array)[0] as number;
    state.iteration += this.repeats;
    for (const weight of this.#changing) weight.changed();
  }
}
