import { isFloat } from '../core/dtype.ts';
import { formatType, sameType, type TensorType } from '../core/shape.ts';
import { ShapeError } from '../errors.ts';
import { gradient } from '../ir/autodiff.ts';
import { type Graph, input, type Value } from '../ir/graph.ts';
import { interpret } from '../ir/interpret.ts';
import type { NDArray } from '../ir/ndarray.ts';
import { applyMulti, attrs, defineMultiOp } from '../ir/op.ts';
import { optimize } from '../ir/passes.ts';
import { bools, normal } from '../ir/samples.ts';
import { add, mul } from './binary.ts';
import { zeros } from './indices.ts';
import { reduceSum } from './reduce.ts';
import { anything, bool } from './support.ts';
import { sin } from './unary.ts';

interface CondAttrs {
  /** What is computed where the condition holds, and where not: from all inputs, results of the same types. */
  readonly ifTrue: Graph;
  readonly ifFalse: Graph;
}

/**
 * The results of one of two graphs; the other is not computed.
 * @param condition - `bool` scalar
 * @param inputs - what both graphs take
 * @throws {@link ShapeError} when the graphs take or give other types
 * @source ONNX If-16
 */
export function choose(
  condition: Value,
  ifTrue: Graph,
  ifFalse: Graph,
  inputs: readonly Value[],
): readonly Value[] {
  return applyMulti(condOp, { condition, inputs }, { ifTrue, ifFalse });
}
const condOp = defineMultiOp({
  name: 'cond',
  inputs: { condition: bool, inputs: { ...anything, variadic: true } },
  attrs: attrs<CondAttrs>(),
  infer: ({ condition, inputs }, { ifTrue, ifFalse }) => {
    if (condition.shape.length > 0) {
      throw new ShapeError(`cond: the condition must be a scalar. Received ${formatType(condition)}.`, {
        op: 'cond',
        argument: 'condition',
        expected: 'bool[]',
        received: formatType(condition),
      });
    }
    const results = [ifTrue, ifFalse].map((graph) => graph.outputs.map(({ value }) => value.type));
    const taken = [ifTrue, ifFalse].map((graph) => graph.inputs.map((value) => value.type));
    for (const types of taken) expectSame('take', types, inputs);
    const [first, second] = results as [TensorType[], TensorType[]];
    expectSame('give', second, first);
    return first;
  },
  lower: ({ condition, inputs }, { ifTrue, ifFalse }, emit) =>
    emit.many(
      'If',
      [condition],
      { then_branch: { graph: ifTrue, outer: inputs }, else_branch: { graph: ifFalse, outer: inputs } },
      ifTrue.outputs.length,
    ),
  vjp: ({ condition, inputs }, dys, branches) => ({ inputs: cotangents(condition, inputs, dys, branches) }),
  reference: ({ condition, inputs }, { ifTrue, ifFalse }) => {
    const graph = condition.data[0] === 0 ? ifFalse : ifTrue;
    return interpret(
      graph.outputs.map((o) => o.value),
      new Map(graph.inputs.map((value, i) => [value, inputs[i] as NDArray])),
    ).map((result) => result.data);
  },
  get samples() {
    return [
      { inputs: { condition: bools([]), inputs: [normal([2]), normal([2])] }, attrs: sampleBranches() },
      {
        inputs: { condition: bools([]), inputs: [normal([2]), normal([2])] },
        attrs: swapped(sampleBranches()),
      },
    ];
  },
  get errors() {
    return [
      {
        inputs: { condition: bools([2]), inputs: [normal([2]), normal([2])] },
        attrs: sampleBranches(),
        throws: ShapeError,
      },
      {
        inputs: { condition: bools([]), inputs: [normal([3])] },
        attrs: sampleBranches(),
        throws: ShapeError,
      },
    ];
  },
});

function expectSame(verb: string, types: readonly TensorType[], wanted: readonly TensorType[]): void {
  if (types.length === wanted.length && types.every((t, i) => sameType(t, wanted[i] as TensorType))) return;
  const [expected, received] = [wanted, types].map((list) => list.map(formatType).join(', ')) as [
    string,
    string,
  ];
  throw new ShapeError(`cond: both branches must ${verb} ${expected}. Received ${received}.`, {
    op: 'cond',
    expected,
    received,
  });
}

/** The same choice between the branches' own gradients. */
function cotangents(
  condition: Value,
  inputs: readonly Value[],
  dys: readonly (Value | null)[],
  { ifTrue, ifFalse }: CondAttrs,
): (Value | null)[] {
  const seeds = dys.flatMap((dy, i) => (dy !== null && isFloat(dy.dtype) ? [{ dy, i }] : []));
  const leaves = seeds.map(({ dy }, k) => input(`dy${inputs.length + k}`, dy.type));
  const wanted = inputs.flatMap(({ dtype }, i) => (isFloat(dtype) ? [i] : []));
  const branch = (graph: Graph): Graph => {
    const sources = wanted.map((i) => graph.inputs[i] as Value);
    const terms = seeds.map(({ i }, k) =>
      reduceSum(mul(graph.outputs[i]?.value as Value, leaves[k] as Value)),
    );
    const found = gradient(
      terms.reduce((a, b) => add(a, b)),
      sources,
    );
    return optimize({
      name: `${graph.name}(gradient)`,
      inputs: [...graph.inputs, ...leaves],
      outputs: sources.map((x, k) => ({ name: `dx${k}`, value: found[k] ?? zeros(x.shape, x.dtype) })),
    });
  };
  if (seeds.length === 0 || wanted.length === 0) return inputs.map(() => null);
  const found = choose(condition, branch(ifTrue), branch(ifFalse), [...inputs, ...seeds.map(({ dy }) => dy)]);
  return inputs.map((_, i) => found[wanted.indexOf(i)] ?? null);
}

/** `x y` or `sin(x)`. */
function sampleBranches(): CondAttrs {
  const leaves = (): Value[] => ['x', 'y'].map((name) => input(name, { dtype: 'float32', shape: [2] }));
  const graph = (name: string, build: (x: Value, y: Value) => Value): Graph => {
    const inputs = leaves();
    const [x, y] = inputs as [Value, Value];
    return { name, inputs, outputs: [{ name: 'z', value: build(x, y) }] };
  };
  return { ifTrue: graph('then', (x, y) => mul(x, y)), ifFalse: graph('else', (x) => sin(x)) };
}

function swapped({ ifTrue, ifFalse }: CondAttrs): CondAttrs {
  return { ifTrue: ifFalse, ifFalse: ifTrue };
}
