import { formatType, type Shape, sameType, type TensorType } from '../core/shape.ts';
import { ShapeError } from '../errors.ts';
import type { Graph, Value } from '../ir/graph.ts';
import { input } from '../ir/graph.ts';
import { interpret } from '../ir/interpret.ts';
import type { NDArray } from '../ir/ndarray.ts';
import type { OnnxNode } from '../ir/onnx-node.ts';
import { applyMulti, attrs, defineMultiOp } from '../ir/op.ts';
import { normal } from '../ir/samples.ts';
import { add, mul } from './binary.ts';
import { discrete } from './support.ts';

interface ScanAttrs {
  /**
   * One step: takes the states, then one slice of each sequence; gives the new states, then one slice of each result.
   */
  readonly body: Graph;
  /** How many of the inputs (and outputs) are states. */
  readonly states: number;
}

/**
 * A loop inside the graph: `body` runs once for every entry of the first axis of the sequences and hands its states on.
 * @param states - values before the first step
 * @param sequences - `[steps, ...]`, at least one
 * @returns the states after the last step, then the bodies' further results stacked to `[steps, ...]`
 * @source ONNX Scan-16
 */
export function scan(body: Graph, states: readonly Value[], sequences: readonly Value[]): readonly Value[] {
  return applyMulti(scanOp, { inputs: [...states, ...sequences] }, { body, states: states.length });
}
const scanOp = defineMultiOp({
  name: 'scan',
  inputs: { inputs: { ...discrete, variadic: true } },
  attrs: attrs<ScanAttrs>(),
  infer: ({ inputs }, { body, states }) => {
    const steps = inputs[states]?.shape[0];
    if (steps === undefined)
      throw new ShapeError('scan: needs a sequence with a first axis.', { op: 'scan' });
    inputs.forEach((given, i) => {
      const taken = (body.inputs[i] as Value).type;
      const wanted = i < states ? taken : { dtype: taken.dtype, shape: [steps, ...taken.shape] };
      if (!sameType(given, wanted)) {
        throw new ShapeError(
          `scan: input ${i} must be ${formatType(wanted)}. Received ${formatType(given)}.`,
          {
            op: 'scan',
            expected: formatType(wanted),
            received: formatType(given),
          },
        );
      }
    });
    return body.outputs.map(({ value }, i): TensorType => {
      if (i >= states) return { dtype: value.dtype, shape: [steps, ...value.shape] };
      const before = inputs[i] as TensorType;
      if (sameType(before, value.type)) return before;
      throw new ShapeError(
        `scan: state ${i} is ${formatType(before)} but becomes ${formatType(value.type)}.`,
        { op: 'scan' },
      );
    });
  },
  lower: ({ inputs }, { body, states }, emit) => {
    const attributes = { body: { graph: body }, num_scan_inputs: { int: inputs.length - states } };
    return emit.many('Scan', inputs, attributes, body.outputs.length);
  },
  vjp: 'nondifferentiable',
  onnx: { Scan: readScan },
  reference: ({ inputs }, { body, states }) => {
    const steps = (inputs[states] as NDArray).shape[0] as number;
    let carried = inputs.slice(0, states);
    const stacked: number[][] = body.outputs.slice(states).map(() => []);
    for (let t = 0; t < steps; t++) {
      const given = [...carried, ...inputs.slice(states).map((x) => entry(x, t))];
      const results = interpret(
        body.outputs.map((o) => o.value),
        new Map(body.inputs.map((v, i) => [v, given[i] as NDArray])),
      );
      carried = results.slice(0, states);
      results.slice(states).forEach((r, i) => {
        for (const v of r.data) (stacked[i] as number[]).push(v);
      });
    }
    return [...carried.map((c) => c.data), ...stacked.map((s) => Float64Array.from(s))];
  },
  samples: [
    { inputs: { inputs: [normal([2]), normal([3, 2])] }, attrs: { body: sampleBody([2]), states: 1 } },
  ],
  errors: [
    {
      inputs: { inputs: [normal([3]), normal([3, 2])] },
      attrs: { body: sampleBody([2]), states: 1 },
      throws: ShapeError,
    },
  ],
});

/** Scan over first axes, forwards. */
function readScan(node: OnnxNode): readonly Value[] {
  const other = ['scan_input_axes', 'scan_input_directions', 'scan_output_axes', 'scan_output_directions'];
  if (other.some((name) => node.has(name) && node.ints(name).some((v) => v !== 0))) {
    node.unsupported('only scans over first axes, from the first entry on, are supported');
  }
  if (node.opset < 9)
    node.unsupported('batched scans, as they were before operator set 9, are not supported');
  const inputs = node.inputs.map((_, i) => node.input(i));
  const states = inputs.length - node.int('num_scan_inputs');
  const types = inputs.map(({ dtype, shape }, i) => ({ dtype, shape: i < states ? shape : shape.slice(1) }));
  return scan(node.graph('body', types), inputs.slice(0, states), inputs.slice(states));
}

/** Entry `t` of the first axis. */
function entry(x: NDArray, t: number): NDArray {
  const shape = x.shape.slice(1);
  const size = shape.reduce((a, b) => a * b, 1);
  return { dtype: x.dtype, shape, data: x.data.slice(t * size, (t + 1) * size) };
}

/** `state' = state + x`, result `state * x`. */
function sampleBody(shape: Shape): Graph {
  const state = input('state', { dtype: 'float32', shape });
  const x = input('x', { dtype: 'float32', shape });
  return {
    name: 'body',
    inputs: [state, x],
    outputs: [
      { name: 'next', value: add(state, x) },
      { name: 'product', value: mul(state, x) },
    ],
  };
}
