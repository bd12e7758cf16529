import { Arena } from '../../src/backend/wasm/arena.ts';
import { atOnce } from '../../src/core/event-loop.ts';
import { sizeOf } from '../../src/core/shape.ts';
import { Tensor } from '../../src/core/tensor.ts';
import { input, type Value } from '../../src/ir/graph.ts';
import { interpret } from '../../src/ir/interpret.ts';
import type { NDArray } from '../../src/ir/ndarray.ts';
import {
  type GraphState,
  type Optimizer,
  OptimizerState,
  optimizerRegions,
  slotPlaces,
  slotShape,
  updateGraph,
  WasmUpdate,
} from '../../src/optimizers/index.ts';
import { type GoldenTensor, goldenTensor } from './golden.ts';

/** Weights and their gradients, step by step. */
export interface Descent {
  readonly initial: readonly (GoldenTensor & { readonly name: string })[];
  readonly gradients: readonly (readonly GoldenTensor[])[];
}

/** The weights after each step and the state after the last. */
export interface Trajectory {
  readonly steps: readonly (readonly ArrayLike<number>[])[];
  /** Slots in checkpoint order, then shared scalars. */
  readonly slots: readonly ArrayLike<number>[];
}

/** An arena with the initial weights. */
export function makeState(optimizer: Optimizer, { initial }: Descent): OptimizerState {
  const parameters = initial.map(({ name, shape }, index) => ({ path: name, shape, index }));
  const weights = parameters.map(({ shape }) => sizeOf(shape));
  const arena = new Arena({ weights, ...optimizerRegions(optimizer, parameters) });
  initial.forEach((tensor, i) => {
    arena.view('weights', i).set(goldenTensor(tensor).data as Float32Array);
  });
  return new OptimizerState(optimizer, arena, parameters);
}

/** Ten steps, say, with the SIMD kernels; `undefined` where the rule has none. */
export function runKernels(state: OptimizerState, { gradients }: Descent): Trajectory | undefined {
  const update = atOnce(WasmUpdate.compile(state));
  if (update === undefined) return undefined;
  const runs = update.plan();
  const { arena, parameters } = state;
  const steps = gradients.map((tensors) => {
    tensors.forEach((g, i) => {
      arena.view('gradients', i).set(goldenTensor(g).data as Float32Array);
    });
    update.apply(runs);
    return parameters.map((_, i) => arena.view('weights', i).slice());
  });
  const kept = state.variables.filter((v) => !/\/(iteration|learning_rate)$/.test(v.path));
  return { steps, slots: kept.map((v) => v.read().data as Float32Array) };
}

/** The same steps with the graph, in float64. */
export function runGraph(optimizer: Optimizer, { initial, gradients }: Descent): Trajectory {
  const vectors = (name: string): Value[] =>
    initial.map(({ shape }, i) => input(`${name}${i}`, { dtype: 'float32', shape }));
  const scalarInput = (name: string): Value => input(name, { dtype: 'float32', shape: [] });
  const sharedSlots = optimizer.shared?.slots ?? [];
  const state: GraphState = {
    weights: vectors('weight'),
    slots: initial.map(({ name: path, shape: own }) =>
      Object.fromEntries(
        optimizer.slots.flatMap((slot) => {
          const shape = slotShape(slot, { path, shape: own });
          return shape ? [[slot.name, input(slot.name, { dtype: 'float32', shape })]] : [];
        }),
      ),
    ),
    shared: Object.fromEntries(sharedSlots.map(({ name }) => [name, scalarInput(name)])),
  };
  const inputs = {
    gradients: vectors('gradient'),
    paths: initial.map(({ name }) => name),
    learningRate: scalarInput('learningRate'),
    iteration: scalarInput('iteration'),
  };
  const flatten = (s: GraphState): Value[] => [
    ...s.weights,
    ...s.slots.flatMap((slots) => Object.values(slots)),
    ...Object.values(s.shared),
  ];
  const before = flatten(state);
  const after = flatten(updateGraph(optimizer, state, inputs));
  const feeds = new Map<Value, NDArray>();
  const feed = (value: Value, data: Iterable<number>): void => {
    feeds.set(value, { ...value.type, data: Float64Array.from(data) });
  };
  initial.forEach(({ data }, i) => {
    feed(state.weights[i] as Value, data);
    for (const slot of optimizer.slots) {
      const value = state.slots[i]?.[slot.name];
      if (value === undefined) continue;
      feed(
        value,
        slot.initial === 'weight' ? data : new Float64Array(sizeOf(value.shape)).fill(slot.initial),
      );
    }
  });
  for (const { name, initial: first } of sharedSlots) feed(state.shared[name] as Value, [first]);
  const steps = gradients.map((tensors, iteration) => {
    tensors.forEach((g, i) => {
      feed(inputs.gradients[i] as Value, g.data);
    });
    feed(inputs.learningRate, [optimizer.learningRateAt(iteration)]);
    feed(inputs.iteration, [iteration]);
    const results = interpret(after, feeds);
    results.forEach((result, i) => {
      feed(before[i] as Value, result.data);
    });
    return results.slice(0, initial.length).map((r) => r.data);
  });
  const read = (value: Value): ArrayLike<number> => (feeds.get(value) as NDArray).data;
  const weights = initial.map(({ name: path, shape }) => ({ path, shape }));
  const slots = slotPlaces(optimizer, weights).map(({ name, parameter }) =>
    read(state.slots[parameter]?.[name] as Value),
  );
  return { steps, slots: [...slots, ...Object.values(state.shared).map(read)] };
}

/** A float32 tensor of numbers. */
export const float32 = (data: readonly number[]): Tensor =>
  new Tensor('float32', [data.length], Float32Array.from(data));
