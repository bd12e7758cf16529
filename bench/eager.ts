/**
 * What a call of an op on tensors costs over the native run: `node dist/bench/eager.js`. The clock stands around the call and,
 * inside of it, around the native run: what lies between them is the op's overhead. In turns with the calls, the same native run
 * is made by hand with everything bound beforehand, into a result that is written again and again: next to it a call's own run
 * also pays for the first touch of its new result's memory. Medians of single calls.
 */
import { compileNow, resultArray } from '../src/backend/immediate.ts';
import { NativeBinding } from '../src/backend/ort/capi-binding.ts';
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

/** Calls of each case: for so many milliseconds, and so many at least. */
const [caseMs, leastCalls] = [400, 100];
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

const microseconds = (): number => Number(process.hrtime.bigint()) / 1000;

function timed(run: () => void): number {
  const start = microseconds();
  run();
  return microseconds() - start;
}

/** Of the native run that was made last. */
let native = 0;
const { runSync } = NativeBinding.prototype;
NativeBinding.prototype.runSync = function (this: NativeBinding) {
  native = timed(() => runSync.call(this));
};

/** Medians of a call, of the native run inside, of what is around that, and of a run into a reused result. */
function measure({ shape, build, call }: Case): readonly number[] {
  const [a, b] = [random(shape), random(shape)];
  const inputs = ['a', 'b'].map((name) => input(name, a)) as [Value, Value];
  const value = build(...inputs);
  const executable = compileNow({ name: 'native', inputs, outputs: [{ name: 'y', value }] });
  const prepared = executable.bind([a.data, b.data], [resultArray(value)]);
  const sample = (): readonly number[] => {
    const whole = timed(() => call(a, b));
    const inside = native;
    prepared.runSync();
    return [whole, inside, whole - inside, native];
  };
  for (let i = 0; i < leastCalls; i++) sample();
  const samples: (readonly number[])[] = [];
  const start = performance.now();
  while (samples.length < leastCalls || performance.now() - start < caseMs) samples.push(sample());
  executable.dispose();
  return [0, 1, 2, 3].map((column) => median(samples.map((row) => row[column] as number)));
}

const columns = (...cells: readonly string[]): string =>
  cells.map((cell, i) => (i === 0 ? cell.padEnd(22) : cell.padStart(20))).join('');

console.log(columns('microseconds', 'call', 'native run inside', 'overhead', 'run, result reused'));
for (const task of cases) {
  console.log(columns(`${task.name} [${task.shape}]`, ...measure(task).map((t) => t.toFixed(1))));
}
