import { describe, expect, test } from '@jest/globals';
import { camelCase } from '../../src/core/registry.ts';
import { tensor } from '../../src/core/tensor.ts';
import { ConfigError } from '../../src/errors.ts';
import { gradient } from '../../src/ir/autodiff.ts';
import { constant, input, type Value } from '../../src/ir/graph.ts';
import { interpret } from '../../src/ir/interpret.ts';
import { type NDArray, toNDArray } from '../../src/ir/ndarray.ts';
import { activation } from '../../src/layers/activation.ts';
import * as functions from '../../src/layers/activations.ts';
import { dense } from '../../src/layers/dense.ts';
import { mul, square } from '../../src/ops/index.ts';
import { expectClose, type Tolerance } from '../helpers/close.ts';
import { type GoldenTensor, goldenTensor, readGolden } from '../helpers/golden.ts';

interface ActivationCase {
  readonly name: string;
  readonly function: string;
  readonly options: Readonly<Record<string, number | boolean>>;
  readonly x: GoldenTensor;
  readonly y: GoldenTensor;
  readonly direction: GoldenTensor;
  readonly grad: GoldenTensor;
}

const { activations, registerActivation } = functions;
const keras: Tolerance = { rtol: 2e-5, atol: 2e-6 };
const cases = readGolden<ActivationCase[]>('activations.json');

/** How the functions that have options take those of the golden file. */
const withOptions: Readonly<Record<string, (x: Value, o: ActivationCase['options']) => Value>> = {
  relu: (x, o) => functions.relu(x, o as functions.ReluOptions),
  leaky_relu: (x, o) => functions.leakyRelu(x, o.negativeSlope as number),
  elu: (x, o) => functions.elu(x, o.alpha as number),
  celu: (x, o) => functions.celu(x, o.alpha as number),
  gelu: (x, o) => functions.gelu(x, o.approximate as boolean),
  glu: (x, o) => functions.glu(x, o.axis as number),
  hard_shrink: (x, o) => functions.hardShrink(x, o.threshold as number),
  soft_shrink: (x, o) => functions.softShrink(x, o.threshold as number),
  threshold: (x, o) => functions.threshold(x, o.threshold as number, o.defaultValue as number),
  squareplus: (x, o) => functions.squareplus(x, o.b as number),
  softmax: (x, o) => functions.softmax(x, o.axis as number),
  log_softmax: (x, o) => functions.logSoftmax(x, o.axis as number),
};

describe('activation functions', () => {
  test.each(cases.map((c) => [c.name, c] as const))('%s is what Keras computes', (_name, c) => {
    const data = goldenTensor(c.x);
    const x = input('x', data);
    const plain = Object.keys(c.options).length === 0;
    const y = plain ? activations.get(c.function)(x) : withOptions[c.function]?.(x, c.options);
    if (y === undefined) throw new Error(`no call of ${c.function} with options in this test`);
    const [dx] = gradient(y, [x], constant(goldenTensor(c.direction)));
    const wanted = [y, dx ?? mul(x, 0)];
    const [result, grad] = interpret(wanted, new Map([[x, toNDArray(data)]])) as [NDArray, NDArray];
    expect(result.shape).toEqual(c.y.shape);
    expectClose(result.data, c.y.data, keras, c.name);
    expectClose(grad.data, c.grad.data, keras, `${c.name}, gradient`);
  });

  test('has all of Keras by name, in both spellings', () => {
    const names = [...new Set(cases.map((c) => c.function)), 'sparsemax'];
    expect(names.length).toBe(32);
    for (const name of names) {
      expect([name, activations.has(name), activations.has(camelCase(name))]).toEqual([name, true, true]);
    }
  });

  test('stay finite far from 0', () => {
    const x = input('x', tensor([-1000, -50, 0, 50, 80]));
    for (const name of activations.names().filter((n) => n !== 'glu')) {
      const y = activations.get(name)(x);
      const [dx] = gradient(y, [x], constant(tensor([1, 1, 1, 1, 1])));
      const results = interpret(
        dx ? [y, dx] : [y],
        new Map([[x, toNDArray(tensor([-1000, -50, 0, 50, 80]))]]),
      );
      expect([name, results.every(({ data }) => data.every(Number.isFinite))]).toEqual([name, true]);
    }
  });

  test('sparsemax gives probabilities, along any axis', () => {
    const data = tensor([
      [0.1, 2],
      [1.2, -1],
      [1.1, 1.5],
    ]);
    const x = input('x', data);
    const y = functions.sparsemax(x, 0);
    const [dx] = gradient(
      y,
      [x],
      constant(
        tensor([
          [1, 2],
          [3, 4],
          [5, 6],
        ]),
      ),
    ) as [Value];
    const results = interpret([y, dx], new Map([[x, toNDArray(data)]])) as [NDArray, NDArray];
    const tolerance = { rtol: 0, atol: 1e-6 };
    expectClose(results[0].data, [0, 0.75, 0.55, 0, 0.45, 0.25], tolerance, 'sparsemax');
    // where y > 0: the direction less its mean over the other such places
    expectClose(results[1].data, [0, -2, -1, 0, 1, 2], tolerance, 'gradient of sparsemax');
  });

  test('a function of the user is known by its name', () => {
    registerActivation('squaredRelu', (x) => square(functions.relu(x)));
    expect(dense({ units: 1, activation: 'squared_relu' }).options.activation).toBe('squared_relu');
  });

  test('a misspelled name is refused with a suggestion', () => {
    expect(() => activation({ activation: 'reluu' })).toThrow(ConfigError);
    expect(() => activation({ activation: 'reluu' })).toThrow(/Did you mean "relu"/);
  });
});
