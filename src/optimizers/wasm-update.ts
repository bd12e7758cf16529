import { compileKernel, type Kernel, vectorBytes } from '../backend/wasm/kernel.ts';
import { compileScalars, type ScalarProgram } from '../backend/wasm/scalars.ts';
import { sumOfSquares } from '../backend/wasm/sum-of-squares.ts';
import type { Pieces } from '../core/event-loop.ts';
import { sizeOf } from '../core/shape.ts';
import { InternalError } from '../errors.ts';
import { input, type Value } from '../ir/graph.ts';
import type { Optimizer } from './optimizer.ts';
import { type OptimizerState, type Parameter, slotRegion } from './state.ts';

const scalarInput = (name: string): Value => input(name, { dtype: 'float32', shape: [] });
/** A kernel runs over any length; the expression is written for one SIMD vector. */
const vectorInput = (name: string): Value => input(name, { dtype: 'float32', shape: [4] });

/** Weights that lie side by side in every region and are updated alike: one kernel call. */
export interface Run {
  /** Byte offsets by region, as the kernels take them. */
  readonly pointers: Readonly<Record<'accumulate' | 'step' | 'average', readonly number[]>>;
  readonly gradient: number;
  readonly length: number;
  readonly weightDecay: number;
  /** Multiplies the learning rate. */
  readonly rateFactor: number;
}

interface Kernels {
  readonly accumulate?: Kernel;
  readonly step: Kernel;
  readonly average?: Kernel;
  readonly shared?: ScalarProgram;
}

/** The optimizer step as SIMD kernels over the arena, in place. */
export class WasmUpdate {
  readonly #state: OptimizerState;
  readonly #kernels: Kernels;
  readonly #sumOfSquares: (pointer: number, length: number) => number;
  readonly #sharedNames: readonly string[];
  /** Scalars of a kernel call, reused: iteration, learning rate, weight decay, squared norm, shared ones. */
  readonly #scalars: number[];

  private constructor(state: OptimizerState, kernels: Kernels) {
    this.#state = state;
    this.#kernels = kernels;
    this.#sumOfSquares = sumOfSquares(state.arena.memory);
    this.#sharedNames = state.optimizer.shared?.slots.map((s) => s.name) ?? [];
    this.#scalars = new Array<number>(4 + this.#sharedNames.length).fill(0);
  }

  /** @returns in pieces; `undefined` where the rule has no SIMD form: it then runs as a graph */
  static *compile(state: OptimizerState): Pieces<WasmUpdate | undefined> {
    const kernels = state.optimizer.elementwise ? yield* compileKernels(state.optimizer, state) : undefined;
    return kernels && new WasmUpdate(state, kernels);
  }

  /**
   * Kernel calls of a step: weights that lie side by side and are updated alike share one.
   * @param parameters - positions of the weights that have gradients, ascending; all others stay as they are
   */
  plan(parameters: readonly number[] = [...this.#state.parameters.keys()]): readonly Run[] {
    return findRuns(this.#state, parameters);
  }

  /** Updates weights from their gradients in the arena, and counts the batch. */
  apply(runs: readonly Run[]): void {
    const state = this.#state;
    const { accumulate, average } = this.#kernels;
    this.#scalars[0] = state.iteration;
    this.#scalars[1] = state.learningRate;
    if (accumulate) this.#each(accumulate, 'accumulate', runs);
    if (state.optimizer.completes(state.iteration)) this.#step(runs);
    if (average) this.#each(average, 'average', runs);
    state.iteration++;
  }

  #each(kernel: Kernel, pointers: 'accumulate' | 'average', runs: readonly Run[]): void {
    for (const run of runs) kernel.run(run.pointers[pointers], run.length, this.#scalars);
  }

  #step(runs: readonly Run[]): void {
    const scalars = this.#scalars;
    const learningRate = scalars[1] as number;
    this.#updateShared();
    const { clipsByNorm } = this.#state.optimizer;
    if (clipsByNorm === 'all') scalars[3] = this.#totalOfSquares(runs);
    for (const run of runs) {
      scalars[1] = learningRate * run.rateFactor;
      scalars[2] = run.weightDecay;
      if (clipsByNorm === 'each') scalars[3] = this.#sumOfSquares(run.gradient, run.length);
      this.#kernels.step.run(run.pointers.step, run.length, scalars);
    }
  }

  #updateShared(): void {
    const { shared } = this.#state;
    const names = this.#sharedNames;
    for (let i = 0; i < names.length; i++) this.#scalars[4 + i] = shared[names[i] as string] ?? 0;
    const results = this.#kernels.shared?.(this.#scalars);
    if (results === undefined) return;
    for (let i = 0; i < names.length; i++) {
      shared[names[i] as string] = this.#scalars[4 + i] = results[i] as number;
    }
  }

  #totalOfSquares(runs: readonly Run[]): number {
    let total = 0;
    for (const run of runs) total += this.#sumOfSquares(run.gradient, run.length);
    return total;
  }
}

function* compileKernels(
  optimizer: Optimizer,
  { arena: { memory } }: OptimizerState,
): Pieces<Kernels | undefined> {
  const [weight, gradient] = [vectorInput('weight'), vectorInput('gradient')];
  const [iteration, learningRate] = [scalarInput('iteration'), scalarInput('learningRate')];
  const [weightDecay, squaredNorm] = [scalarInput('weightDecay'), scalarInput('squaredNorm')];
  const slots = new Map(optimizer.slots.map(({ name }) => [name, vectorInput(name)]));
  const sharedNames = optimizer.shared?.slots.map((s) => s.name) ?? [];
  const shared = new Map(sharedNames.map((name) => [name, scalarInput(name)]));
  const scalars = [iteration, learningRate, weightDecay, squaredNorm, ...shared.values()];
  const stage = (vectors: readonly Value[], outputs: readonly Value[]): Pieces<Kernel | undefined> =>
    compileKernel({ vectors, outputs, scalars }, memory);

  const step = optimizer.stepAfter(iteration);
  const result = optimizer.step({
    weight,
    gradient,
    learningRate,
    step,
    squaredNorm: optimizer.clipsByNorm && squaredNorm,
    weightDecay: optimizer.options.weightDecay === null ? undefined : weightDecay,
    slot: (name) => found(slots, name),
    shared: (name) => found(shared, name),
  });
  const names = optimizer.stepSlots.map((s) => s.name);
  const main = yield* stage(
    [weight, gradient, ...names.map((name) => found(slots, name))],
    [result.weight, ...names.map((name) => found(new Map(Object.entries(result.slots)), name))],
  );
  if (main === undefined) return undefined;
  const [accumulator, mean] = [slots.get('gradientAccumulator'), slots.get('average')];
  const added = accumulator && optimizer.accumulate(gradient, accumulator, iteration);
  const averaged = mean && optimizer.average(weight, mean, step);
  const next = optimizer.shared?.update((name) => found(shared, name), step);
  return {
    step: main,
    ...(added && {
      accumulate: required(yield* stage([gradient, accumulator], [added.gradient, added.accumulator])),
    }),
    ...(averaged && { average: required(yield* stage([weight, mean], [averaged.weight, averaged.average])) }),
    ...(next && {
      shared: compileScalars(
        sharedNames.map((n) => next[n] as Value),
        scalars,
      ),
    }),
  };
}

/** Groups parameters into runs; each is its own run where gradients are clipped one by one. */
function findRuns(state: OptimizerState, trained: readonly number[]): Run[] {
  const { arena, parameters, optimizer } = state;
  const alike = (a: Parameter, b: Parameter): boolean =>
    optimizer.weightDecayOf(a) === optimizer.weightDecayOf(b) &&
    optimizer.rateFactorOf(a) === optimizer.rateFactorOf(b);
  const runs: Run[] = [];
  let first = trained[0] ?? 0;
  trained.forEach((at, i) => {
    const parameter = parameters[at] as Parameter;
    const next = trained[i + 1];
    const follower = next === at + 1 ? parameters[next] : undefined;
    const end = arena.pointer('weights', parameter.index) + vectorBytes(sizeOf(parameter.shape));
    const joined =
      follower !== undefined &&
      optimizer.clipsByNorm !== 'each' &&
      arena.pointer('weights', follower.index) === end &&
      alike(parameter, follower);
    if (joined) return;
    const start = arena.pointer('weights', (parameters[first] as Parameter).index);
    runs.push({
      pointers: pointersOf(state, first),
      gradient: arena.pointer('gradients', first),
      length: (end - start) / 4,
      weightDecay: optimizer.weightDecayOf(parameter) ?? 0,
      rateFactor: optimizer.rateFactorOf(parameter),
    });
    first = next ?? 0;
  });
  return runs;
}

function pointersOf({ arena, optimizer, parameters }: OptimizerState, i: number): Run['pointers'] {
  const weight = arena.pointer('weights', parameters[i]?.index ?? 0);
  const gradient = arena.pointer('gradients', i);
  const slot = (name: string): number[] =>
    arena.has(slotRegion(name)) ? [arena.pointer(slotRegion(name), i)] : [];
  const ruleSlots = optimizer.stepSlots.flatMap(({ name }) => slot(name));
  const [accumulator, average] = [slot('gradientAccumulator'), slot('average')];
  return {
    accumulate: [gradient, ...accumulator, gradient, ...accumulator],
    step: [weight, gradient, ...ruleSlots, weight, ...ruleSlots],
    average: [weight, ...average, weight, ...average],
  };
}

function found(values: ReadonlyMap<string, Value>, name: string): Value {
  const value = values.get(name);
  if (value === undefined) throw new InternalError(`optimizer: nothing is named "${name}".`);
  return value;
}

function required(kernel: Kernel | undefined): Kernel {
  if (kernel === undefined) throw new InternalError('an optimizer stage has no SIMD form.');
  return kernel;
}
