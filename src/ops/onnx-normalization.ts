import { type Shape, sizeOf } from '../core/shape.ts';
import type { Value } from '../ir/graph.ts';
import type { OnnxNode } from '../ir/onnx-node.ts';
import { add, div, mul, pow, sub } from './binary.ts';
import { equal, where } from './compare.ts';
import type { CompositeReader } from './onnx-composites.ts';
import { pad } from './pad.ts';
import { reduceL1, reduceL2, reduceMean } from './reduce.ts';
import { reshape } from './shape.ts';
import { slice } from './slice.ts';
import { axesFrom } from './support.ts';
import { reciprocal, sqrt, square } from './unary.ts';

/** ONNX types that bring values to mean 0 and variance 1, or to norm 1. */
export const normalizationReaders: Readonly<Record<string, CompositeReader>> = {
  BatchNormalization: readBatchNormalization,
  GroupNormalization: readGroupNormalization,
  InstanceNormalization: readInstanceNormalization,
  LpNormalization: readLpNormalization,
  LRN: readLocalResponse,
  MeanVarianceNormalization: readMeanVariance,
};

/** `(x - mean) / sqrt(variance + epsilon)` over `axes`. */
function standardize(x: Value, axes: readonly number[], epsilon: number): Value {
  const centered = sub(x, reduceMean(x, axes, true));
  return mul(centered, reciprocal(sqrt(add(reduceMean(square(centered), axes, true), epsilon))));
}

/** One number per channel, axis 1, against a value of `rank` axes. */
const perChannel = (v: Value, rank: number): Value =>
  reshape(v, [-1, ...new Array<number>(rank - 2).fill(1)]);

/**
 * With fixed statistics, or in training mode with those of the batch, which then also move the running ones: the second
 * and third result.
 */
export function readBatchNormalization(
  node: OnnxNode,
  training = node.int('training_mode', 0) === 1,
): readonly Value[] {
  if (node.int('spatial', 1) !== 1) return node.unsupported('statistics per element');
  const [x, gamma, beta] = [node.input(0), node.input(1), node.input(2)];
  const running = [node.input(3), node.input(4)] as const;
  const [mean, variance] = training ? batchStatistics(x) : running;
  const factor = div(gamma, sqrt(add(variance, node.float('epsilon', 1e-5))));
  const offset = sub(beta, mul(mean, factor));
  const y = add(mul(x, perChannel(factor, x.rank)), perChannel(offset, x.rank));
  const momentum = node.float('momentum', 0.9);
  const moved = (old: Value, now: Value): Value => add(mul(old, momentum), mul(now, 1 - momentum));
  return training ? [y, moved(running[0], mean), moved(running[1], variance)] : [y];
}

/** Mean and variance of each channel. */
function batchStatistics(x: Value): readonly [Value, Value] {
  const axes = [0, ...axesFrom(2, x.rank)];
  const mean = reduceMean(x, axes, true);
  return [reshape(mean, [-1]), reduceMean(square(sub(x, mean)), axes)];
}

function readInstanceNormalization(node: OnnxNode): Value {
  const x = node.input(0);
  const y = standardize(x, axesFrom(2, x.rank), node.float('epsilon', 1e-5));
  return add(mul(y, perChannel(node.input(1), x.rank)), perChannel(node.input(2), x.rank));
}

/** Scale and offset are per group before opset 21, per channel since. */
function readGroupNormalization(node: OnnxNode): Value {
  const x = node.input(0);
  const [batch, channels] = x.shape as [number, number];
  const groups = node.int('num_groups');
  const grouped: Shape = [batch, groups, channels / groups, sizeOf(x.shape.slice(2))];
  const y = standardize(reshape(x, grouped), [2, 3], node.float('epsilon', 1e-5));
  const spread = (v: Value): Value => reshape(v, v.shape[0] === groups ? [groups, 1, 1] : [groups, -1, 1]);
  return reshape(add(mul(y, spread(node.input(1))), spread(node.input(2))), x.shape);
}

/** `(x - mean) / (standard deviation + 1e-9)`. */
function readMeanVariance(node: OnnxNode): Value {
  const x = node.input(0);
  const axes = node.ints('axes', [0, 2, 3]);
  const centered = sub(x, reduceMean(x, axes, true));
  return div(centered, add(sqrt(reduceMean(square(centered), axes, true)), 1e-9));
}

/** `x / norm`; a line of zeros stays as it is. */
function readLpNormalization(node: OnnxNode): Value {
  const x = node.input(0);
  const norm = (node.int('p', 2) === 1 ? reduceL1 : reduceL2)(x, [node.int('axis', -1)], true);
  return div(x, where(equal(norm, 0), 1, norm));
}

/** `x / (bias + alpha / size * sum of x^2 over `size` channels around)^beta`. */
function readLocalResponse(node: OnnxNode): Value {
  const x = node.input(0);
  const [size, channels] = [node.int('size'), x.shape[1] as number];
  const before = Math.floor((size - 1) / 2);
  const margins = x.shape.map((_, axis): [number, number] =>
    axis === 1 ? [before, size - 1 - before] : [0, 0],
  );
  const squares = pad(square(x), margins);
  const shifted = Array.from({ length: size }, (_, i) => slice(squares, [i], [i + channels], [1]));
  const scaled = mul(shifted.reduce(add), node.float('alpha', 1e-4) / size);
  return div(x, pow(add(scaled, node.float('bias', 1)), node.float('beta', 0.75)));
}
