import { describe, expect, test } from '@jest/globals';
import { tensor } from '../../src/core/tensor.ts';
import { InternalError } from '../../src/errors.ts';
import { constant, type Graph, input, type Value } from '../../src/ir/graph.ts';
import { optimize } from '../../src/ir/passes.ts';
import { printGraph } from '../../src/ir/print.ts';
import { add, exp, mul, neg } from '../../src/ops/index.ts';

const x = input('x', { dtype: 'float32', shape: [2] });
const graphOf = (value: Value, inputs: Value[] = [x]): Graph => ({
  name: 'g',
  inputs,
  outputs: [{ name: 'y', value }],
});

describe('optimize', () => {
  test('folds constants, applies identities, merges equal nodes, drops dead ones', () => {
    const one = add(constant(tensor([0.5, 0.5])), 0.5);
    const y = add(mul(exp(x), one), neg(neg(exp(x))));
    expect(printGraph(optimize(graphOf(y)))).toBe(
      'g(\n  %x: float32[2]\n) {\n' +
        '  %0: float32[2] = exp(%x)\n' +
        '  %1: float32[2] = add(%0, %0)\n' +
        '  return y: %1\n}\n',
    );
  });

  test.each([
    ['a thousand different elements', 1000, (i: number) => i / 7],
    ['many equal ones', 100_000, () => 2.5],
  ])('merges equal constants: %s', (_name, length, element) => {
    const fixed = () => constant(tensor(Float32Array.from({ length }, (_, i) => element(i))));
    const v = input('v', { dtype: 'float32', shape: [length] });
    const y = add(mul(v, fixed()), mul(v, fixed()));
    expect(printGraph(optimize(graphOf(y, [v]))).match(/= mul/g)).toHaveLength(1);
  });

  test('refuses a graph that reads what is not fed', () => {
    expect(() => optimize(graphOf(exp(x), []))).toThrow(InternalError);
  });
});
