import { formatType, sameType, type TensorType } from '../core/shape.ts';
import { scalar } from '../core/tensor.ts';
import { ShapeError } from '../errors.ts';
import { constant, type Graph, input, topologicalOrder, type Value } from '../ir/graph.ts';
import { interpret } from '../ir/interpret.ts';
import type { NDArray } from '../ir/ndarray.ts';
import type { OnnxNode } from '../ir/onnx-node.ts';
import { applyMulti, attrs, defineMultiOp } from '../ir/op.ts';
import { normal, values } from '../ir/samples.ts';
import { add, mul } from './binary.ts';
import { less } from './compare.ts';
import { reduceSum } from './reduce.ts';
import { bool, discrete } from './support.ts';

interface WhileAttrs {
  /** Takes states and invariants; gives whether to go on, then the new states. */
  readonly body: Graph;
  /** How many of the inputs are states; all others are the same in every step. */
  readonly states: number;
}

/**
 * Repeats `body` as long as its first result is true.
 * @param more - `bool` scalar: whether to begin
 * @param states - values before the first step
 * @param invariants - what every step reads as it is
 * @returns the states after the last step
 * @throws {@link ShapeError} when the body takes other types, or changes the type of a state
 * @source ONNX Loop-16
 */
export function repeatWhile(
  more: Value,
  body: Graph,
  states: readonly Value[],
  invariants: readonly Value[],
): readonly Value[] {
  return applyMulti(whileOp, { more, inputs: [...states, ...invariants] }, { body, states: states.length });
}
const whileOp = defineMultiOp({
  name: 'whileLoop',
  inputs: { more: bool, inputs: { ...discrete, variadic: true } },
  attrs: attrs<WhileAttrs>(),
  infer: ({ more, inputs }, { body, states }) => {
    const before = inputs.slice(0, states);
    const after = body.outputs.map(({ value }) => value.type);
    expectTypes(
      'takes',
      body.inputs.map((value) => value.type),
      inputs,
    );
    expectTypes('gives', after, [{ dtype: 'bool', shape: [] }, ...before]);
    expectTypes('begins on', [more], [{ dtype: 'bool', shape: [] }]);
    return before;
  },
  lower: ({ more, inputs }, { body, states }, emit) => {
    const iteration = input('iteration', { dtype: 'int64', shape: [] });
    const before = input('more', { dtype: 'bool', shape: [] });
    const graph = { ...body, inputs: [iteration, before, ...body.inputs] };
    const fed = [undefined, more, ...inputs.slice(0, states)];
    return emit.many('Loop', fed, { body: { graph, outer: inputs.slice(states) } }, states);
  },
  vjp: 'nondifferentiable',
  onnx: { Loop: readLoop },
  reference: ({ more, inputs }, { body, states }) => {
    let [going, ...carried] = [more, ...inputs.slice(0, states)] as [NDArray, ...NDArray[]];
    while (going.data[0] !== 0) {
      const given = [...carried, ...inputs.slice(states)];
      [going, ...carried] = interpret(
        body.outputs.map((o) => o.value),
        new Map(body.inputs.map((value, i) => [value, given[i] as NDArray])),
      ) as [NDArray, ...NDArray[]];
    }
    return carried.map((c) => c.data);
  },
  get samples() {
    return [
      { inputs: { more: values([1], [], 'bool'), inputs: [normal([2]), normal([2])] }, attrs: sampleLoop() },
      { inputs: { more: values([0], [], 'bool'), inputs: [normal([2]), normal([2])] }, attrs: sampleLoop() },
    ];
  },
  get errors() {
    return [
      {
        inputs: { more: values([1], [], 'bool'), inputs: [normal([3]), normal([2])] },
        attrs: sampleLoop(),
        throws: ShapeError,
      },
    ];
  },
});

function expectTypes(verb: string, types: readonly TensorType[], wanted: readonly TensorType[]): void {
  if (types.length === wanted.length && types.every((t, i) => sameType(t, wanted[i] as TensorType))) return;
  const [expected, received] = [wanted, types].map((list) => list.map(formatType).join(', ')) as [
    string,
    string,
  ];
  throw new ShapeError(`whileLoop: expected a loop that ${verb} ${expected}. Received ${received}.`, {
    op: 'whileLoop',
    expected,
    received,
  });
}

/** Loops without a number of steps and without stacked results. */
function readLoop(node: OnnxNode): readonly Value[] {
  if (node.inputs[0] !== undefined) node.unsupported('a loop with a number of steps is not supported');
  const more = node.inputs[1] ?? constant(scalar(1, 'bool'));
  const states = node.inputs.slice(2).map((_, i) => node.input(2 + i));
  const scalars: TensorType[] = [
    { dtype: 'int64', shape: [] },
    { dtype: 'bool', shape: [] },
  ];
  const { body, outer } = node.graph('body', [...scalars, ...states.map((s) => s.type)]);
  const [iteration, before, ...rest] = body.inputs;
  const used = topologicalOrder(body.outputs.map((o) => o.value));
  if (
    body.outputs.length !== states.length + 1 ||
    used.some((n) => n === iteration?.node || n === before?.node)
  ) {
    node.unsupported('loops that read their counter, or stack results, are not supported');
  }
  return repeatWhile(more, { ...body, inputs: rest }, states, outer);
}

/** `x = 2 x + y^2`, until the squares of `x` sum to more than 50. */
function sampleLoop(): WhileAttrs {
  const [x, y] = ['x', 'y'].map((name) => input(name, { dtype: 'float32', shape: [2] })) as [Value, Value];
  const next = add(mul(x, 2), mul(y, y));
  const outputs = [
    { name: 'more', value: less(reduceSum(mul(next, next)), 50) },
    { name: 'next', value: next },
  ];
  return { body: { name: 'loop', inputs: [x, y], outputs }, states: 1 };
}
