import { formatShape, normalizeAxis, sameShape, sizeOf } from '../core/shape.ts';
import { ShapeError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import type { OnnxNode } from '../ir/onnx-node.ts';
import { applyMulti, attrs, defineMultiOp } from '../ir/op.ts';
import { normal } from '../ir/samples.ts';
import { add, div, mul, sub } from './binary.ts';
import { zeros } from './indices.ts';
import { reduceMean, reduceSum } from './reduce.ts';
import { broadcastTo } from './shape.ts';
import { axesFrom, float } from './support.ts';
import { neg, square } from './unary.ts';

interface LayerNormalizeAttrs {
  /** The first of the axes that are normalized together, up to the last. */
  readonly axis: number;
  readonly epsilon: number;
}

/**
 * Layer normalization over the axes from `axis` on: `y = gamma * (x - mean) / sqrt(variance + epsilon) + beta`, mean
 * and population variance of each sample.
 * @param gamma - of the shape of these axes
 * @param beta - of the shape of these axes
 * @returns `y`; mean and `1 / sqrt(variance + epsilon)`, with size 1 along these axes
 * @throws {@link ShapeError} when gamma or beta has another shape
 * @source ONNX LayerNormalization-17; Ba et al. 2016, arXiv:1607.06450
 */
export function layerNormalize(
  x: Value,
  gamma: Value,
  beta: Value,
  axis: number,
  epsilon: number,
): readonly [y: Value, mean: Value, inverse: Value] {
  const at = normalizeAxis(axis, x.rank, 'layerNormalize');
  const [y, mean, inverse] = applyMulti(layerNormalizeOp, { x, gamma, beta }, { axis: at, epsilon });
  return [y as Value, mean as Value, inverse as Value];
}
const layerNormalizeOp = defineMultiOp({
  name: 'layerNormalize',
  inputs: { x: float, gamma: float, beta: float },
  attrs: attrs<LayerNormalizeAttrs>(),
  infer: ({ x, gamma, beta }, { axis }) => {
    const within = x.shape.slice(axis);
    for (const [name, { dtype, shape }] of Object.entries({ gamma, beta })) {
      if (dtype === x.dtype && sameShape(shape, within)) continue;
      const expected = `${x.dtype}${formatShape(within)}`;
      const received = `${dtype}${formatShape(shape)}`;
      const where = `layerNormalize: ${name} of ${formatShape(x.shape)} from axis ${axis}`;
      const details = { op: 'layerNormalize', argument: name, expected, received };
      throw new ShapeError(`${where}: expected ${expected}. Received ${received}.`, details);
    }
    const statistics = { dtype: x.dtype, shape: x.shape.map((n, i) => (i < axis ? n : 1)) };
    return [x, statistics, statistics];
  },
  lower: ({ x, gamma, beta }, { axis, epsilon }, emit) => {
    const { dtype, shape } = x.type;
    if (dtype === 'float32') {
      const options = { axis: { int: axis }, epsilon: { float: epsilon } };
      return emit.many('LayerNormalization', [x, gamma, beta], options, 3);
    }
    // ONNX has statistics in float32 only
    const axes = emit.constant(axesFrom(axis, shape.length), 'int64');
    const mean = emit.op('ReduceMean', [x, axes]);
    const centred = emit.op('Sub', [x, mean]);
    const variance = emit.op('ReduceMean', [emit.op('Mul', [centred, centred]), axes]);
    const deviation = emit.op('Sqrt', [emit.op('Add', [variance, emit.constant([epsilon], dtype, [])])]);
    const inverse = emit.op('Reciprocal', [deviation]);
    const scaled = emit.op('Mul', [emit.op('Mul', [centred, inverse]), gamma]);
    return [emit.op('Add', [scaled, beta]), mean, inverse];
  },
  // z = (x - mean) inverse, g = gamma dy: dx = inverse (g - mean(g) - z mean(g z)), and what mean and inverse ask for
  vjp: ({ x, gamma }, [dy, dMean, dInverse], { axis }, ys) => {
    const [, mean, inverse] = ys as readonly [Value, Value, Value];
    const [before, within] = [axesFrom(0, axis), axesFrom(axis, x.rank)];
    const z = mul(sub(x, mean), inverse);
    const count = sizeOf(x.shape.slice(axis));
    const parts: Value[] = [];
    if (dy) {
      const g = mul(dy, gamma);
      const along = mul(z, reduceMean(mul(g, z), within, true));
      parts.push(mul(inverse, sub(sub(g, reduceMean(g, within, true)), along)));
    }
    if (dMean) parts.push(broadcastTo(div(dMean, count), x.shape));
    if (dInverse) parts.push(mul(z, neg(div(mul(dInverse, square(inverse)), count))));
    const [first, ...others] = parts;
    return {
      x: first ? others.reduce(add, first) : null,
      gamma: dy ? reduceSum(mul(dy, z), before) : null,
      beta: dy ? reduceSum(dy, before) : null,
    };
  },
  reference: ({ x, gamma, beta }, { axis, epsilon }) => {
    const size = sizeOf(x.shape.slice(axis));
    const rows = sizeOf(x.shape.slice(0, axis));
    const y = new Float64Array(x.data.length);
    const [means, inverses] = [new Float64Array(rows), new Float64Array(rows)];
    for (let row = 0; row < rows; row++) {
      const line = Float64Array.from({ length: size }, (_, i) => x.data[row * size + i] as number);
      const mean = line.reduce((sum, v) => sum + v, 0) / size;
      const variance = line.reduce((sum, v) => sum + (v - mean) ** 2, 0) / size;
      const inverse = 1 / Math.sqrt(variance + epsilon);
      [means[row], inverses[row]] = [mean, inverse];
      line.forEach((v, i) => {
        y[row * size + i] = (v - mean) * inverse * (gamma.data[i] as number) + (beta.data[i] as number);
      });
    }
    return [y, means, inverses];
  },
  samples: [
    {
      inputs: { x: normal([3, 4]), gamma: normal([4]), beta: normal([4]) },
      attrs: { axis: 1, epsilon: 1e-3 },
    },
    {
      inputs: { x: normal([2, 3, 2]), gamma: normal([3, 2]), beta: normal([3, 2]) },
      attrs: { axis: 1, epsilon: 0.1 },
    },
    { inputs: { x: normal([5]), gamma: normal([5]), beta: normal([5]) }, attrs: { axis: 0, epsilon: 1e-3 } },
  ],
  errors: [
    {
      inputs: { x: normal([2, 3]), gamma: normal([2]), beta: normal([3]) },
      attrs: { axis: 1, epsilon: 1e-3 },
      throws: ShapeError,
    },
  ],
  onnx: { LayerNormalization: readLayerNormalization },
});

function readLayerNormalization(node: OnnxNode): readonly Value[] {
  const x = node.input(0);
  const axis = normalizeAxis(node.int('axis', -1), x.rank, 'LayerNormalization');
  const within = x.shape.slice(axis);
  const beta = node.inputs[2] ?? zeros(within, x.dtype);
  return layerNormalize(
    x,
    broadcastTo(node.input(1), within),
    broadcastTo(beta, within),
    axis,
    node.float('epsilon', 1e-5),
  );
}
