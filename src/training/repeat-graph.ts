import type { Pieces } from '../core/event-loop.ts';
import type { TensorType } from '../core/shape.ts';
import { type Graph, type GraphOutput, input, type Value } from '../ir/graph.ts';
import { optimizing } from '../ir/passes.ts';
import type { Weight } from '../layers/weight.ts';
import { add } from '../ops/index.ts';
import { scan } from '../ops/scan.ts';
import { type GraphState, type Optimizer, slotShape, updateGraph } from '../optimizers/index.ts';
import type { StepGraph } from './step-graph.ts';

const scalar: TensorType = { dtype: 'float32', shape: [] };

/** Order of the states of the loop: every weight of the step, the slots by weight, the shared scalars, the iteration. */
export interface RepeatGraph {
  readonly graph: Graph;
  readonly weights: readonly Weight[];
  readonly slots: readonly { readonly name: string; readonly weight: Weight }[];
  readonly shared: readonly string[];
}

/**
 * Several training steps as one graph: a loop that carries weights and optimizer state and takes one batch from each
 * stacked input per round. The update rule is the same expression that the CPU runs as a kernel.
 * @returns inputs: states, then the stacked batch inputs and learning rates; outputs: states, then stacked results
 */
export function* repeatStep(step: StepGraph, optimizer: Optimizer, count: number): Pieces<RepeatGraph> {
  const { weights } = step.inputs;
  const leaves = step.graph.inputs.slice(0, weights.length);
  const batch = step.graph.inputs.slice(weights.length);
  const values = step.graph.outputs.map((o) => o.value);
  const { gradients, updates } = step.outputs;
  const results = values.slice(gradients.length + updates.length);
  const learningRate = input('learningRate', scalar);
  const iteration = input('iteration', scalar);
  const sharedNames = (optimizer.shared?.slots ?? []).map((s) => s.name);
  const leafOf = (w: Weight): Value => leaves[weights.indexOf(w)] as Value;
  const before: GraphState = {
    weights: gradients.map(leafOf),
    slots: gradients.map((w) => slotInputs(optimizer, w)),
    shared: Object.fromEntries(sharedNames.map((name) => [name, input(name, scalar)])),
  };
  const after = updateGraph(optimizer, before, {
    gradients: values.slice(0, gradients.length),
    paths: gradients.map((w) => w.path),
    learningRate,
    iteration,
  });
  const nextWeight = (w: Weight, leaf: Value): Value => {
    if (gradients.includes(w)) {
      const next = after.weights[gradients.indexOf(w)] as Value;
      return w.constraint?.call(next) ?? next;
    }
    return updates.includes(w) ? (values[gradients.length + updates.indexOf(w)] as Value) : leaf;
  };
  const statesOf = (s: GraphState): Value[] => [
    ...s.slots.flatMap((slots) => Object.values(slots)),
    ...sharedNames.map((n) => s.shared[n] as Value),
  ];
  const body: Graph = yield* optimizing({
    name: 'step',
    inputs: [...leaves, ...statesOf(before), iteration, ...batch, learningRate],
    outputs: [
      ...weights.map((w, i) => nextWeight(w, leaves[i] as Value)),
      ...statesOf(after),
      add(iteration, 1),
      ...results,
    ].map(named),
  });
  const states = weights.length + statesOf(before).length + 1;
  const outer = body.inputs.map((v, i) =>
    input(`in${i}`, i < states ? v.type : { dtype: v.dtype, shape: [count, ...v.shape] }),
  );
  return {
    graph: {
      name: 'steps',
      inputs: outer,
      outputs: scan(body, outer.slice(0, states), outer.slice(states)).map(named),
    },
    weights,
    slots: gradients.flatMap((weight, i) =>
      Object.keys(before.slots[i] ?? {}).map((name) => ({ name, weight })),
    ),
    shared: sharedNames,
  };
}

/** Graph inputs for the slots that a weight has. */
function slotInputs(optimizer: Optimizer, weight: Weight): Record<string, Value> {
  const slots: Record<string, Value> = {};
  for (const slot of optimizer.slots) {
    const shape = slotShape(slot, weight);
    if (shape !== undefined)
      slots[slot.name] = input(`${slot.name}:${weight.path}`, { dtype: 'float32', shape });
  }
  return slots;
}

const named = (value: Value, i: number): GraphOutput => ({ name: `out${i}`, value });
