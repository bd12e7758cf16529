import { formatType, type Shape, sameType, type TensorType } from '../core/shape.ts';
import { ShapeError } from '../errors.ts';
import type { Graph, GraphOutput, Value } from '../ir/graph.ts';
import { input } from '../ir/graph.ts';
import { interpret } from '../ir/interpret.ts';
import type { NDArray } from '../ir/ndarray.ts';
import type { OnnxNode } from '../ir/onnx-node.ts';
import { applyMulti, attrs, defineMultiOp } from '../ir/op.ts';
import { normal } from '../ir/samples.ts';
import { add, mul } from './binary.ts';
import { concat } from './concat.ts';
import { matmul } from './matmul.ts';
import { scanCotangents } from './scan-gradient.ts';
import { anything } from './support.ts';
import { sigmoid, tanh } from './unary.ts';

/** What a scan does with its inputs: first states, then sequences, then what is the same in every step. */
export interface ScanAttrs {
  /** One step: takes states, one entry of each sequence, invariants; gives the new states, then one entry of each result. */
  readonly body: Graph;
  /** How many of the inputs (and outputs) are states. */
  readonly states: number;
  /** How many of the inputs are the same in every step. */
  readonly invariants: number;
  /** From the last entry to the first; results stay at the places of the entries that they belong to. */
  readonly reverse: boolean;
}

/** Further arguments of {@link scan}. */
export interface ScanOptions {
  /** What every step reads as it is. */
  readonly invariants?: readonly Value[];
  /** Whether to go from the last entry to the first. */
  readonly reverse?: boolean;
}

/**
 * A loop inside the graph: `body` runs once for every entry of the first axis of the sequences and hands its states on.
 * @param body - takes states, entries and invariants; gives new states and entries of the results
 * @param states - values before the first step
 * @param sequences - `[steps, ...]`, at least one
 * @returns the states after the last step, then the bodies' further results stacked to `[steps, ...]`
 * @throws {@link ShapeError} when an input is not of the type that the body takes, or a state changes its type
 * @source ONNX Scan-16
 */
export function scan(
  body: Graph,
  states: readonly Value[],
  sequences: readonly Value[],
  { invariants = [], reverse = false }: ScanOptions = {},
): readonly Value[] {
  return applyMulti(
    scanOp,
    { inputs: [...states, ...sequences, ...invariants] },
    { body, states: states.length, invariants: invariants.length, reverse },
  );
}
const scanOp = defineMultiOp({
  name: 'scan',
  inputs: { inputs: { ...anything, variadic: true } },
  attrs: attrs<ScanAttrs>(),
  infer: ({ inputs }, a) => inferScan(inputs, a),
  lower: ({ inputs }, { body, states, invariants, reverse }, emit) => {
    const fed = inputs.length - invariants;
    const results = body.outputs.length - states;
    const backwards = (count: number) => ({ ints: new Array<number>(count).fill(1) });
    const attributes = {
      body: { graph: body, outer: inputs.slice(fed) },
      num_scan_inputs: { int: fed - states },
      ...(reverse && { scan_input_directions: backwards(fed - states) }),
      ...(reverse && results > 0 && { scan_output_directions: backwards(results) }),
    };
    return emit.many('Scan', inputs.slice(0, fed), attributes, body.outputs.length);
  },
  vjp: ({ inputs }, dys, a, ys) => ({ inputs: scanCotangents(scan, inputs, dys, a, ys) }),
  onnx: { Scan: readScan },
  reference: ({ inputs }, a) => runScan(inputs, a),
  get samples() {
    return [
      {
        inputs: { inputs: [normal([2]), normal([3, 2])] },
        attrs: { body: sums([2]), states: 1, invariants: 0, reverse: false },
      },
      {
        inputs: { inputs: [normal([2, 3]), normal([2, 3]), normal([4, 2, 5]), normal([8, 3])] },
        attrs: { body: gated(), states: 2, invariants: 1, reverse: false },
      },
      {
        inputs: { inputs: [normal([2, 3]), normal([2, 3]), normal([3, 2, 5]), normal([8, 3])] },
        attrs: { body: gated(), states: 2, invariants: 1, reverse: true },
      },
    ];
  },
  get errors() {
    return [
      {
        inputs: { inputs: [normal([3]), normal([3, 2])] },
        attrs: { body: sums([2]), states: 1, invariants: 0, reverse: false },
        throws: ShapeError,
      },
    ];
  },
});

function inferScan(
  inputs: readonly TensorType[],
  { body, states, invariants }: ScanAttrs,
): readonly TensorType[] {
  const steps = inputs[states]?.shape[0];
  const fed = inputs.length - invariants;
  if (steps === undefined || fed === states)
    throw new ShapeError('scan: needs a sequence with a first axis.', { op: 'scan' });
  inputs.forEach((given, i) => {
    const taken = (body.inputs[i] as Value).type;
    const isSequence = i >= states && i < fed;
    const wanted = isSequence ? { dtype: taken.dtype, shape: [steps, ...taken.shape] } : taken;
    if (sameType(given, wanted)) return;
    const [expected, received] = [formatType(wanted), formatType(given)];
    throw new ShapeError(`scan: input ${i} must be ${expected}. Received ${received}.`, {
      op: 'scan',
      expected,
      received,
    });
  });
  return body.outputs.map(({ value }, i): TensorType => {
    if (i >= states) return { dtype: value.dtype, shape: [steps, ...value.shape] };
    const before = inputs[i] as TensorType;
    if (sameType(before, value.type)) return before;
    throw new ShapeError(`scan: state ${i} is ${formatType(before)} but becomes ${formatType(value.type)}.`, {
      op: 'scan',
    });
  });
}

function runScan(
  inputs: readonly NDArray[],
  { body, states, invariants, reverse }: ScanAttrs,
): Float64Array[] {
  const steps = (inputs[states] as NDArray).shape[0] as number;
  const fed = inputs.length - invariants;
  const values = body.outputs.map((o) => o.value);
  const stacked = values
    .slice(states)
    .map((v) => new Float64Array(steps * v.shape.reduce((a, b) => a * b, 1)));
  let carried = inputs.slice(0, states);
  for (let k = 0; k < steps; k++) {
    const t = reverse ? steps - 1 - k : k;
    const entries = inputs.slice(states, fed).map((x) => entry(x, t));
    const given = [...carried, ...entries, ...inputs.slice(fed)];
    const results = interpret(values, new Map(body.inputs.map((v, i) => [v, given[i] as NDArray])));
    carried = results.slice(0, states);
    results.slice(states).forEach((r, i) => {
      (stacked[i] as Float64Array).set(r.data, t * r.data.length);
    });
  }
  return [...carried.map((c) => c.data), ...stacked];
}

/** Entry `t` of the first axis. */
function entry(x: NDArray, t: number): NDArray {
  const shape = x.shape.slice(1);
  const size = shape.reduce((a, b) => a * b, 1);
  return { dtype: x.dtype, shape, data: x.data.slice(t * size, (t + 1) * size) };
}

/** Scan over first axes, all of them in one direction. */
function readScan(node: OnnxNode): readonly Value[] {
  const other = ['scan_input_axes', 'scan_output_axes'];
  if (other.some((name) => node.has(name) && node.ints(name).some((v) => v !== 0))) {
    node.unsupported('only scans over first axes are supported');
  }
  if (node.opset < 9)
    node.unsupported('batched scans, as they were before operator set 9, are not supported');
  const inputs = node.inputs.map((_, i) => node.input(i));
  const states = inputs.length - node.int('num_scan_inputs');
  const types = inputs.map(({ dtype, shape }, i) => ({ dtype, shape: i < states ? shape : shape.slice(1) }));
  const { body, outer } = node.graph('body', types);
  const zeros = new Array<number>(inputs.length - states + body.outputs.length - states).fill(0);
  const directions = [
    ...node.ints('scan_input_directions', zeros.slice(0, inputs.length - states)),
    ...node.ints('scan_output_directions', zeros.slice(inputs.length - states)),
  ];
  if (new Set(directions).size > 1)
    node.unsupported('a scan must go in one direction with all that it reads and writes');
  const reverse = directions[0] === 1;
  return scan(body, inputs.slice(0, states), inputs.slice(states), { invariants: outer, reverse });
}

function named(value: Value, i: number): GraphOutput {
  return { name: `out${i}`, value };
}

function leaf(name: string, shape: Shape): Value {
  return input(name, { dtype: 'float32', shape });
}

/** `state' = state + x`, result `state * x`. */
function sums(shape: Shape): Graph {
  const [state, x] = [leaf('state', shape), leaf('x', shape)];
  return { name: 'body', inputs: [state, x], outputs: [add(state, x), mul(state, x)].map(named) };
}

/** `h' = tanh([h, x] w)`, `c' = c sigmoid(h') + h'`, result `c'`: the first state has no history among the results. */
function gated(): Graph {
  const [h, c, x, w] = [leaf('h', [2, 3]), leaf('c', [2, 3]), leaf('x', [2, 5]), leaf('w', [8, 3])];
  const next = tanh(matmul(concat([h, x], 1), w));
  const cell = add(mul(c, sigmoid(next)), next);
  return { name: 'body', inputs: [h, c, x, w], outputs: [next, cell, cell].map(named) };
}
