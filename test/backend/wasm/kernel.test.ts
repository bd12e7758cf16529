import { describe, expect, test } from '@jest/globals';
import { Arena } from '../../../src/backend/wasm/arena.ts';
import { compileKernel } from '../../../src/backend/wasm/kernel.ts';
import { compileScalars } from '../../../src/backend/wasm/scalars.ts';
import { sumOfSquares } from '../../../src/backend/wasm/sum-of-squares.ts';
import { atOnce } from '../../../src/core/event-loop.ts';
import { Random } from '../../../src/core/random.ts';
import { input, type Node, type Value } from '../../../src/ir/graph.ts';
import { interpret } from '../../../src/ir/interpret.ts';
import { makeNode, type Op, opTable } from '../../../src/ir/op.ts';
import {
  add,
  cast,
  div,
  exp,
  greater,
  matmul,
  mul,
  pow,
  reduceSum,
  reshape,
  sqrt,
  sub,
  where,
} from '../../../src/ops/index.ts';
import { expectClose } from '../../helpers/close.ts';
import { casesOf } from '../../helpers/op-samples.ts';

const vector = (name: string): Value => input(name, { dtype: 'float32', shape: [4] });
const scalarOf = (name: string): Value => input(name, { dtype: 'float32', shape: [] });
const length = 11;
const random = new Random(3);
const draw = (): number[] => [0, ...Array.from({ length: length - 1 }, () => random.normal())];

/** Runs an expression over vectors of 11 numbers; the results, and those of the float64 interpreter. */
function runBoth(
  outputs: readonly Value[],
  vectors: readonly Value[],
  scalars: ReadonlyMap<Value, number> = new Map(),
): { kernel: ArrayLike<number>[]; reference: number[][] } {
  const arena = new Arena({ x: vectors.map(() => length), y: outputs.map(() => length) });
  const data = vectors.map(draw);
  data.forEach((numbers, i) => {
    arena.view('x', i).set(numbers);
  });
  const kernel = atOnce(compileKernel({ outputs, vectors, scalars: [...scalars.keys()] }, arena.memory));
  const pointers = [
    ...vectors.map((_, i) => arena.pointer('x', i)),
    ...outputs.map((_, i) => arena.pointer('y', i)),
  ];
  kernel?.run(pointers, length, [...scalars.values()]);
  // the expression is written for 4 lanes: interpret 4 numbers at a time
  const reference = outputs.map((): number[] => []);
  for (let at = 0; at < length; at += 4) {
    const lanes = (i: number) =>
      Float64Array.from({ length: 4 }, (_, k) => Math.fround(data[i]?.[at + k] ?? 0));
    const feeds = new Map([
      ...vectors.map((v, i) => [v, { ...v.type, data: lanes(i) }] as const),
      ...[...scalars].map(([v, x]) => [v, { ...v.type, data: Float64Array.of(x) }] as const),
    ]);
    interpret(outputs, feeds).forEach((result, i) => {
      reference[i]?.push(...result.data.slice(0, length - at));
    });
  }
  return { kernel: outputs.map((_, i) => arena.view('y', i)), reference };
}

function expectEqual({ kernel, reference }: ReturnType<typeof runBoth>): void {
  kernel.forEach((result, i) => {
    expectClose(result, reference[i] ?? [], { rtol: 1e-6, atol: 1e-7 }, `output ${i}`);
  });
}

describe('every op with a SIMD form equals its reference', () => {
  const ops = [...opTable.values()].filter((op) => op.simd !== undefined);
  /** Uses of the op whose types a kernel knows: numbers are float32. */
  const usesOf = (op: Op): Node[] =>
    casesOf(op)
      .map(({ node }) => node)
      .filter((node) =>
        [...node.inputs, ...node.outputs].every((v) => v === undefined || !/int/.test(v.dtype)),
      );

  test('there are such ops', () => {
    expect(ops.map((op) => op.name)).toEqual(
      expect.arrayContaining(['add', 'sqrt', 'where', 'clip', 'cast']),
    );
  });

  test.each(ops.map((op) => [op.name, op] as const))('%s', (_name, op) => {
    for (const { inputs, attrs } of usesOf(op)) {
      const vectors = inputs.map((_, i) => vector(`x${i}`));
      const operands = vectors.map((x, i) => (inputs[i]?.dtype === 'bool' ? greater(x, 0) : x));
      const [y] = makeNode(op, operands, attrs).outputs as readonly [Value];
      expectEqual(runBoth([cast(y, 'float32')], vectors));
    }
  });
});

describe('kernels', () => {
  test('compute scalars once, outside of the loop, in float64', () => {
    const [x, rate, step] = [vector('x'), scalarOf('rate'), scalarOf('step')];
    const correction = div(sqrt(sub(1, pow(0.999, step))), sub(1, pow(0.9, step)));
    const y = where(greater(step, 2), mul(x, mul(rate, correction)), x);
    for (const steps of [1, 3]) {
      expectEqual(
        runBoth(
          [y, mul(y, y)],
          [x],
          new Map([
            [rate, 0.1],
            [step, steps],
          ]),
        ),
      );
    }
  });

  test('update their inputs in place', () => {
    const [w, g] = [vector('w'), vector('g')];
    const arena = new Arena({ w: [5], g: [5] });
    arena.view('w', 0).set([1, 2, 3, 4, 5]);
    arena.view('g', 0).set([1, 1, 1, 1, 1]);
    const [pw, pg] = [arena.pointer('w', 0), arena.pointer('g', 0)];
    // both outputs read both inputs: everything is loaded before anything is stored
    const kernel = atOnce(
      compileKernel({ outputs: [sub(w, g), add(w, g)], vectors: [w, g], scalars: [] }, arena.memory),
    );
    kernel?.run([pw, pg, pw, pg], 5, []);
    expect([...arena.view('w', 0)]).toEqual([0, 1, 2, 3, 4]);
    expect([...arena.view('g', 0)]).toEqual([2, 3, 4, 5, 6]);
    kernel?.run([pw, pg, pw, pg], 0, []);
    expect([...arena.view('w', 0)]).toEqual([0, 1, 2, 3, 4]);
  });

  test('pass a vector, a scalar and a constant through', () => {
    const [x, s] = [vector('x'), scalarOf('s')];
    expectEqual(runBoth([x, mul(x, s), add(mul(x, 0), 3)], [x], new Map([[s, 2]])));
  });

  test.each([
    ['an op without a SIMD form', (x: Value) => exp(x)],
    ['a reduction', (x: Value) => mul(x, reduceSum(x))],
    ['a matrix product', (x: Value) => reshape(matmul(reshape(x, [1, 4]), reshape(x, [4, 1])), [1])],
    ['integers', (x: Value) => cast(add(cast(x, 'int32'), 1), 'float32')],
  ])('are not made of %s', (_name, f) => {
    const x = vector('x');
    const { memory } = new Arena({ x: [4] });
    expect(atOnce(compileKernel({ outputs: [f(x)], vectors: [x], scalars: [] }, memory))).toBeUndefined();
  });
});

test('scalar programs equal the interpreter', () => {
  const [a, b] = [scalarOf('a'), scalarOf('b')];
  const program = compileScalars([add(a, b), where(greater(a, b), a, pow(b, 2)), b], [a, b]);
  expect([...program([3, 2])]).toEqual([5, 3, 2]);
  expect([...program([1, 4])]).toEqual([5, 16, 4]);
});

test('sums of squares are added up in float64', () => {
  const arena = new Arena({ x: [3, 100_001] });
  arena.view('x', 0).set([1, 2, 3]);
  arena.view('x', 1).fill(0.1);
  const sum = sumOfSquares(arena.memory);
  expect(sum(arena.pointer('x', 0), 3)).toBe(14);
  expect(sum(arena.pointer('x', 1), 100_001)).toBeCloseTo(100_001 * Math.fround(0.1) ** 2, 8);
  expect(sum(arena.pointer('x', 1), 0)).toBe(0);
});
