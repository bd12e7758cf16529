/**
 * What a call of an op on tensors costs over the native run: `node dist/bench/eager.js`. Native is the same session, run by
 * hand with everything bound beforehand: once into a result that is written again and again, once into a new array each time,
 * which is what a call gives. Medians of blocks that alternate.
 */
import { compileNow, resultArray } from '../src/backend/immediate.ts';
import { ops, Tensor } from '../src/index.ts';
import { input, type Value } from '../src/ir/graph.ts';
import * as symbolic from '../src/ops/index.ts';
import { median } from './statistics.ts';

/** An op of two tensors. */
interface Case {
  readonly name: string;
  readonly shape: readonly number[];
  readonly build: (a: Value, b: Value) => Value;
  readonly call: (a: Tensor, b: Tensor) => Tensor;
}

const [rounds, blockMs] = [15, 20];
const add = (...shape: readonly number[]): Case => ({
  name: 'add',
  shape,
  build: symbolic.add,
  call: ops.add,
});
const matmul = (n: number): Case => ({
  name: 'matmul',
  shape: [n, n],
  build: symbolic.matmul,
  call: ops.matmul,
});
const cases = [
  add(4),
  add(1024),
  add(2 ** 14),
  add(2 ** 16),
  add(2 ** 18),
  add(2 ** 20),
  matmul(8),
  matmul(64),
  matmul(256),
  matmul(1024),
];

const random = (shape: readonly number[]): Tensor =>
  new Tensor('float32', shape, Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, Math.random));

/** The three ways to compute a case. */
function waysOf({ shape, build, call }: Case): readonly (() => void)[] {
  const [a, b] = [random(shape), random(shape)];
  const inputs = ['a', 'b'].map((name) => input(name, a)) as [Value, Value];
  const value = build(...inputs);
  const executable = compileNow({ name: 'native', inputs, outputs: [{ name: 'y', value }] });
  const bindTo = (y: ReturnType<typeof resultArray>) => executable.bind([a.data, b.data], [y]);
  const bound = bindTo(resultArray(value));
  return [
    () => bound.runSync(),
    () => {
      const binding = bindTo(resultArray(value));
      binding.runSync();
      binding.dispose();
    },
    () => void call(a, b),
  ];
}

function microseconds(way: () => void, calls: number): number {
  const start = performance.now();
  for (let i = 0; i < calls; i++) way();
  return ((performance.now() - start) / calls) * 1000;
}

const columns = (...cells: readonly (string | number)[]): string =>
  cells.map((cell, i) => (i === 0 ? String(cell).padEnd(22) : String(cell).padStart(14))).join('');

console.log(
  columns('microseconds per call', 'native, reused', 'native, new', 'call', 'over reused', 'over new'),
);
for (const task of cases) {
  const ways = waysOf(task);
  const calls = ways.map((way) => {
    microseconds(way, 20);
    const warm = Math.ceil((blockMs * 1000) / microseconds(way, 20));
    return Math.ceil((blockMs * 1000) / microseconds(way, warm));
  });
  const times: number[][] = ways.map(() => []);
  for (let round = 0; round < rounds; round++) {
    ways.forEach((way, i) => {
      times[i]?.push(microseconds(way, calls[i] as number));
    });
  }
  const [reused, fresh, call] = times.map(median) as [number, number, number];
  const shown = [reused, fresh, call, call - reused, call - fresh].map((t) => t.toFixed(1));
  console.log(columns(`${task.name} [${task.shape}]`, ...shown));
}
