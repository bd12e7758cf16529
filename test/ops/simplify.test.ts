import { describe, expect, test } from '@jest/globals';
import type { DType } from '../../src/core/dtype.ts';
import { Random } from '../../src/core/random.ts';
import { sizeOf } from '../../src/core/shape.ts';
import { tensor } from '../../src/core/tensor.ts';
import { gradient } from '../../src/ir/autodiff.ts';
import { constant, type Graph, input, nodesOf, type Value } from '../../src/ir/graph.ts';
import { interpret } from '../../src/ir/interpret.ts';
import { optimize } from '../../src/ir/passes.ts';
import {
  add,
  argMax,
  broadcastTo,
  clip,
  matmul,
  mul,
  neg,
  pad,
  reduceMean,
  reduceSum,
  reshape,
  scatterElements,
  sigmoid,
  slice,
  softmax,
  square,
  sub,
  transpose,
} from '../../src/ops/index.ts';
import { scalarConstant } from '../../src/ops/support.ts';
import { expectClose } from '../helpers/close.ts';

const leaf = (name: string, shape: readonly number[], dtype: DType = 'float32'): Value =>
  input(name, { dtype, shape });
const x = leaf('x', [2, 3, 4]);
const y = leaf('y', [2, 3, 4]);
const channels = leaf('channels', [1, 3, 1]);
const labels = leaf('labels', [2, 1, 4], 'int32');
const zeros = broadcastTo(scalarConstant(0, 'float32'), x.shape);
const ones = constant(tensor(new Float32Array(2 * 4).fill(1), [2, 1, 4]));
const scattered = scatterElements(zeros, labels, ones, 1, 'add');
const derivative = (of: Value): Value => gradient(reduceSum(of), [x])[0] as Value;

const [weights, column, row] = [leaf('weights', [7, 2]), leaf('column', [4, 1]), leaf('row', [1, 7])];
const [front, back, last] = [slice(x, [0], [2], [2]), slice(x, [2], [4], [2]), slice(x, [3], [4], [2])];
const around = (v: Value, axis: number): Value =>
  pad(
    v,
    v.shape.map((_, i) => (i === axis ? [1, 2] : [0, 0])),
  );

const heads = [leaf('heads', [2, 3, 4, 5]), leaf('keys', [2, 7, 3, 5])] as const;
const scores = matmul(heads[0], transpose(heads[1], [0, 2, 3, 1]));

/** What is written, and the ops that are left of it, constants apart. */
const cases: readonly (readonly [string, Value, readonly string[]])[] = [
  ['sum of a negation', reduceSum(neg(x), [0, 2]), ['reduceSum', 'neg']],
  ['sum of a product with a constant', reduceSum(mul(x, 3), [1]), ['reduceSum', 'mul']],
  ['mean with a factor per channel', reduceMean(mul(channels, x), [0, 2], true), ['reduceMean', 'mul']],
  ['the same, axes dropped', reduceSum(mul(x, channels), [0, 2]), ['reduceSum', 'reshape', 'mul']],
  ['factor along a summed axis', reduceSum(mul(x, channels), [1]), ['mul', 'reduceSum']],
  ['sum of everything, reshaped', reduceSum(reshape(x, [6, 4])), ['reduceSum']],
  ['largest probability', argMax(softmax(x)), ['argMax']],
  ['largest of independent probabilities', argMax(sigmoid(x), 0), ['argMax']],
  ['largest across distributions', argMax(softmax(x), 1), ['softmax', 'argMax']],
  ['sum with scattered elements', add(x, scattered), ['scatterElements']],
  ['difference from scattered elements', sub(scattered, mul(x, 2)), ['mul', 'scatterElements']],
  ['scattered elements alone', mul(scattered, x), ['scatterElements', 'mul']],
  ['a constant that is one number', mul(x, constant(tensor(new Float32Array(24).fill(2), x.shape))), ['mul']],
  ['derivative of a square', derivative(square(x)), ['mul']],
  ['derivative of a bounded number', derivative(clip(x, -0.5, 0.5)), ['clip', 'equal', 'cast']],
  ['factors one after the other', mul(mul(2, mul(x, 3)), 0.5), ['mul']],
  ['factors that cancel', mul(mul(x, 4), 0.25), []],
  ['cotangent of a product', derivative(mul(x, y)), []],
  ['a negation times a constant', mul(neg(x), 2), ['mul']],
  [
    'slices put back side by side',
    derivative(add(square(front), square(back))),
    ['slice', 'mul', 'slice', 'mul', 'concat'],
  ],
  [
    'slices with a gap between',
    derivative(add(square(front), square(last))),
    ['slice', 'mul', 'pad', 'slice', 'mul', 'pad', 'add'],
  ],
  ['zeros along the inner axis', matmul(around(x, 2), weights), ['slice', 'matmul']],
  [
    'the same, on the right',
    matmul(weights, around(x, 2), { transposeA: true, transposeB: true }),
    ['slice', 'matmul'],
  ],
  ['zeros around rows, the product being smaller', matmul(around(x, 1), column), ['matmul', 'pad']],
  ['zeros around rows, the product being larger', matmul(around(column, 0), row), ['pad', 'matmul']],
  ['zeros around columns', matmul(row, around(weights, 1)), ['matmul', 'pad']],
  ['matrix products stay', matmul(x, reshape(y, [2, 4, 3])), ['reshape', 'matmul']],
  ['products read rows as columns', matmul(x, transpose(y, [0, 2, 1])), ['matmul']],
  ['the same, of axes that moved, too', scores, ['transpose', 'matmul']],
];

describe('optimize', () => {
  test.each(cases)('%s', (_name, value, left) => {
    const random = new Random(5);
    const leaves = nodesOf({ name: 'g', inputs: [], outputs: [{ name: 'out', value }] })
      .filter((node) => node.kind === 'input')
      .map((node) => node.outputs[0] as Value);
    const graph: Graph = optimize({ name: 'g', inputs: leaves, outputs: [{ name: 'out', value }] });
    const kept = nodesOf(graph).filter(({ kind }) => typeof kind !== 'string');
    expect(kept.map((node) => node.name)).toEqual(left);
    const feeds = new Map(
      leaves.map((v) => {
        const draw = () => (v === labels ? Math.floor(random.uniform() * 3) : random.normal());
        return [v, { ...v.type, data: Float64Array.from({ length: sizeOf(v.shape) }, draw) }] as const;
      }),
    );
    const [expected, actual] = interpret([value, graph.outputs[0]?.value as Value], feeds);
    expectClose(actual?.data ?? [], expected?.data ?? [], { rtol: 1e-6, atol: 1e-7 }, 'optimized');
  });

  test('transposes before products move whole rows', () => {
    const graph = optimize({ name: 'g', inputs: [...heads], outputs: [{ name: 'out', value: scores }] });
    const attrs = nodesOf(graph).flatMap(({ kind, attrs }) => (typeof kind === 'string' ? [] : [attrs]));
    expect(attrs).toEqual([{ permutation: [0, 2, 1, 3] }, { transposeA: false, transposeB: true }]);
  });
});
