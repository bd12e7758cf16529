import { ConfigError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import { elementwise } from '../ir/ndarray.ts';
import { apply, attrs, defineOp, noAttrs } from '../ir/op.ts';
import { nonzero, normal, values } from '../ir/samples.ts';
import { add, div, mul, sub } from './binary.ts';
import { clip } from './clip.ts';
import { greater, where } from './compare.ts';
import { erfReference } from './erf-reference.ts';
import { float } from './support.ts';
import { abs, erf, exp, sigmoid, softplus, square, tanh } from './unary.ts';

/**
 * Exponential linear unit: `y = x` above 0, `alpha * (exp(x) - 1)` below.
 * @source ONNX Elu-6
 */
export function elu(x: Value, alpha = 1): Value {
  return apply(eluOp, { x }, { alpha });
}
const eluOp = defineOp({
  name: 'elu',
  inputs: { x: float },
  attrs: attrs<{ readonly alpha: number }>(),
  elementwise: true,
  infer: ({ x }, { alpha }) => {
    checkNumber(alpha, 'elu', 'alpha');
    return x;
  },
  lower: ({ x }, { alpha }, emit) => emit.op('Elu', [x], { alpha: { float: alpha } }),
  // below 0: alpha * exp(x) = y + alpha
  vjp: ({ x }, dy, { alpha }, y) => ({ x: mul(dy, where(greater(x, 0), 1, add(y, alpha))) }),
  reference: ({ x }, { alpha }) => x.data.map((v) => (v > 0 ? v : alpha * Math.expm1(v))),
  samples: [
    { inputs: { x: nonzero([2, 3]) }, attrs: { alpha: 1 } },
    { inputs: { x: nonzero([4]) }, attrs: { alpha: 0.5 } },
    { inputs: { x: values([-1000, 0, 1000]) }, attrs: { alpha: 1 }, order: 0 },
  ],
  errors: [{ inputs: { x: normal([2]) }, attrs: { alpha: Number.NaN }, throws: ConfigError }],
  onnx: { Elu: (node) => elu(node.input(0), node.float('alpha', 1)) },
});

/**
 * Leaky rectifier: `y = x` above 0, `slope * x` below.
 * @source ONNX LeakyRelu-16
 */
export function leakyRelu(x: Value, slope = 0.2): Value {
  return apply(leakyReluOp, { x }, { slope });
}
const leakyReluOp = defineOp({
  name: 'leakyRelu',
  inputs: { x: float },
  attrs: attrs<{ readonly slope: number }>(),
  elementwise: true,
  infer: ({ x }, { slope }) => {
    checkNumber(slope, 'leakyRelu', 'slope');
    return x;
  },
  lower: ({ x }, { slope }, emit) => emit.op('LeakyRelu', [x], { alpha: { float: slope } }),
  vjp: ({ x }, dy, { slope }) => ({ x: where(greater(x, 0), dy, mul(dy, slope)) }),
  reference: ({ x }, { slope }) => x.data.map((v) => (v > 0 ? v : slope * v)),
  samples: [
    { inputs: { x: nonzero([2, 3]) }, attrs: { slope: 0.2 } },
    { inputs: { x: values([-2, 0, 2]) }, attrs: { slope: 0.5 }, order: 0 },
  ],
  errors: [{ inputs: { x: normal([2]) }, attrs: { slope: Number.NaN }, throws: ConfigError }],
  onnx: { LeakyRelu: (node) => leakyRelu(node.input(0), node.float('alpha', 0.01)) },
});

function checkNumber(value: number, op: string, argument: string): void {
  if (Number.isFinite(value)) return;
  throw new ConfigError(`${op}: ${argument} must be a finite number. Received ${value}.`, {
    op,
    argument,
    received: String(value),
  });
}

const sqrtHalf = Math.SQRT1_2;
const sqrtTwoOverPi = Math.sqrt(2 / Math.PI);
const cubic = 0.044715;

/**
 * Gaussian error linear unit: `y = x * (1 + erf(x / sqrt(2))) / 2`.
 * @param approximate - `y = x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))) / 2` instead
 * @source ONNX Gelu-20, https://arxiv.org/abs/1606.08415
 */
export function gelu(x: Value, approximate = false): Value {
  return apply(geluOp, { x }, { approximate });
}
const geluOp = defineOp({
  name: 'gelu',
  inputs: { x: float },
  attrs: attrs<{ readonly approximate: boolean }>(),
  elementwise: true,
  infer: ({ x }) => x,
  lower: ({ x }, { approximate }, emit) => {
    const { dtype } = x.type;
    if (emit.target === 'runtime' && dtype === 'float32') {
      return emit.op(approximate ? 'FastGelu' : 'Gelu', [x], {}, 'com.microsoft');
    }
    const times = (a: typeof x | string, by: number) => emit.op('Mul', [a, emit.constant([by], dtype, [])]);
    const inner = (): string => {
      const cube = emit.op('Mul', [emit.op('Mul', [x, x]), x]);
      return times(emit.op('Add', [x, times(cube, cubic)]), sqrtTwoOverPi);
    };
    const curve = approximate ? emit.op('Tanh', [inner()]) : emit.op('Erf', [times(x, sqrtHalf)]);
    return emit.op('Mul', [times(x, 0.5), emit.op('Add', [curve, emit.constant([1], dtype, [])])]);
  },
  vjp: ({ x }, dy, { approximate }) => ({ x: mul(dy, approximate ? tanhGeluSlope(x) : geluSlope(x)) }),
  reference: ({ x }, { approximate }) =>
    x.data.map((v) => {
      const curve = approximate
        ? Math.tanh(sqrtTwoOverPi * (v + cubic * v ** 3))
        : erfReference(v * sqrtHalf);
      return 0.5 * v * (1 + curve);
    }),
  samples: [
    { inputs: { x: normal([2, 3]) }, attrs: { approximate: false } },
    { inputs: { x: normal([2, 3]) }, attrs: { approximate: true } },
    { inputs: { x: values([-40, 0, 40]) }, attrs: { approximate: false } },
  ],
  onnx: {
    Gelu: (node) => gelu(node.input(0), node.string('approximate', 'none') === 'tanh'),
    'com.microsoft.Gelu': (node) => gelu(node.input(0)),
    'com.microsoft.FastGelu': (node) => {
      const [x, bias] = [node.input(0), node.inputs[1]];
      return gelu(bias === undefined ? x : add(x, bias), true);
    },
  },
});

/** `Phi(x) + x * phi(x)`, the normal distribution and its density. */
function geluSlope(x: Value): Value {
  const below = mul(add(erf(mul(x, sqrtHalf)), 1), 0.5);
  const density = mul(exp(mul(square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return add(below, mul(x, density));
}

/** `(1 + t) / 2 + x * (1 - t^2) * u' / 2` with `t = tanh(u)`. */
function tanhGeluSlope(x: Value): Value {
  const xx = square(x);
  const t = tanh(mul(mul(x, add(mul(xx, cubic), 1)), sqrtTwoOverPi));
  const slope = mul(add(mul(xx, 3 * cubic), 1), sqrtTwoOverPi);
  return mul(add(add(t, 1), mul(mul(x, sub(1, square(t))), slope)), 0.5);
}

/** Sigmoid linear unit, also called swish: `y = x * sigmoid(x)`. @source https://arxiv.org/abs/1710.05941 */
export function silu(x: Value): Value {
  return apply(siluOp, { x }, {});
}
const siluOp = defineOp({
  name: 'silu',
  inputs: { x: float },
  attrs: noAttrs,
  elementwise: true,
  infer: ({ x }) => x,
  lower: ({ x }, _attrs, emit) =>
    emit.target === 'runtime' && x.type.dtype === 'float32'
      ? emit.op('QuickGelu', [x], { alpha: { float: 1 } }, 'com.microsoft')
      : emit.op('Mul', [x, emit.op('Sigmoid', [x])]),
  // s + y * (1 - s) with s = sigmoid(x)
  vjp: ({ x }, dy, _attrs, y) => {
    const s = sigmoid(x);
    return { x: mul(dy, add(s, mul(y, sub(1, s)))) };
  },
  reference: elementwise((x) => (x as number) / (1 + Math.exp(-(x as number)))),
  samples: [{ inputs: { x: normal([2, 3]) } }, { inputs: { x: values([-80, 0, 80]) } }],
  onnx: {
    Swish: (node) => quickGelu(node.input(0), node.float('alpha', 1)),
    'com.microsoft.QuickGelu': (node) => quickGelu(node.input(0), node.float('alpha', 1.702)),
  },
});

/** `x * sigmoid(alpha * x)`. */
export const quickGelu = (x: Value, alpha = 1.702): Value =>
  alpha === 1 ? silu(x) : mul(x, sigmoid(mul(x, alpha)));

/**
 * Scaled exponential linear unit: `y = gamma * elu(x, alpha)`; the default numbers keep mean 0 and variance 1.
 * @source ONNX Selu-6, https://arxiv.org/abs/1706.02515
 */
export const selu = (x: Value, alpha = 1.6732632423543772, gamma = 1.0507009873554805): Value =>
  mul(elu(x, alpha), gamma);

/** `max(x, 0) + min(alpha * (exp(x / alpha) - 1), 0)`. @source ONNX Celu-12 */
export const celu = (x: Value, alpha = 1): Value => (alpha === 1 ? elu(x) : mul(elu(div(x, alpha)), alpha));

/** `slope * x + offset` held within 0 and 1; Keras's `relu6(x + 3) / 6` by default. @source ONNX HardSigmoid-6 */
export const hardSigmoid = (x: Value, slope = 1 / 6, offset = 0.5): Value =>
  clip(add(mul(x, slope), offset), 0, 1);

/** `x * hardSigmoid(x)`. @source ONNX HardSwish-14 */
export const hardSwish = (x: Value): Value => mul(x, hardSigmoid(x));

/** `x / (1 + |x|)`. @source ONNX Softsign-1 */
export const softsign = (x: Value): Value => div(x, add(abs(x), 1));

/** `x * tanh(softplus(x))`. @source ONNX Mish-18 */
export const mish = (x: Value): Value => mul(x, tanh(softplus(x)));

/** `x` above `theta`, else 0. @source ONNX ThresholdedRelu-10 */
export const thresholdedRelu = (x: Value, theta = 1): Value => where(greater(x, theta), x, 0);

/** Leaky rectifier with a slope for each element or axis: `y = x` above 0, `slope * x` below. @source ONNX PRelu-16 */
export const prelu = (x: Value, slope: Value): Value => where(greater(x, 0), x, mul(x, slope));
