import { describe, expect, test } from '@jest/globals';
import { Random } from '../../src/core/random.ts';
import * as tfk from '../../src/index.ts';
import { constant } from '../../src/ir/graph.ts';
import { expectClose } from '../helpers/close.ts';
import { normalTensor } from '../helpers/op-samples.ts';

const { ops, tensor, grad } = tfk;
type Value = tfk.Value;
const double = (v: number): tfk.Tensor => tfk.tensor(v, [], 'float64');

/** Functions with their third derivatives in closed form. */
const thirdDerivatives: readonly (readonly [string, (x: Value) => Value, (x: number) => number, number])[] = [
  ['x^5', (x) => ops.pow(x, 5), (x) => 60 * x ** 2, 0.7],
  ['exp(2x)', (x) => ops.exp(ops.mul(x, 2)), (x) => 8 * Math.exp(2 * x), 0.3],
  ['sin', (x) => ops.sin(x), (x) => -Math.cos(x), 0.4],
  [
    'cos(x^2)',
    (x) => ops.cos(ops.square(x)),
    (x) => 8 * x ** 3 * Math.sin(x * x) - 12 * x * Math.cos(x * x),
    0.8,
  ],
  ['log', (x) => ops.log(x), (x) => 2 / x ** 3, 1.7],
  ['1 / x', (x) => ops.div(1, x), (x) => -6 / x ** 4, 1.3],
  ['sqrt', (x) => ops.sqrt(x), (x) => 0.375 * x ** -2.5, 1.9],
  ['tanh', (x) => ops.tanh(x), (x) => (2 * (2 * Math.sinh(x) ** 2 - 1)) / Math.cosh(x) ** 4, 0.6],
  ['sigmoid', (x) => ops.sigmoid(x), (x) => sigmoidThird(1 / (1 + Math.exp(-x))), 0.9],
  ['exp(-x^2)', (x) => ops.exp(ops.neg(ops.square(x))), (x) => (12 * x - 8 * x ** 3) * Math.exp(-x * x), 0.5],
];
const sigmoidThird = (s: number): number => s * (1 - s) * (1 - 6 * s + 6 * s * s);

describe('grad', () => {
  test.each(thirdDerivatives)('third derivative of %s', (_name, f, expected, x) => {
    const third = grad(grad(grad(f)));
    expectClose([third(tfk.scalar(x)).item()], [expected(x)], { rtol: 1e-4, atol: 0 }, 'float32');
  });

  test('keeps float64', () => {
    const y = grad((x) => ops.mul(x, ops.mul(x, x)))(double(1 / 3));
    expect(y.dtype).toBe('float64');
    expect(y.item()).toBeCloseTo(1 / 3, 14);
  });

  test('follows the argument alone, not other uses of the same value', () => {
    const f = grad((a: Value) => ops.mul(a, grad((b: Value) => ops.mul(a, b))(a)));
    expect(f(tfk.scalar(3)).item()).toBe(6);
  });

  test('gives records and lists of the form of the argument', () => {
    const lossOf = (p: { readonly w: Value; readonly b: readonly Value[] }, x: Value) =>
      ops.reduceSum(ops.add(ops.mul(p.w, x), p.b[0] as Value));
    const g = grad(lossOf)({ w: tensor([1, 2]), b: [tfk.scalar(3)] }, tensor([5, 6]));
    expect(g.w.array()).toEqual([5, 6]);
    expect(g.b[0]?.array()).toBe(2);
  });

  test('differentiates by any argument, or several', () => {
    const f = (x: Value, y: Value) => ops.reduceSum(ops.mul(x, ops.square(y)));
    const [x, y] = [tensor([2]), tensor([3])];
    expect(grad(f, { wrt: 1 })(x, y).array()).toEqual([12]);
    const [dx, dy] = grad(f, { wrt: [0, 1] })(x, y);
    expect([dx.array(), dy.array()]).toEqual([[9], [12]]);
    const [value, both] = tfk.valueAndGrad(f, { wrt: [1, 0] })(x, y);
    expect([value.item(), both[0].item(), both[1].item()]).toEqual([18, 12, 9]);
  });

  test('differentiates by weights and by layers', () => {
    const layer = tfk.sequential([tfk.input({ shape: [2] }), tfk.layers.dense({ units: 1 })]);
    const x = tensor([[1, 2]]);
    const f = (v: Value) => ops.reduceSum(tfk.call(layer, v));
    expect(grad(f, { wrt: layer })(x).map((g) => g.array())).toEqual([[[1], [2]], [1]]);
    expect(grad(f, { wrt: [layer.weights[1] as tfk.Weight] })(x).map((g) => g.array())).toEqual([[1]]);
    const penalty = grad(
      (v: Value) =>
        ops.reduceSum(ops.square(grad((u: Value) => ops.reduceSum(ops.square(tfk.call(layer, u))))(v))),
      { wrt: layer },
    );
    expect(penalty(x).map((g) => g.shape)).toEqual([[2, 1], [1]]);
  });
});

describe('products with Jacobians', () => {
  const mlp = tfk.sequential([
    tfk.input({ shape: [4] }),
    tfk.layers.dense({ units: 5, activation: 'tanh' }),
    tfk.layers.dense({ units: 1 }),
  ]);
  const lossOf = (x: Value) => ops.reduceSum(ops.sin(tfk.call(mlp, x)));
  const random = new Random(5);
  const [x, v] = [normalTensor(random, [3, 4]), normalTensor(random, [3, 4])];

  test('Hessian-vector product of a network against differences of its gradient', () => {
    const [, product] = tfk.jvp(grad(lossOf))([x], [v]);
    const at = (t: number) => grad(lossOf)(ops.add(x, ops.mul(v, t)));
    const difference = (h: number) => ops.div(ops.sub(at(h), at(-h)), 2 * h);
    // of fourth order: float32 leaves few digits to smaller steps
    const numeric = ops.div(ops.sub(ops.mul(difference(0.04), 4), difference(0.08)), 3);
    expectClose(product.data, numeric.data, { rtol: 1e-3, atol: 1e-4 }, 'hvp');
    const [, [transposed]] = tfk.vjp(grad(lossOf))([x], v);
    expectClose(transposed.data, product.data, { rtol: 1e-4, atol: 1e-5 }, 'symmetric');
  });

  test('jvp and vjp of a map between spaces', () => {
    const f = (a: Value, b: Value) => ops.concat([ops.mul(a, b), ops.square(a)], 0);
    const [a, b] = [tensor([1, 2]), tensor([3, 4])];
    const [y, dy] = tfk.jvp(f)([a, b], [tensor([1, 0]), tensor([0, 1])]);
    expect([y.array(), dy.array()]).toEqual([
      [3, 8, 1, 4],
      [3, 2, 2, 0],
    ]);
    const [, [da, db]] = tfk.vjp(f)([a, b], tensor([1, 1, 10, 10]));
    expect([da.array(), db.array()]).toEqual([
      [23, 44],
      [1, 2],
    ]);
  });

  test('jacobian by rows and by columns, hessian', () => {
    const wide = (z: Value) => ops.reduceSum(ops.square(z), [1]);
    const tall = (z: Value) => ops.concat([ops.square(z), ops.mul(z, 3)], 0);
    const z = tensor([
      [1, 2],
      [3, 4],
    ]);
    expect(tfk.jacobian(wide)(z).array()).toEqual([
      [
        [2, 4],
        [0, 0],
      ],
      [
        [0, 0],
        [6, 8],
      ],
    ]);
    expect(
      tfk
        .jacobian(tall)(tensor([1, 2]))
        .array(),
    ).toEqual([
      [2, 0],
      [0, 4],
      [3, 0],
      [0, 3],
    ]);
    const h = tfk.hessian((u: Value) => ops.mul(ops.square(ops.reduceSum(u)), 0.5))(tensor([1, 2]));
    expect(h.array()).toEqual([
      [1, 1],
      [1, 1],
    ]);
  });

  test('refuse tangents and cotangents of other types', () => {
    expect(() => tfk.vjp((a: Value) => ops.neg(a))([x], v.slice(0))).toThrow(tfk.ShapeError);
    expect(() => tfk.jvp((a: Value) => ops.neg(a))([x], [v.slice(0)])).toThrow(tfk.ShapeError);
    expect(() => tfk.jvp((a: Value) => ops.neg(a))([x], [] as never)).toThrow(/expected 1 tangents/);
  });
});

describe('gradients of your own', () => {
  const x = tensor([-1, 2]);

  test('stopGradient makes a constant', () => {
    const f = (v: Value) => ops.reduceSum(ops.mul(v, tfk.stopGradient(v)));
    expect(grad(f)(x).array()).toEqual([-1, 2]);
  });

  test('customGradient replaces the rule and can be differentiated again', () => {
    const straight = tfk.customGradient(
      (v: Value) => ops.sign(v),
      (_xs, dy) => [dy],
    );
    expect(grad((v: Value) => ops.reduceSum(ops.mul(straight(v), 3)))(x).array()).toEqual([3, 3]);
    const cube = tfk.customGradient(
      (v: Value) => ops.stopGradient(ops.mul(v, ops.square(v))),
      ([v], dy) => [ops.mul(dy, ops.mul(ops.square(v), 3))],
    );
    expect(grad(grad(cube))(tfk.scalar(2)).item()).toBe(12);
    expect(straight(x).array()).toEqual([-1, 1]);
    const wrong = tfk.customGradient(
      (v: Value) => ops.neg(v),
      () => [],
    );
    expect(() => grad((v: Value) => ops.reduceSum(wrong(v)))(x)).toThrow(/one gradient .* for each of 1/);
  });

  test('checkpoint changes no result, at any order, with weights and values around it', () => {
    const layer = tfk.layers.dense({ units: 3, activation: 'tanh' });
    const m = tensor([
      [0.1, 0.2, -0.3],
      [0.3, 0.4, 0.5],
    ]);
    const lossOf = (wrap: typeof tfk.checkpoint | undefined) => (v: Value, scale: Value) => {
      const block = (u: Value) => ops.mul(ops.tanh(tfk.call(layer, ops.sin(u))), scale);
      return ops.reduceSum(ops.square(wrap ? wrap(block)(v) : block(v)));
    };
    const scale = tfk.scalar(1.5);
    const [plain, saved] = [lossOf(undefined), lossOf(tfk.checkpoint)];
    const tolerance = { rtol: 1e-5, atol: 1e-6 };
    const both = (f: typeof plain) => [
      ...grad(f, { wrt: [0, 1] })(m, scale),
      ...grad(f, { wrt: layer })(m, scale),
      grad((v: Value, s: Value) => ops.reduceSum(ops.square(grad(f)(v, s))))(m, scale),
    ];
    const [a, b] = [both(plain), both(saved)];
    a.forEach((g, i) => {
      expectClose(b[i]?.data ?? [], g.data, tolerance, `gradient ${i}`);
    });
  });
});

describe('what cannot be differentiated', () => {
  const x = tensor([1, 2]);
  const classOf = (v: Value) => ops.cast(ops.argMax(v, 0), 'float32');

  test('says which op has no derivative, and in which layer', () => {
    class Picks extends tfk.Layer {
      static override readonly className = 'Picks';
      call([v]: tfk.Values): Value {
        return classOf(v);
      }
    }
    expect(() => grad((v: Value) => ops.reduceSum(tfk.call(new Picks({ name: 'pick' }), v)))(x)).toThrow(
      /no gradient reaches argument 0: .*"argMax" in pick, which has no derivative/,
    );
  });

  test.each([
    [
      'an integer',
      (v: Value) => ops.reduceSum(ops.cast(v, 'float32')),
      x.cast('int32'),
      tfk.DtypeError,
      /argument 0 is int32\[2\]/,
    ],
    [
      'an unused argument',
      () => constant(tfk.scalar(1)),
      x,
      tfk.ConfigError,
      /does not depend on argument 0/,
    ],
    ['no scalar', (v: Value) => v, x, tfk.ShapeError, /must give a scalar/],
  ] as const)('%s', (_name, f, at, Kind, message) => {
    expect(() => grad(f)(at)).toThrow(Kind);
    expect(() => grad(f)(at)).toThrow(message);
  });

  test('names weights and parts of records', () => {
    const layer = tfk.sequential([tfk.input({ shape: [2] }), tfk.layers.dense({ units: 1, name: 'last' })]);
    expect(() => grad((v: Value) => ops.reduceSum(v), { wrt: layer })(x)).toThrow(
      /weight ".*\/last\/kernel"/,
    );
    expect(() =>
      grad((p: { readonly a: Value; readonly b: Value }) => ops.reduceSum(p.a))({ a: x, b: x }),
    ).toThrow(/argument 0\.b/);
    expect(() => grad((v: Value) => ops.reduceSum(v), { wrt: 1 as never })(x)).toThrow(
      /argument 1 has no tensor/,
    );
  });

  test('gives zeros where that is asked for', () => {
    const f = (v: Value) => ops.reduceSum(classOf(v));
    expect(grad(f, { unconnected: 'zero' })(x).array()).toEqual([0, 0]);
  });
});
