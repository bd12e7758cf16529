import { expect, test } from '@jest/globals';
import { type Tensor, tensor } from '../../src/core/tensor.ts';
import { ConfigError } from '../../src/errors.ts';
import { input } from '../../src/ir/graph.ts';
import { interpret } from '../../src/ir/interpret.ts';
import { type NDArray, toNDArray } from '../../src/ir/ndarray.ts';
import {
  type Constraint,
  constraints,
  maxNorm,
  minMaxNorm,
  nonNeg,
  unitNorm,
} from '../../src/layers/constraints.ts';
import { expectClose } from '../helpers/close.ts';

/** Columns of norm 5, 1 and 0. */
const weight = tensor([
  [3, 0.6, 0],
  [-4, 0.8, 0],
]);

function project(constraint: Constraint, w: Tensor = weight): NDArray {
  const value = input('w', w);
  return interpret([constraint.call(value)], new Map([[value, toNDArray(w)]]))[0] as NDArray;
}

test.each([
  ['maxNorm', maxNorm(), [1.2, 0.6, 0, -1.6, 0.8, 0]],
  ['maxNorm over rows', maxNorm({ maxValue: 1, axis: 1 }), [0.980581, 0.196116, 0, -0.980581, 0.196116, 0]],
  ['minMaxNorm', minMaxNorm({ minValue: 2, maxValue: 4 }), [2.4, 1.2, 0, -3.2, 1.6, 0]],
  [
    'minMaxNorm at half rate',
    minMaxNorm({ minValue: 2, maxValue: 4, rate: 0.5 }),
    [2.7, 0.9, 0, -3.6, 1.2, 0],
  ],
  ['nonNeg', nonNeg(), [3, 0.6, 0, 0, 0.8, 0]],
  ['unitNorm', unitNorm(), [0.6, 0.6, 0, -0.8, 0.8, 0]],
  [
    'unitNorm of the whole',
    unitNorm({ axis: [0, 1] }),
    [3, 0.6, 0, -4, 0.8, 0].map((v) => v / Math.sqrt(26)),
  ],
])('%s', (_name, constraint, expected) => {
  const projected = project(constraint);
  expect(projected.shape).toEqual(weight.shape);
  expectClose(projected.data, expected, { rtol: 1e-6, atol: 1e-6 }, 'projected');
});

test('constraints are made by name and refuse bad options', () => {
  expect(constraints.make('max_norm').getConfig()).toEqual({ maxValue: 2, axis: 0 });
  expect(constraints.make({ type: 'unitNorm', axis: [0, 1] }).getConfig()).toEqual({ axis: [0, 1] });
  expect(() => minMaxNorm({ minValue: 2, maxValue: 1 })).toThrow(ConfigError);
  expect(() => constraints.make({ type: 'maxNorm', max: 3 })).toThrow(/unknown option "max"/);
});
