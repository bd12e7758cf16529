import { describe, expect, test } from '@jest/globals';
import * as tfk from '../../src/index.ts';
import { wolfeSearch } from '../../src/optimizers/wolfe.ts';
import { expectClose } from '../helpers/close.ts';

const { ops } = tfk;

/** A layer that gives its weights, to be minimized over. */
class Point extends tfk.Model {
  static override readonly className = 'Point';
  readonly #at: readonly number[];
  #weight!: tfk.Weight;

  constructor(at: readonly number[]) {
    super({});
    this.#at = at;
  }

  override build(): void {
    const initializer = tfk.initializers.constant({ value: this.#at[0] as number });
    this.#weight = this.addWeight('at', [this.#at.length], { initializer });
    this.#weight.write(tfk.tensor([...this.#at]));
  }

  call([x]: tfk.Values): tfk.Value {
    return ops.add(ops.mul(x, 0), this.#weight.value);
  }
}
const zero = tfk.tensor([0]);

async function minimize(at: readonly number[], f: (x: tfk.Value) => tfk.Value, steps: number, options = {}) {
  const model = new Point(at);
  const step = tfk.trainStep(model, tfk.optimizers.lbfgs(options), (x: tfk.Value) => f(tfk.call(model, x)));
  let loss = 0;
  for (let i = 0; i < steps; i++) loss = (await step(zero)).loss as number;
  step.dispose();
  return { loss, at: model.getWeights()[0]?.data ?? [] };
}

describe('L-BFGS', () => {
  test("finds the minimum of Rosenbrock's valley", async () => {
    const rosenbrock = (p: tfk.Value) => {
      const [x, y] = [
        ops.gather(p, tfk.tensor([0n]) as never, 0),
        ops.gather(p, tfk.tensor([1n]) as never, 0),
      ];
      const valley = ops.mul(ops.square(ops.sub(y, ops.square(x))), 100);
      return ops.reduceSum(ops.add(valley, ops.square(ops.sub(1, x))));
    };
    const { at, loss } = await minimize([-1.2, 1], rosenbrock, 4);
    expectClose(at, [1, 1], { rtol: 0, atol: 1e-2 }, 'minimum');
    expect(loss).toBeLessThan(1e-5);
  });

  test('solves a quadratic of five unknowns in one step of a dozen iterations', async () => {
    const scales = tfk.tensor([1, 4, 9, 16, 25]);
    const f = (x: tfk.Value) => ops.reduceSum(ops.mul(ops.square(ops.sub(x, 1)), scales));
    const { at } = await minimize([5, -3, 2, 0, 7], f, 1, { maxIterations: 12 });
    expectClose(at, [1, 1, 1, 1, 1], { rtol: 0, atol: 1e-3 }, 'minimum');
  });

  test('is an optimizer of fit: least squares to the last digits', async () => {
    tfk.setRandomSeed(2);
    const x = new tfk.Tensor(
      'float32',
      [16, 3],
      Float32Array.from({ length: 48 }, (_, i) => Math.sin(i * i)),
    );
    const y = ops.add(ops.matmul(x, tfk.tensor([[1], [-2], [3]])), 0.5);
    const model = tfk.sequential([tfk.input({ shape: [3] }), tfk.layers.dense({ units: 1 })]);
    model.compile({ optimizer: 'lbfgs', loss: 'mse' });
    const { loss } = await model.fit(x, y, { epochs: 3, batchSize: 16, verbose: 0 });
    expect(loss?.at(-1)).toBeLessThan(1e-9);
    expectClose(model.getWeights()[0]?.data ?? [], [1, -2, 3], { rtol: 1e-3, atol: 0 }, 'kernel');
    expect(() => model.compile({ optimizer: 'lbfgs', loss: 'mse', stepsPerExecution: 2 })).toThrow(
      tfk.ConfigError,
    );
    expect(() => tfk.optimizers.lbfgs({ clipnorm: 1 as never })).toThrow(/no clipping/);
  });
});

describe('the line search', () => {
  const lines: readonly (readonly [string, (t: number) => number, (t: number) => number, number])[] = [
    ['a parabola, from too short a step', (t) => (t - 3) ** 2, (t) => 2 * (t - 3), 0.01],
    ['a parabola, from too long a step', (t) => (t - 3) ** 2, (t) => 2 * (t - 3), 100],
    ['a valley with a wall', (t) => t ** 4 - t, (t) => 4 * t ** 3 - 1, 10],
    ['a wavy line', (t) => (t - 3) ** 2 + Math.sin(8 * t) / 2, (t) => 2 * (t - 3) + 4 * Math.cos(8 * t), 1],
    ['values that overflow', (t) => (t > 1 ? Number.POSITIVE_INFINITY : (t - 0.5) ** 2), (t) => 2 * t - 1, 8],
  ];
  test.each(lines)('%s', async (_name, f, slope, first) => {
    const start = { t: 0, value: f(0), slope: slope(0) };
    const found = await wolfeSearch(start, first, async (t) => ({ t, value: f(t), slope: slope(t) }), 30);
    expect(found?.value).toBeLessThanOrEqual(start.value + 1e-4 * (found?.t ?? 0) * start.slope);
    expect(Math.abs(found?.slope ?? Number.NaN)).toBeLessThanOrEqual(0.9 * Math.abs(start.slope) + 1e-9);
  });

  test('a decrease below the rounding of float32 is told from the slopes', async () => {
    const evaluate = async (t: number) => ({
      t,
      value: Math.fround(1 + 1e-9 * (t - 1) ** 2),
      slope: 2e-9 * (t - 1),
    });
    const found = await wolfeSearch(await evaluate(0), 1.5, evaluate, 10);
    expect(found?.t).toBe(1.5);
  });

  test('where no step goes down, there is none', async () => {
    const evaluate = async (t: number) => ({ t, value: t === 0 ? 1 : 2, slope: t === 0 ? -1 : 1 });
    expect(await wolfeSearch(await evaluate(0), 1, evaluate, 10)).toBeUndefined();
  });
});
