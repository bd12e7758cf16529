import { formatShape, sizeOf, type TensorType } from '../core/shape.ts';
import { ShapeError } from '../errors.ts';
import { gradient } from '../ir/autodiff.ts';
import { input, type Value } from '../ir/graph.ts';
import { interpret } from '../ir/interpret.ts';
import type { NDArray } from '../ir/ndarray.ts';
import { applyMulti, attrs, defineMultiOp } from '../ir/op.ts';
import { normal, unit } from '../ir/samples.ts';
import { add, mul } from './binary.ts';
import { readRecurrent } from './onnx-recurrent.ts';
import {
  gatesOf,
  type RecurrentKind,
  type RecurrentRules,
  statesOf,
  unfoldRecurrent,
} from './recurrent-steps.ts';
import { reduceSum } from './reduce.ts';
import { float } from './support.ts';
import { sigmoid, tanh } from './unary.ts';

interface RecurrentAttrs {
  readonly kind: RecurrentKind;
  /** From the last step to the first; outputs stay at their places. */
  readonly reverse: boolean;
  /** GRU: whether the reset gate works on the product of the state. */
  readonly linearBeforeReset: boolean;
}

/** Operands of {@link recurrent}. */
export interface RecurrentOperands {
  /** `[steps, batch, features]`. */
  readonly x: Value;
  /** `[gates * units, features]`; gates i, o, f, c of an LSTM, z, r, h of a GRU. */
  readonly w: Value;
  /** `[gates * units, units]`. */
  readonly r: Value;
  /** `[2 * gates * units]`: the input's bias, then the state's. */
  readonly b: Value;
  /** Each `[batch, units]`: h, and c of an LSTM. */
  readonly states: readonly Value[];
}

/**
 * A whole recurrent layer, sigmoid and tanh inside, on the runtime's own kernel.
 * @returns the outputs of all steps, `[steps, batch, units]`, then the last states, each `[batch, units]`
 * @throws {@link ShapeError} when sizes do not fit each other
 * @source ONNX LSTM-14, GRU-14, RNN-14
 */
export function recurrent(
  { x, w, r, b, states }: RecurrentOperands,
  {
    kind,
    reverse = false,
    linearBeforeReset = false,
  }: Partial<RecurrentAttrs> & Pick<RecurrentAttrs, 'kind'>,
): readonly Value[] {
  return applyMulti(recurrentOp, { x, w, r, b, states }, { kind, reverse, linearBeforeReset });
}
const recurrentOp = defineMultiOp({
  name: 'recurrent',
  inputs: { x: float, w: float, r: float, b: float, states: { ...float, variadic: true } },
  attrs: attrs<RecurrentAttrs>(),
  infer: ({ x, w, r, b, states }, { kind }) => {
    const [steps = 0, batch = 0, features = 0] = x.shape;
    const units = r.shape[1] ?? 0;
    const width = gatesOf[kind] * units;
    const wanted = [[steps, batch, features], [width, features], [width, units], [2 * width]];
    const state: TensorType = { dtype: x.dtype, shape: [batch, units] };
    const all = [x, w, r, b, ...states].map((t) => formatShape(t.shape)).join(', ');
    const expected = [...wanted, ...new Array(statesOf[kind]).fill(state.shape)]
      .map((s) => formatShape(s))
      .join(', ');
    if (all !== expected) {
      throw new ShapeError(`recurrent: expected operands of shapes ${expected}. Received ${all}.`, {
        op: 'recurrent',
        expected,
        received: all,
      });
    }
    return [{ dtype: x.dtype, shape: [steps, batch, units] }, ...states.map(() => state)];
  },
  flops: ({ x, w, r }) => 2 * sizeOf(x.shape.slice(0, 2)) * (sizeOf(w.shape) + sizeOf(r.shape)),
  lower: ({ x, w, r, b, states }, { kind, reverse, linearBeforeReset }, emit, ys) => {
    const one = emit.constant([0], 'int64');
    const grown = [w, r, b].map((v) => emit.op('Unsqueeze', [v, one]));
    const initial = states.map((s) => emit.op('Unsqueeze', [s, one]));
    const attributes = {
      hidden_size: { int: r.type.shape[1] as number },
      ...(reverse && { direction: { string: 'reverse' } }),
      ...(kind === 'GRU' && { linear_before_reset: { int: linearBeforeReset ? 1 : 0 } }),
    };
    const results = emit.many(kind, [x, ...grown, undefined, ...initial], attributes, ys.length);
    return results.map((y, i) => emit.op('Squeeze', [y, emit.constant([i === 0 ? 1 : 0], 'int64')]));
  },
  vjp: ({ x, w, r, b, states }, dys, a) => {
    const results = unfoldRecurrent(rulesOf(a), x, { w, r, b }, states, { reverse: a.reverse });
    const terms = results.flatMap((y, i) => (dys[i] ? [reduceSum(mul(y, dys[i] as Value))] : []));
    const [dx, dw, dr, db, ...dstates] = gradient(
      terms.reduce((p, q) => add(p, q)),
      [x, w, r, b, ...states],
    );
    const found = (v: Value | undefined): Value | null => v ?? null;
    return { x: found(dx), w: found(dw), r: found(dr), b: found(db), states: dstates.map(found) };
  },
  // the generated tests compare this with the runtime's kernel, and the layers that use it with Keras
  reference: ({ x, w, r, b, states }, a) => {
    const arrays: readonly NDArray[] = [x, w, r, b, ...states];
    const leaves = arrays.map(({ dtype, shape }, i) => input(`in${i}`, { dtype, shape }));
    const [lx, lw, lr, lb] = leaves as [Value, Value, Value, Value];
    const initial = leaves.slice(4);
    const results = unfoldRecurrent(rulesOf(a), lx, { w: lw, r: lr, b: lb }, initial, { reverse: a.reverse });
    return interpret(results, new Map(leaves.map((leaf, i) => [leaf, arrays[i] as NDArray]))).map(
      (y) => y.data,
    );
  },
  onnx: { LSTM: readRecurrent('LSTM'), GRU: readRecurrent('GRU'), RNN: readRecurrent('RNN') },
  samples: [
    sample('LSTM', false),
    sample('LSTM', true),
    sample('GRU', false),
    sample('GRU', true),
    sample('RNN', false),
  ],
  errors: [
    {
      inputs: {
        x: normal([3, 2, 4]),
        w: normal([3, 4]),
        r: normal([3, 3]),
        b: normal([6]),
        states: [normal([1, 3])],
      },
      attrs: { kind: 'RNN', reverse: false, linearBeforeReset: false },
      throws: ShapeError,
    },
  ],
});

function rulesOf({ kind, linearBeforeReset }: RecurrentAttrs): RecurrentRules {
  return { kind, linearBeforeReset, activations: kind === 'RNN' ? [tanh] : [sigmoid, tanh, tanh] };
}

function sample(kind: RecurrentKind, other: boolean) {
  const width = 2 * gatesOf[kind];
  const states = [normal([2, 2]), normal([2, 2])].slice(0, statesOf[kind]);
  return {
    inputs: { x: normal([3, 2, 3]), w: unit([width, 3]), r: unit([width, 2]), b: unit([2 * width]), states },
    attrs: { kind, reverse: other, linearBeforeReset: other },
    order: 1,
  } as const;
}
