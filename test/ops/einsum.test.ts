import { describe, expect, test } from '@jest/globals';
import { Random } from '../../src/core/random.ts';
import { sizeOf } from '../../src/core/shape.ts';
import { ConfigError, ShapeError } from '../../src/errors.ts';
import { gradient } from '../../src/ir/autodiff.ts';
import { input, type Value } from '../../src/ir/graph.ts';
import { interpret } from '../../src/ir/interpret.ts';
import type { NDArray } from '../../src/ir/ndarray.ts';
import { einsum, matmul, reduceSum, transpose } from '../../src/ops/index.ts';
import { expectClose } from '../helpers/close.ts';

const sizes: Readonly<Record<string, number>> = { a: 2, b: 3, c: 4, d: 2 };
const float64 = { rtol: 1e-9, atol: 1e-12 };
const random = new Random(3);
const feeds = new Map<Value, NDArray>();

function fed(shape: readonly number[]): Value {
  const value = input(`x${feeds.size}`, { dtype: 'float32', shape });
  const data = Float64Array.from({ length: sizeOf(shape) }, () => random.normal());
  feeds.set(value, { dtype: 'float32', shape, data });
  return value;
}

const evaluate = (value: Value): Float64Array => (interpret([value], feeds)[0] as NDArray).data;

/** The definition: a loop over the values of all letters. */
function loops(equation: string, operands: readonly Value[]): Float64Array {
  const [left, output] = equation.split('->') as [string, string];
  const subscripts = left.split(',');
  const letters = [...new Set(left.replaceAll(',', ''))];
  const result = new Float64Array(sizeOf([...output].map((l) => sizes[l] as number)));
  const at = new Map<string, number>();
  const place = (labels: string): number =>
    [...labels].reduce((sum, l) => sum * (sizes[l] as number) + (at.get(l) as number), 0);
  const visit = (depth: number): void => {
    const letter = letters[depth];
    if (letter === undefined) {
      const factors = subscripts.map((s, i) => feeds.get(operands[i] as Value)?.data[place(s)] as number);
      const to = place(output);
      result[to] = (result[to] as number) + factors.reduce((a, b) => a * b, 1);
      return;
    }
    for (let v = 0; v < (sizes[letter] as number); v++) {
      at.set(letter, v);
      visit(depth + 1);
    }
  };
  visit(0);
  return result;
}

const equations = [
  ...['ab,bc->ac', 'abc,acd->abd', 'ab,cd->acbd', 'ab,bc,cd->ad', 'abcd,ad->bc', 'abc,cb->ba', 'ab,bc,ca->'],
  ...['ab,b->a', 'a,b->ab', 'ab,ab->', 'ab,ab->ab', 'ab,c->a', 'abc->ca'],
  ...['aa->', 'aaa->a', 'aab->ab', 'abcb->ac', 'aab,bc->ca'],
];

describe('einsum', () => {
  test.each(equations)('%s', (equation) => {
    const subscripts = equation.split('->')[0]?.split(',') ?? [];
    const operands = subscripts.map((s) => fed([...s].map((l) => sizes[l] as number)));
    const y = einsum(equation, operands);
    expectClose(evaluate(y), loops(equation, operands), float64, equation);
    // the sum is linear in each operand: <x, dy/dx> = y
    gradient(reduceSum(y), operands).forEach((slope, i) => {
      const products = evaluate(slope as Value).map((v, k) => {
        return v * (feeds.get(operands[i] as Value)?.data[k] as number);
      });
      const total = (numbers: Float64Array): number => numbers.reduce((a, b) => a + b, 0);
      expectClose([total(products)], [total(evaluate(y))], float64, `${equation}, operand ${i}`);
    });
  });

  test('broadcasts the axes of an ellipsis and infers the result', () => {
    const [a, b, c] = [fed([5, 2, 3]), fed([1, 3, 4]), fed([3, 4])];
    expectClose(evaluate(einsum('...ij,...jk', [a, b])), evaluate(matmul(a, b)), float64, 'both');
    expectClose(evaluate(einsum('...ij, ...jk -> ...ik', [a, c])), evaluate(matmul(a, c)), float64, 'one');
    expectClose(evaluate(einsum('ba', [c])), evaluate(transpose(c)), float64, 'implicit result');
    expect(einsum('...ii->...i', [fed([2, 3, 3])]).shape).toEqual([2, 3]);
  });

  test.each([
    ['ab', [[2, 3, 4]], ConfigError],
    ['ab,bc->ac', [[2, 3]], ConfigError],
    ['ab->z', [[2, 3]], ConfigError],
    ['ab->aa', [[2, 3]], ConfigError],
    ['a.b->a', [[2, 3]], ConfigError],
    [
      'ab,bc->ac',
      [
        [2, 3],
        [4, 2],
      ],
      ShapeError,
    ],
  ] as const)('refuses %s of %j', (equation, shapes, error) => {
    expect(() =>
      einsum(
        equation,
        shapes.map((shape) => fed(shape)),
      ),
    ).toThrow(error);
  });
});
