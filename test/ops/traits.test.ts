import { describe, expect, test } from '@jest/globals';
import { isFloat } from '../../src/core/dtype.ts';
import { formatType, sameShape } from '../../src/core/shape.ts';
import { Tensor } from '../../src/core/tensor.ts';
import type { Value } from '../../src/ir/graph.ts';
import { byName, makeNode, type Op, opTable } from '../../src/ir/op.ts';
import { transpose } from '../../src/ops/index.ts';
import { invertPermutation } from '../../src/ops/shape.ts';
import { expectClose } from '../helpers/close.ts';
import { casesOf, evaluate, type OpCase } from '../helpers/op-samples.ts';

const tolerance = { rtol: 1e-6, atol: 1e-6 };

/** Refuses a replacement of another type or with other elements. */
function expectSame(c: OpCase, actual: Value, expected: Value, label: string): void {
  expect(formatType(actual.type)).toBe(formatType(expected.type));
  const [a, e] = evaluate([actual, expected], c.feeds);
  expectClose(a?.data ?? [], e?.data ?? [], tolerance, label);
}

const orders = (rank: number): number[][] => {
  const axes = Array.from({ length: rank }, (_, i) => i);
  return [[...axes].reverse(), [...axes.slice(1), 0]];
};

/** The op with other inputs. */
const again = (op: Op, c: OpCase, inputs: readonly (Value | undefined)[]): Value =>
  makeNode(op, inputs, c.node.attrs).outputs[0] as Value;

describe.each([...opTable.values()].map((op) => [op.name, op] as const))('%s', (_name, op) => {
  const cases = casesOf(op);

  if (op.simplify !== undefined) {
    test('simplifies to the same value', () => {
      for (const c of cases) {
        const { inputs, attrs, outputs } = c.node;
        const simpler = op.simplify?.(
          byName(op, inputs, (v) => v),
          attrs,
          outputs,
        );
        if (simpler !== undefined) expectSame(c, simpler, outputs[0] as Value, `${c.label}, simplified`);
      }
    });
  }

  if (op.commutative) {
    test('is commutative', () => {
      for (const c of cases) {
        const swapped = again(op, c, [...c.node.inputs].reverse());
        expectSame(c, swapped, c.node.outputs[0] as Value, `${c.label}, swapped`);
      }
    });
  }

  if (op.permutation !== undefined) {
    test('is the reordering of axes that it claims to be', () => {
      for (const c of cases) {
        const order = op.permutation?.(c.node.attrs) ?? [];
        const reordered = transpose(c.node.inputs[0] as Value, order);
        expectSame(c, reordered, c.node.outputs[0] as Value, `${c.label}, as a transpose`);
      }
    });
  }

  if (op.sinkTranspose !== undefined) {
    test('commutes with transposes of its inputs', () => {
      for (const c of cases) {
        const { rank } = c.node.inputs[0] as Value;
        for (const order of rank < 2 ? [] : orders(rank)) {
          const before = c.node.inputs.map((value) =>
            value?.rank === rank ? transpose(value, invertPermutation(order)) : value,
          );
          const sunk = op.sinkTranspose?.(
            byName(op, before, (v) => v),
            c.node.attrs,
            order,
          );
          const label = `${c.label}, transposed by [${order}]`;
          if (sunk !== undefined) expectSame(c, sunk, c.node.outputs[0] as Value, label);
        }
      }
    });
  }

  if (op.elementwise) {
    test('is elementwise', () => {
      for (const c of cases) {
        for (const y of c.node.outputs) {
          const movable = [...c.feeds].filter(([x]) => sameShape(x.shape, y.shape) && isFloat(x.dtype));
          for (const [x, tensor] of movable) checkElement(c, x, tensor, y);
        }
      }
    });
  }
});

/** Another first element must leave all results but the first alone. */
function checkElement(c: OpCase, x: Value, tensor: Tensor, y: Value): void {
  const data = tensor.data.slice();
  data[0] = 0.5;
  const moved = new Map([...c.feeds, [x, new Tensor(tensor.dtype, tensor.shape, data)]]);
  const [was] = evaluate([y], c.feeds);
  const [is] = evaluate([y], moved);
  expectClose(
    is?.data.slice(1) ?? [],
    was?.data.slice(1) ?? [],
    tolerance,
    `${c.label}, one element changed`,
  );
}
