import { describe, expect, test } from '@jest/globals';
import * as tfk from '../../src/index.ts';

const { ops, tensor, grad } = tfk;
type Value = tfk.Value;

describe('cond', () => {
  const layer = tfk.sequential([
    tfk.input({ shape: [2] }),
    tfk.layers.dense({ units: 1, useBias: false, kernelInitializer: 'ones' }),
  ]);
  const choose = tfk.cond(
    (x: Value) => ops.reduceSum(ops.square(x)),
    (x: Value) => ops.reduceSum(tfk.call(layer, x)),
  );
  const x = tensor([[1, 2]]);

  test('computes one branch', () => {
    expect(choose(tensor(true), x).item()).toBe(5);
    expect(choose(tensor(false), x).item()).toBe(3);
  });

  test('gradients flow through the branch that is taken, to values and weights around it too', () => {
    const f = (v: Value, scale: Value) =>
      tfk.cond(
        (u: Value) => ops.reduceSum(ops.mul(ops.square(u), scale)),
        (u: Value) => ops.reduceSum(tfk.call(layer, u)),
      )(ops.greater(ops.reduceSum(v), 0), v);
    const two = tfk.scalar(2);
    expect(grad(f, { wrt: [0, 1] })(x, two).map((g) => g.array())).toEqual([[[4, 8]], 5]);
    expect(grad(f)(ops.neg(x), two).array()).toEqual([[1, 1]]);
    expect(grad(f, { wrt: layer })(ops.neg(x), two)[0]?.array()).toEqual([[-1], [-2]]);
    expect(grad(f, { wrt: layer })(x, two)[0]?.array()).toEqual([[0], [0]]);
    const second = grad((v: Value) =>
      ops.reduceSum(grad((u: Value) => f(u, ops.square(ops.reduceSum(u))))(v)),
    );
    expect(
      second(x).allClose(
        finite((v) => grad((u: Value) => f(u, ops.square(ops.reduceSum(u))))(v), x),
        { rtol: 1e-2 },
      ),
    ).toBe(true);
  });

  test('refuses branches of other types, and conditions that are no scalars', () => {
    const wrong = tfk.cond(
      (v: Value) => v,
      (v: Value) => ops.reduceSum(v),
    );
    expect(() => wrong(tensor(true), x)).toThrow(/both branches must give/);
    expect(() => choose(tensor([true]), x)).toThrow(tfk.ShapeError);
  });
});

/** Central differences of the sum of a function's results. */
function finite(f: (x: tfk.Tensor) => tfk.Tensor, x: tfk.Tensor): tfk.Tensor {
  const step = 1e-2;
  const at = (i: number, sign: number) => {
    const moved = new tfk.Tensor(x.dtype, x.shape, x.data.slice());
    moved.data[i] = Number(moved.data[i]) + sign * step;
    return ops.reduceSum(f(moved)).item();
  };
  const slopes = Array.from({ length: x.size }, (_, i) => (at(i, 1) - at(i, -1)) / (2 * step));
  return tensor(slopes).reshape(x.shape);
}

describe('scan', () => {
  const sums = tfk.scan((sum: Value, x: Value) => [ops.add(sum, x), ops.mul(sum, x)] as const);

  test('hands a state on and stacks results', () => {
    const [last, ys] = sums(tfk.scalar(1), tensor([1, 2, 3]));
    expect([last.item(), ys.array()]).toEqual([7, [1, 4, 12]]);
  });

  test.each([{ unroll: true }, { unroll: false }, { reverse: true }])(
    'can be differentiated: %j',
    (options) => {
      const f = (x: Value) => {
        const power = tfk.scan(
          (s: { readonly p: Value }, y: Value) => [{ p: ops.mul(s.p, ops.add(y, x)) }, s.p] as const,
          options,
        );
        const [{ p }, all] = power({ p: ops.square(x) }, ops.expandDims(x, 0)) as readonly [
          { readonly p: Value },
          Value,
        ];
        return ops.add(ops.reduceSum(p), ops.reduceSum(all));
      };
      // p = x^2 * 2x, all = x^2
      expect(grad(f)(tensor([2])).array()).toEqual([28]);
    },
  );
});

describe('whileLoop', () => {
  test('goes on while the condition holds, with values around it', () => {
    const double = tfk.whileLoop(
      (s: { readonly x: Value; readonly n: Value }) => ops.less(s.x, 100),
      (s) => ({ x: ops.mul(s.x, 2), n: ops.add(s.n, 1) }),
    );
    const { x, n } = double({ x: tfk.scalar(3), n: tfk.scalar(0) });
    expect([x.item(), n.item()]).toEqual([192, 6]);
    expect(double({ x: tfk.scalar(200), n: tfk.scalar(0) }).x.item()).toBe(200);
    const f = tfk.jit((x0: Value, factor: Value) =>
      tfk.whileLoop(
        (v: Value) => ops.less(v, 10),
        (v: Value) => ops.mul(v, factor),
      )(x0),
    );
    expect(f(tfk.scalar(1), tfk.scalar(3)).item()).toBe(27);
  });

  test('says that it has no gradient', () => {
    const f = tfk.whileLoop(
      (v: Value) => ops.less(v, 10),
      (v: Value) => ops.mul(v, 2),
    );
    expect(() => grad((v: Value) => f(v))(tfk.scalar(1))).toThrow(/only through "whileLoop"/);
  });
});
