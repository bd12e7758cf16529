import type { Value } from '../ir/graph.ts';
import type { OnnxNode } from '../ir/onnx-node.ts';
import { div, mul } from './binary.ts';
import { cast } from './cast.ts';
import { equal, logicalNot, where } from './compare.ts';
import { gather, gatherElements } from './gather.ts';
import type { CompositeReader } from './onnx-composites.ts';
import { reduceMean, reduceSum } from './reduce.ts';
import { broadcastTo, expandDims, reshape } from './shape.ts';
import { logSoftmax } from './softmax.ts';
import { scalarConstant } from './support.ts';
import { neg } from './unary.ts';

/** ONNX's classification losses. */
export const lossReaders: Readonly<Record<string, CompositeReader>> = {
  NegativeLogLikelihoodLoss: (node) => likelihoodLoss(node, node.input(0)),
  SoftmaxCrossEntropyLoss: (node) => {
    const logProbabilities = logSoftmax(node.input(0), 1);
    return [likelihoodLoss(node, logProbabilities), logProbabilities];
  },
};

/**
 * `-weight[target] * logProbabilities[target]`, reduced; the mean is over the sum of the weights.
 * Elements whose target is `ignore_index` count as weight 0.
 * @param logProbabilities - `[batch, classes, ...positions]`; targets are `[batch, ...positions]`
 */
function likelihoodLoss(node: OnnxNode, logProbabilities: Value): Value {
  const targets = cast(node.input(1), 'int64');
  const { dtype } = logProbabilities;
  const ignored = node.has('ignore_index') ? equal(targets, node.int('ignore_index')) : undefined;
  const classes = ignored ? where(ignored, 0, targets) : targets;
  const picked = gatherElements(logProbabilities, expandDims(classes, 1), 1);
  const losses = neg(reshape(picked, targets.shape));
  const weights = weightsOf(node, classes, ignored, losses);
  const weighted = weights ? mul(losses, weights) : losses;
  const reduction = node.string('reduction', 'mean');
  if (reduction === 'none') return weighted;
  if (reduction === 'sum') return reduceSum(weighted);
  return weights ? div(reduceSum(weighted), reduceSum(cast(weights, dtype))) : reduceMean(weighted);
}

/** Weight of every target, 0 where ignored; `undefined` where all are 1. */
function weightsOf(
  node: OnnxNode,
  classes: Value,
  ignored: Value | undefined,
  losses: Value,
): Value | undefined {
  const given = node.inputs[2];
  const { dtype, shape } = losses;
  if (given === undefined) return ignored && cast(logicalNot(ignored), dtype);
  const weights = gather(given, classes, 0);
  return ignored ? where(ignored, broadcastTo(scalarConstant(0, dtype), shape), weights) : weights;
}
