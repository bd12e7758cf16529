import type { Binding } from '../backend/backend.ts';
import { getBackend } from '../backend/registry.ts';
import { Arena } from '../backend/wasm/arena.ts';
import { worthwhileBytes } from '../backend/wasm/second-thread.ts';
import type { TensorData } from '../core/dtype.ts';
import { inTurns } from '../core/event-loop.ts';
import type { Key } from '../core/random.ts';
import { nextRandom } from '../core/seed.ts';
import { sizeOf } from '../core/shape.ts';
import { DtypeError, InternalError } from '../errors.ts';
import { input } from '../ir/graph.ts';
import type { Weight } from '../layers/weight.ts';
import { OptimizerState, optimizerRegions, type Run, type Search, WasmUpdate } from '../optimizers/index.ts';
import type { Compiled } from './compile.ts';
import { type IndexData, RowGradient } from './row-gradient.ts';
import type { Trainable } from './trainable.ts';

/**
 * A model's parameters while it trains: weights, gradients and optimizer slots side by side in one arena, which native
 * code and update kernels share; state that layers update themselves beside them, in two copies that take turns.
 */
export class ParameterStore {
  readonly state: OptimizerState;
  /** Whether a second thread may work on the memory of steps. */
  readonly sharesMemory: boolean;
  /** Key of the random numbers of training steps. */
  key: Key = nextRandom().key;
  readonly #trained: readonly Weight[];
  readonly #kept: readonly Weight[];
  readonly #arena: Arena;
  readonly #places = new Map<Weight, number>();
  #update: WasmUpdate | undefined;
  readonly #search: Search | undefined;
  /** State that steps update: where it is, and where they write what it will be. */
  readonly #moving: { readonly weight: Weight; readonly now: Float32Array; readonly next: Float32Array }[] =
    [];
  /** Gradients that are given as rows. */
  readonly #rowGradients = new Map<Weight, RowGradient>();
  #constrain: Constrainer | undefined;

  private constructor(model: Trainable, compiled: Compiled, sharesMemory: boolean) {
    this.sharesMemory = sharesMemory;
    this.#trained = model.trainableWeights;
    this.#trained.forEach(requireFloat32);
    this.#kept = keptOf(model);
    const sizes = (list: readonly Weight[]): number[] => list.map((w) => sizeOf(w.shape));
    const layout = {
      weights: sizes(this.#trained),
      ...optimizerRegions(compiled.optimizer, this.#trained),
      state: sizes(this.#kept),
      nextState: sizes(this.#kept),
    };
    const bytes = this.#trained.reduce((n, w) => n + w.storage.data.byteLength, 0);
    this.#arena = new Arena(layout, sharesMemory && bytes >= worthwhileBytes);
    this.reclaim();
    const parameters = this.#trained.map(({ path, shape }, index) => ({ path, shape, index }));
    this.state = new OptimizerState(compiled.optimizer, this.#arena, parameters);
    this.#search = compiled.optimizer.search?.();
  }

  /** Moves the weights of a built model into an arena. */
  static async create(model: Trainable, compiled: Compiled): Promise<ParameterStore> {
    const { sharesMemory } = await getBackend(compiled.backend);
    const store = new ParameterStore(model, compiled, sharesMemory && compiled.threads !== 1);
    store.#update = await inTurns(WasmUpdate.compile(store.state));
    const constrained = store.#trained.filter((w) => w.constraint !== undefined);
    if (constrained.length > 0) store.#constrain = await Constrainer.create(constrained, compiled);
    return store;
  }

  /** Takes the weights into this memory: at first, and after another model that shares them has trained. */
  reclaim(): void {
    for (const [i, w] of this.#trained.entries()) this.#adopt(w, i, 'weights');
    for (const [i, w] of this.#kept.entries()) this.#adopt(w, i, 'state');
  }

  #adopt(weight: Weight, index: number, region: string): void {
    const place = this.#arena.view(region, index);
    if (weight.storage.data !== place) weight.moveTo(place);
    this.#places.set(weight, index);
  }

  /** Whether the weights are still the model's, with the same ones trained. */
  fits(model: Trainable): boolean {
    const same = (a: readonly Weight[], b: readonly Weight[]): boolean =>
      a.length === b.length && a.every((w, i) => w === b[i]);
    return same(this.#trained, model.trainableWeights) && same(this.#kept, keptOf(model));
  }

  /** Takes over what another store knows of the run, and of the weights that both train. */
  goOn(before: ParameterStore): void {
    this.key = before.key;
    this.state.scalars = before.state.scalars;
    for (const weight of this.#trained.filter((w) => before.#trained.includes(w))) {
      for (const { name } of this.state.optimizer.slots) {
        const now = this.slot(name, weight) as Float32Array;
        now.set(before.slot(name, weight) as Float32Array);
      }
    }
  }

  /** Whether a kernel updates the weights; otherwise the update is part of the graph. */
  get hasKernel(): boolean {
    return this.#update !== undefined;
  }

  /** Where a step writes the gradient of a weight. */
  gradient(weight: Weight): TensorData {
    return this.#arena.view('gradients', this.#place(weight));
  }

  /** Makes a gradient of rows that are added up onto zeros: `gradient[indices[i]] += rows[i]`. */
  addRows(weight: Weight, indices: IndexData, rows: Float32Array): void {
    let gradient = this.#rowGradients.get(weight);
    if (gradient === undefined) {
      gradient = new RowGradient(this.gradient(weight) as Float32Array, weight.shape[0] as number);
      this.#rowGradients.set(weight, gradient);
    }
    gradient.fill(indices, rows);
  }

  /** Where a step writes the next value of a weight that its layer updates. */
  update(weight: Weight): TensorData {
    const place = this.#place(weight);
    const next = this.#arena.view('nextState', place);
    if (!this.#moving.some((m) => m.next === next)) {
      this.#moving.push({ weight, now: this.#arena.view('state', place), next });
    }
    return next;
  }

  /** A slot of the optimizer for a trained weight. */
  slot(name: string, weight: Weight): TensorData {
    return this.state.slot(name, this.#place(weight));
  }

  /**
   * The kernel calls of a step.
   * @param trained - weights that the step has gradients for; all others stay as they are, without decay
   */
  plan(trained: readonly Weight[]): readonly Run[] {
    return this.#update?.plan(trained.map((w) => this.#place(w)).sort((a, b) => a - b)) ?? [];
  }

  /**
   * After a training step: new weights from the gradients, the layers' new state, constraints.
   * @param evaluate - runs the step again, for optimizers that search: the loss and new gradients
   */
  apply(plan: readonly Run[], loss: number, evaluate: () => Promise<number>): Promise<void> | undefined {
    if (this.#search !== undefined) return this.#searchStep(this.#search, loss, evaluate);
    this.#update?.apply(plan);
    return this.#settle();
  }

  /** Replaces the weights by their running means, where the optimizer keeps some, as training ends. */
  useAverages(): void {
    this.state.useAverages();
    this.#trainedChanged();
  }

  /** Exchanges the weights and their running means. */
  swapAverages(): void {
    this.state.swapAverages();
    this.#trainedChanged();
  }

  /** Says that trained weights got other values; frozen ones stay as they were, and what was made of them is of use. */
  #trainedChanged(): void {
    for (const weight of this.#trained) weight.changed();
  }

  async #searchStep(search: Search, loss: number, evaluate: () => Promise<number>): Promise<void> {
    const [weights, gradients] = [this.#arena.region('weights'), this.#arena.region('gradients')];
    await search({ weights, gradients, loss }, evaluate, this.learningRate);
    this.state.iteration++;
    await this.#settle();
  }

  #settle(): Promise<void> | undefined {
    for (const { weight, now, next } of this.#moving) {
      now.set(next);
      weight.changed();
    }
    this.#trainedChanged();
    return this.#constrain?.apply();
  }

  /** Batches trained on so far. */
  get iterations(): number {
    return this.state.iteration;
  }

  get learningRate(): number {
    return this.state.learningRate;
  }

  set learningRate(value: number) {
    this.state.learningRate = value;
  }

  /** Elements that the optimizer keeps. */
  get optimizerSize(): number {
    return this.state.variables.reduce((n, v) => n + sizeOf(v.shape), 0);
  }

  #place(weight: Weight): number {
    const place = this.#places.get(weight);
    if (place === undefined) throw new InternalError(`weight "${weight.path}" is not in the arena.`);
    return place;
  }

  dispose(): void {
    this.#constrain?.dispose();
  }
}

/** What a model's layers keep beside trained weights and may change; other element types than float32 stay as they are. */
export const keptOf = (model: Trainable): readonly Weight[] =>
  [...model.nonTrainableWeights, ...model.states].filter(({ dtype }) => dtype === 'float32');

/** @throws {@link DtypeError} */
function requireFloat32({ path, dtype }: Weight): void {
  if (dtype === 'float32') return;
  throw new DtypeError(
    `weight "${path}": only float32 is trained. Received ${dtype}. Freeze its layer, or make the weight float32.`,
    { argument: path, expected: 'float32', received: dtype },
  );
}

/** Projects weights onto their constraints, in place. */
class Constrainer {
  readonly #binding: Binding;
  readonly #weights: readonly Weight[];
  readonly #results: readonly Float32Array[];
  readonly #release: () => void;

  private constructor(
    binding: Binding,
    weights: readonly Weight[],
    results: readonly Float32Array[],
    release: () => void,
  ) {
    this.#binding = binding;
    this.#weights = weights;
    this.#results = results;
    this.#release = release;
  }

  static async create(weights: readonly Weight[], compiled: Compiled): Promise<Constrainer> {
    const inputs = weights.map((w, i) => input(`w${i}`, { dtype: w.dtype, shape: w.shape }));
    const outputs = weights.map((w, i) => ({
      name: `out${i}`,
      value: w.constraint?.call(inputs[i] as never) as never,
    }));
    const backend = await getBackend(compiled.backend);
    const executable = await backend.compile(
      { name: 'constraints', inputs, outputs },
      { device: 'cpu', threads: 1 },
    );
    const results = weights.map((w) => new Float32Array(sizeOf(w.shape)));
    const binding = executable.bind(
      weights.map((w) => w.storage.data),
      results,
    );
    return new Constrainer(binding, weights, results, () => executable.dispose());
  }

  async apply(): Promise<void> {
    await this.#binding.run();
    this.#weights.forEach((w, i) => {
      (w.storage.data as Float32Array).set(this.#results[i] as Float32Array);
    });
  }

  dispose(): void {
    this.#binding.dispose();
    this.#release();
  }
}
