import { describe, expect, test } from '@jest/globals';
import { isFloat } from '../../src/core/dtype.ts';
import { Tensor } from '../../src/core/tensor.ts';
import { ConfigError, ShapeError } from '../../src/errors.ts';
import { lift } from '../../src/functions/lift.ts';
import * as tfk from '../../src/index.ts';
import type { Value } from '../../src/ir/graph.ts';
import { makeNode, opTable } from '../../src/ir/op.ts';
import { exact, expectClose, float32Tolerance } from '../helpers/close.ts';
import { casesOf, evaluate } from '../helpers/op-samples.ts';

const { ops, tensor } = tfk;

describe('ops on tensors', () => {
  test('compute at once', () => {
    expect(ops.add(tensor([1, 2]), 1).array()).toEqual([2, 3]);
    expect(ops.concat([tensor([1]), tensor([2, 3])], 0).array()).toEqual([1, 2, 3]);
    expect(ops.greater(tensor([1, 3]), tensor([2, 2])).array()).toEqual([false, true]);
    expect(ops.transpose(tensor([[1, 2]])).shape).toEqual([2, 1]);
    const [values, indices] = ops.topK(tensor([3, 1, 2]), 2);
    expect([values?.array(), indices?.array()]).toEqual([
      [3, 2],
      [0, 2],
    ]);
  });

  test('differ by all arguments from the call before', () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    const sums = [[0], undefined, [1], undefined].map((axes) => ops.reduceSum(x, axes).array());
    expect(sums).toEqual([[4, 6], 10, [3, 7], 10]);
    const kept = [true, false, true].map((keepDims) => ops.reduceSum(x, undefined, keepDims).shape);
    expect(kept).toEqual([[1, 1], [], [1, 1]]);
    const other = tensor([[5, 6]]);
    expect([x, other, x].map((t) => ops.neg(t).shape)).toEqual([
      [2, 2],
      [1, 2],
      [2, 2],
    ]);
    const whole = tensor(Int32Array.of(1, 2), [2]);
    expect([x, whole, x].map((t) => ops.neg(t).dtype)).toEqual(['float32', 'int32', 'float32']);
    expect([0, -0].map((zero) => Object.is(ops.mul(tensor([1]), zero).data[0], -0))).toEqual([false, true]);
  });

  test('large tensors are read and written in place', () => {
    const x = new Tensor('float32', [30_000], new Float32Array(30_000).fill(2));
    const y = ops.mul(x, x);
    expect([y.data[0], y.data[29_999], y.size]).toEqual([4, 4, 30_000]);
    expect(ops.mul(y, x).data[17]).toBe(8);
    expect(y.data[0]).toBe(4);
  });

  test('large results that are dropped make room for the next ones', () => {
    const x = new Tensor('float32', [2 ** 20], new Float32Array(2 ** 20).fill(1));
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 200; i++) expect(ops.add(x, x).data[i]).toBe(2);
    // 800 MB of results
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * 2 ** 20);
  });

  test('results do not share memory with arguments or other results', () => {
    const x = tensor([1, 2]);
    const [a, b] = [ops.relu(x), ops.relu(x)];
    a.data[0] = 7;
    expect([x.array(), b.array()]).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(ops.reshape(x, [2, 1]).data).not.toBe(x.data);
  });

  test('errors are those of the ops', () => {
    expect(() => ops.add(tensor([1, 2]), tensor([1, 2, 3]))).toThrow(ShapeError);
    expect(() => ops.matmul(tensor([1, 2, 3]), tensor([[1, 2]]))).toThrow(ShapeError);
  });

  test('attributes are part of what is compiled', () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    expect(ops.reduceSum(x, [0]).array()).toEqual([4, 6]);
    expect(ops.reduceSum(x, [1]).array()).toEqual([3, 7]);
    expect(ops.reduceSum(x, [1], true).shape).toEqual([2, 1]);
    expect(ops.mul(x, 0).data[0]).toBe(0);
    expect(Object.is(ops.mul(x, -0).data[0], -0)).toBe(true);
  });
});

// each sample of each op: at once, and all of them in one compiled function, against the float64 definition
describe.each([...opTable.values()].map((op) => [op.name, op] as const))('%s', (_name, op) => {
  test('eager and jit agree with the definition', () => {
    const cases = casesOf(op);
    const given = cases.map(({ node, feeds }) => node.inputs.map((v) => v && feeds.get(v)));
    const build = (inputs: readonly (Value | undefined)[], i: number): readonly Value[] =>
      makeNode(op, inputs, cases[i]?.node.attrs ?? {}).outputs;
    const eager = lift(build, { name: op.name, closed: true });
    const traced = tfk.jit((all: readonly (readonly (Value | undefined)[])[]) => all.map(build))(given);
    cases.forEach(({ node, feeds, label }, i) => {
      const results = eager(given[i] ?? [], i);
      evaluate(node.outputs, feeds).forEach(({ dtype, data }, k) => {
        const tolerance = isFloat(dtype) ? float32Tolerance : exact;
        expectClose(results[k]?.data ?? [], data, tolerance, `${label}, eager`);
        expectClose(traced[i]?.[k]?.data ?? [], data, tolerance, `${label}, jit`);
      });
    });
  });
});

describe('jit', () => {
  test('traces once for each signature', () => {
    let traces = 0;
    const f = tfk.jit((x, factor: number) => {
      traces++;
      return ops.mul(x as Value, factor as number);
    });
    expect(f(tensor([1]), 2).array()).toEqual([2]);
    expect(f(tensor([3]), 2).array()).toEqual([6]);
    expect(traces).toBe(1);
    f(tensor([1]), 3);
    f(tensor([1, 2]), 3);
    expect(traces).toBe(3);
  });

  test('takes and gives records and lists', () => {
    const f = tfk.jit((p: { readonly a: Value; readonly rest: readonly Value[] }) => ({
      sum: ops.add(p.a, p.rest[0] as Value),
      pair: [p.a, ops.neg(p.a)] as const,
      label: 'kept',
    }));
    const result = f({ a: tensor([1]), rest: [tensor([2])] });
    expect(result.sum.array()).toEqual([3]);
    expect(result.pair.map((t) => t.array())).toEqual([[1], [-1]]);
    expect(result.label).toBe('kept');
  });

  test('is called inside another one, and reads tensors around it as constants', () => {
    const offset = tensor([10]);
    const inner = tfk.jit((x: Value) => ops.add(x, offset));
    expect(
      tfk
        .jit((x: Value) => inner(inner(x)))(tensor([1]))
        .array(),
    ).toEqual([21]);
  });

  test('refuses values of another function', () => {
    let kept: Value | undefined;
    tfk.jit((x) => {
      kept = x;
      return ops.neg(x);
    })(tensor([1]));
    expect(() => tfk.jit((x: Value) => ops.add(x, kept as Value))(tensor([1]))).toThrow(ConfigError);
  });

  test('draws random numbers anew at each run', () => {
    const f = tfk.jit((x: Value) => ops.add(x, tfk.randomUniform([4])));
    const x = tensor([0, 0, 0, 0]);
    tfk.setRandomSeed(1);
    const [a, b] = [f(x), f(x)];
    expect(a.equals(b)).toBe(false);
    tfk.setRandomSeed(1);
    expect(f(x).equals(a)).toBe(true);
  });
});

describe('layers and models on tensors', () => {
  const model = () =>
    tfk.sequential([
      tfk.input({ shape: [4, 4, 1] }),
      tfk.layers.conv2d({ filters: 2, kernelSize: 2, activation: 'relu', name: 'conv' }),
      tfk.layers.flatten(),
      tfk.layers.dense({ units: 3, activation: 'softmax', name: 'scores' }),
    ]);
  const x = new Tensor(
    'float32',
    [2, 4, 4, 1],
    Float32Array.from({ length: 32 }, (_, i) => Math.sin(i)),
  );

  test('call gives what predict gives, and reads weights anew', async () => {
    const m = model();
    expectClose(tfk.call(m, x).data, ((await m.predict(x)) as Tensor).data, float32Tolerance, 'call');
    m.setWeights(m.getWeights().map((w) => ops.mul(w, 0)));
    expectClose(tfk.call(m, x).data, new Array(6).fill(1 / 3), float32Tolerance, 'zero weights');
  });

  test('batch normalization keeps statistics when it is called for training', () => {
    const m = tfk.sequential([tfk.input({ shape: [2] }), tfk.layers.batchNormalization({ momentum: 0 })]);
    tfk.call(
      m,
      tensor([
        [1, 2],
        [3, 6],
      ]),
      { training: true },
    );
    expect(m.getWeights()[2]?.array()).toEqual([2, 4]);
    expect(tfk.callMulti(m, [tensor([[2, 4]])])[0]?.array()).toEqual([[0, 0]]);
  });

  test('probe finds layers, what enters their activation, and ops', () => {
    const m = model();
    const {
      conv,
      'conv/preActivation': before,
      'scores/matmul': product,
    } = m.probe(x, ['conv', 'conv/preActivation', 'scores/matmul']);
    expect(conv?.shape).toEqual([2, 3, 3, 2]);
    expect(conv?.equals(ops.relu(before as Tensor))).toBe(true);
    expect(product?.shape).toEqual([2, 3]);
    expect(() => m.probe(x, ['convv'])).toThrow(/Did you mean "conv"/);
  });
});
