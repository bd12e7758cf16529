import * as z from 'zod';
import { Registry } from '../core/registry.ts';
import { normalizeAxis } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { ConfigError } from '../errors.ts';
import { constant, type Value } from '../ir/graph.ts';
import {
  abs,
  add,
  cast,
  celu,
  clip,
  cumSum,
  div,
  elu,
  exp,
  gelu,
  greater,
  hardSigmoid,
  hardSwish,
  leakyRelu,
  logSoftmax,
  mish,
  mul,
  neg,
  relu as rectifier,
  reduceSum,
  selu,
  sigmoid,
  silu,
  softmax,
  softplus,
  softsign,
  split,
  sqrt,
  square,
  sub,
  tanh,
  topK,
  where,
} from '../ops/index.ts';

/** A function of one value; of the same shape, but for `glu`. */
export type Activation = (x: Value) => Value;

/** Activation functions by name. */
export const activations = new Registry<Activation>('activation');

/**
 * Makes a function of your own known by name, in options such as `activation` and in saved models.
 * @param name - camelCase
 * @param f - written with `tfk.ops`, so that it has a gradient
 */
export const registerActivation = (name: string, f: Activation): void => activations.add(name, f);

export {
  celu,
  elu,
  gelu,
  hardSigmoid,
  hardSwish as hardSilu,
  leakyRelu,
  logSoftmax,
  mish,
  selu,
  sigmoid,
  silu,
  softmax,
  softplus,
  softsign,
  tanh,
};

/** `y = x`. */
export const linear: Activation = (x) => x;

/** What {@link relu} may be given. */
export interface ReluOptions {
  /** Slope below `threshold`. Default 0. */
  readonly negativeSlope?: number;
  /** Largest result; `null` for no limit, which is the default. */
  readonly maxValue?: number | null;
  /** Where the function leaves 0. Default 0. */
  readonly threshold?: number;
}

/**
 * Rectifier: `y = x` above `threshold`, at most `maxValue`; `negativeSlope * (x - threshold)` below it.
 * @source keras/src/activations/activations.py
 */
export function relu(
  x: Value,
  { negativeSlope = 0, maxValue = null, threshold = 0 }: ReluOptions = {},
): Value {
  const above = threshold === 0 ? rectifier(x) : where(greater(x, threshold), x, 0);
  const positive = maxValue === null ? above : clip(above, 0, maxValue);
  return negativeSlope === 0 ? positive : sub(positive, mul(rectifier(sub(threshold, x)), negativeSlope));
}

/** `y = min(max(x, 0), 6)`. */
export const relu6: Activation = (x) => clip(x, 0, 6);

/**
 * Gated linear unit: `y = a * sigmoid(b)` where `a` and `b` are the halves of `x` along `axis`.
 * @source Dauphin et al., ICML 2017
 */
export function glu(x: Value, axis = -1): Value {
  const [a, b] = split(x, 2, axis) as [Value, Value];
  return mul(a, sigmoid(b));
}

/** `y = min(max(x, -1), 1)`. */
export const hardTanh: Activation = (x) => clip(x, -1, 1);

/** `y = x` where `|x| > threshold`, else 0. */
export const hardShrink = (x: Value, threshold = 0.5): Value => where(greater(abs(x), threshold), x, 0);

/** `x` moved towards 0 by `threshold`, not beyond: `y = x - clip(x, -threshold, threshold)`. */
export const softShrink = (x: Value, threshold = 0.5): Value => sub(x, clip(x, -threshold, threshold));

/** `y = x - tanh(x)`. */
export const tanhShrink: Activation = (x) => sub(x, tanh(x));

/** `y = x` above `limit`, else `defaultValue`. */
export const threshold = (x: Value, limit = 0, defaultValue = 0): Value =>
  where(greater(x, limit), x, defaultValue);

/** `y = log(sigmoid(x)) = -softplus(-x)`. */
export const logSigmoid: Activation = (x) => neg(softplus(neg(x)));

/** `y = (x + 1) / 2`, held within [0, 1]. */
export const sparseSigmoid: Activation = (x) => clip(mul(add(x, 1), 0.5), 0, 1);

/** 0 below -1, `(x + 1)^2 / 4` up to 1, then `x`: the integral of {@link sparseSigmoid}. */
export const sparsePlus: Activation = (x) => add(square(sparseSigmoid(x)), rectifier(sub(x, 1)));

/** `y = (x + sqrt(x^2 + b)) / 2`. @source Barron 2021, arXiv:2112.11687 */
export const squareplus = (x: Value, b = 4): Value => mul(add(x, sqrt(add(square(x), b))), 0.5);

/** `y = exp(x)`. */
export const exponential: Activation = (x) => exp(x);

/**
 * Euclidean projection onto the probabilities along `axis`: `y = max(x - t, 0)`, where `t` makes the sum 1.
 * @source Martins and Astudillo, ICML 2016, algorithm 1
 */
export function sparsemax(x: Value, axis = -1): Value {
  const at = normalizeAxis(axis, x.rank, 'sparsemax');
  const n = x.shape[at] as number;
  const [sorted] = topK(x, n, { axis: at });
  const ranks = constant(
    new Tensor(
      'float32',
      x.shape.map((_, i) => (i === at ? n : 1)),
      Float32Array.from({ length: n }, (_, i) => i + 1),
    ).cast(x.dtype),
  );
  const supported = cast(greater(add(mul(sorted, ranks), 1), cumSum(sorted, at)), x.dtype);
  const total = reduceSum(mul(sorted, supported), [at], true);
  return rectifier(sub(x, div(sub(total, 1), reduceSum(supported, [at], true))));
}

const keras: Readonly<Record<string, Activation>> = {
  linear,
  relu,
  relu6,
  leakyRelu,
  elu,
  selu,
  celu,
  gelu,
  glu,
  silu,
  hardSilu: hardSwish,
  hardSigmoid,
  hardTanh,
  hardShrink,
  softShrink,
  tanhShrink,
  threshold,
  sigmoid,
  logSigmoid,
  sparseSigmoid,
  softmax,
  logSoftmax,
  sparsemax,
  softplus,
  softsign,
  squareplus,
  sparsePlus,
  tanh,
  exponential,
  mish,
};
for (const [name, f] of Object.entries(keras)) activations.add(name, f);
activations.add('silu', silu, 'swish');
activations.add('hardSilu', hardSwish, 'hardSwish');

/** An option that names an activation; `byDefault` is Keras's default. */
export const activationOption = (byDefault = 'linear') =>
  z
    .string()
    .nullable()
    .transform((name, context) => {
      if (name === null) return 'linear';
      try {
        activations.get(name);
        return name;
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        context.addIssue({ code: 'custom', message: error.message });
        return z.NEVER;
      }
    })
    .default(byDefault);
