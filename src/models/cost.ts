import { bytesOf as widthOf } from '../core/dtype.ts';
import { formatShape, sizeOf, type TensorType } from '../core/shape.ts';
import { ConfigError } from '../errors.ts';
import { type Graph, input, nodesOf, type Value } from '../ir/graph.ts';
import { flopsOf } from '../ir/op.ts';
import { optimize } from '../ir/passes.ts';
import { Trace, withTrace } from '../layers/trace.ts';
import type { Model } from './model.ts';

/** What a model takes for one batch, by its graph. */
export interface ModelCost {
  readonly batchSize: number;
  /** Multiplications and additions of one prediction of the batch, after the graph was simplified. */
  readonly flops: number;
  /** Weights, in bytes. */
  readonly weights: number;
  /** The most that prediction holds at one time of what layers compute, in bytes. */
  readonly predicting: number;
  /** What training holds beside the weights and the optimizer's state, in bytes: gradients, the forward pass's results. */
  readonly training: number;
}

/**
 * Counts operations and memory of a model from its graph for one batch. Matrix products, convolutions and recurrent
 * cells count two for each multiplication with its addition, elementwise ops one for each element, reductions and what
 * moves data none. Memory is a lower bound: kernels take room of their own.
 * @throws {@link ConfigError} when an input has open sizes beside the batch
 */
export function costOf(model: Model, batchSize: number): ModelCost {
  const types = model.inputs.map(({ dtype, shape }, i): TensorType => {
    if (shape.slice(1).includes(null)) {
      throw new ConfigError(
        `cost: input ${i} has the shape ${formatShape(shape)}: what it takes depends on the data.`,
        { op: 'cost', argument: 'inputs' },
      );
    }
    return { dtype, shape: [batchSize, ...(shape.slice(1) as number[])] };
  });
  const graph = graphOf(model, types, false);
  const weights = bytesOf(model.weights.map(({ dtype, shape }) => ({ dtype, shape })));
  const trained = bytesOf(model.trainableWeights.map(({ dtype, shape }) => ({ dtype, shape })));
  return {
    batchSize,
    flops: nodesOf(graph).reduce((sum, node) => sum + flopsOf(node), 0),
    weights,
    predicting: peakOf(graph),
    training: trained + bytesOf(resultsOf(graphOf(model, types, true)).map((v) => v.type)),
  };
}

/** The forward pass for a batch. */
function graphOf(model: Model, types: readonly TensorType[], training: boolean): Graph {
  const trace = new Trace(training);
  const x = types.map((type, i) => input(`x${i}`, type));
  const outputs = withTrace(trace, () => model.invoke(x, { training }));
  return optimize({
    name: 'cost',
    inputs: [...trace.weights.values(), ...x, ...trace.randoms.map(({ value }) => value)],
    outputs: outputs.map((value, i) => ({ name: `y${i}`, value })),
  });
}

const isComputed = ({ kind }: Value['node']): boolean => typeof kind !== 'string';

const resultsOf = (graph: Graph): Value[] =>
  nodesOf(graph)
    .filter(isComputed)
    .flatMap(({ outputs }) => outputs);

const bytesOf = (types: readonly TensorType[]): number =>
  types.reduce((sum, { dtype, shape }) => sum + widthOf(dtype) * sizeOf(shape), 0);

/** The largest sum of results that are still to be read, one node after the other. */
function peakOf(graph: Graph): number {
  const nodes = nodesOf(graph).filter(isComputed);
  const lastUse = new Map<Value, number>();
  nodes.forEach((node, i) => {
    for (const value of node.inputs) if (value !== undefined) lastUse.set(value, i);
  });
  for (const { value } of graph.outputs) lastUse.set(value, nodes.length);
  let [held, peak] = [0, 0];
  nodes.forEach((node, i) => {
    held += bytesOf(node.outputs.map(({ type }) => type));
    peak = Math.max(peak, held);
    const done = new Set([...node.inputs, ...node.outputs].filter((v) => v && (lastUse.get(v) ?? i) === i));
    for (const value of done) if (value && isComputed(value.node)) held -= bytesOf([value.type]);
  });
  return peak;
}
