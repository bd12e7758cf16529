import type { Value } from '../ir/graph.ts';
import { apply, applyMulti, attrs, defineMultiOp, defineOp, noAttrs } from '../ir/op.ts';
import { normal } from '../ir/samples.ts';
import { anything, discrete } from './support.ts';

/** `y = x` as a value of its own: a gradient with respect to it ignores other uses of `x`. */
export function identity(x: Value): Value {
  return apply(identityOp, { x }, {});
}
const identityOp = defineOp({
  name: 'identity',
  inputs: { x: anything },
  attrs: noAttrs,
  elementwise: true,
  infer: ({ x }) => x,
  lower: ({ x }) => x.name,
  vjp: (_inputs, dy) => ({ x: dy }),
  reference: ({ x }) => x.data.slice(),
  simplify: ({ x }) => x,
  samples: [{ inputs: { x: normal([2, 3]) } }],
});

/** `y = x`, through which no gradient flows: for differentiation `y` is a constant. */
export function stopGradient(x: Value): Value {
  return apply(stopGradientOp, { x }, {});
}
const stopGradientOp = defineOp({
  name: 'stopGradient',
  inputs: { x: anything },
  attrs: noAttrs,
  elementwise: true,
  infer: ({ x }) => x,
  lower: ({ x }) => x.name,
  vjp: 'nondifferentiable',
  reference: ({ x }) => x.data.slice(),
  samples: [{ inputs: { x: normal([2, 3]) } }],
});

/** Cotangents of all inputs from those of the results (`null` where one is unused); `null` is zero. */
export type GradientRule = (
  dys: readonly (Value | null)[],
  inputs: readonly Value[],
) => readonly (Value | null)[];

interface RuleAttrs {
  /** An object, so that no pass takes two rules for the same one. */
  readonly rule: { readonly apply: GradientRule };
  /** How many of the inputs are results. */
  readonly results: number;
}

/** The first `results` inputs as they are; their gradient with respect to all inputs is what `rule` says. */
export function withGradient(
  inputs: readonly Value[],
  results: number,
  rule: GradientRule,
): readonly Value[] {
  return applyMulti(withGradientOp, { inputs }, { rule: { apply: rule }, results });
}
const withGradientOp = defineMultiOp({
  name: 'withGradient',
  inputs: { inputs: { ...anything, variadic: true } },
  attrs: attrs<RuleAttrs>(),
  infer: ({ inputs }, { results }) => inputs.slice(0, results),
  lower: ({ inputs }, { results }) => inputs.slice(0, results).map((y) => y.name),
  vjp: ({ inputs }, dys, { rule }) => ({ inputs: rule.apply(dys, inputs) }),
  reference: ({ inputs }, { results }) => inputs.slice(0, results).map((y) => y.data.slice()),
  samples: [
    {
      inputs: { inputs: [normal([2]), normal([3])] },
      attrs: { rule: { apply: (dys) => [...dys, null] }, results: 1 },
    },
  ],
});

/**
 * `y = x`, computed no earlier than `after`: what is computed from `y` is kept apart from what is computed from `x`,
 * so that it need not be remembered meanwhile.
 */
export function delay(x: Value, after: Value): Value {
  return apply(delayOp, { x, after }, {});
}
const delayOp = defineOp({
  name: 'delay',
  inputs: { x: anything, after: discrete },
  attrs: noAttrs,
  infer: ({ x }) => x,
  lower: ({ x, after }, _attrs, emit) => {
    if (emit.target === 'standard') return x.name;
    // a reshape, which copies nothing, to a shape that the runtime cannot know before `after`: shape + 0 * after[0]
    const flat = emit.op('Reshape', [after, emit.constant([-1], 'int64')]);
    const [from, to] = [emit.constant([0], 'int64'), emit.constant([1], 'int64')];
    const first = emit.op('Cast', [emit.op('Slice', [flat, from, to])], { to: { int: onnxInt64 } });
    const zero = emit.op('Mul', [first, emit.constant([0], 'int64')]);
    const { shape } = x.type;
    const target = shape.length === 0 ? emit.op('Slice', [zero, from, from]) : zero;
    const sizes = emit.op('Add', [target, emit.constant(shape, 'int64', [shape.length])]);
    return emit.op('Reshape', [x, sizes]);
  },
  vjp: (_inputs, dy) => ({ x: dy }),
  reference: ({ x }) => x.data.slice(),
  samples: [
    { inputs: { x: normal([2, 3]), after: normal([4]) } },
    { inputs: { x: normal([]), after: normal([]) } },
  ],
});

/** ONNX's number of `int64`. */
const onnxInt64 = 7;
