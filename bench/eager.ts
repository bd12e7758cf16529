/**
 * What a call of an op on tensors costs over the native run: `node dist/bench/eager.js`. The clock stands around the call and,
 * inside of it, around the native run: what lies between them is the op's overhead. In turns with blocks of calls, the same native
 * run is made by hand with everything bound beforehand, into a result that is written again and again: next to it a call's own run
 * also pays for the first touch of its new result's memory. Medians of single calls.
 */
import { compileNow, resultArray } from '../src/backend/immediate.ts';
import { runtime } from '../src/backend/ort/runtime.ts';
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

/** Calls of each case: for so many milliseconds, and so many at least; so many one after the other. */
const [caseMs, leastCalls, blockCalls] = [400, 100, 20];
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

/** When the last native run began and ended: few instructions, since a long run leaves none of them in the processor's caches. */
let [began, ended] = [0, 0];
const api = runtime().api as { run: ReturnType<typeof runtime>['api']['run'] };
const { run } = api;
const clocked: (...args: Parameters<typeof run>) => number = (
  session,
  options,
  reads,
  ins,
  n,
  writes,
  m,
  outs,
) => {
  began = performance.now();
  const status = run(session, options, reads, ins, n, writes, m, outs);
  ended = performance.now();
  return status;
};
api.run = Object.assign(clocked, run);

/** Medians of a call, of the native run inside, of what is around that, and of a run into a reused result. */
function measure({ shape, build, call }: Case): readonly number[] {
  const [a, b] = [random(shape), random(shape)];
  const inputs = ['a', 'b'].map((name) => input(name, a)) as [Value, Value];
  const value = build(...inputs);
  const executable = compileNow({ name: 'native', inputs, outputs: [{ name: 'y', value }] });
  const prepared = executable.bind([a.data, b.data], [resultArray(value)]);
  const callOnce = (): readonly number[] => {
    const start = performance.now();
    call(a, b);
    const whole = performance.now() - start;
    return [whole, ended - began, whole - (ended - began)];
  };
  const runOnce = (): number => {
    prepared.runSync();
    return ended - began;
  };
  const block = <T>(once: () => T): T[] => Array.from({ length: blockCalls }, once);
  const [calls, runs]: [(readonly number[])[], number[]] = [[], []];
  for (let i = 0; i < leastCalls; i += blockCalls) {
    block(callOnce);
    block(runOnce);
  }
  const start = performance.now();
  while (calls.length < leastCalls || performance.now() - start < caseMs) {
    calls.push(...block(callOnce));
    runs.push(...block(runOnce));
  }
  executable.dispose();
  return [...[0, 1, 2].map((column) => median(calls.map((row) => row[column] as number))), median(runs)];
}

const columns = (...cells: readonly string[]): string =>
  cells.map((cell, i) => (i === 0 ? cell.padEnd(22) : cell.padStart(20))).join('');

console.log(columns('microseconds', 'call', 'native run inside', 'overhead', 'run, result reused'));
for (const task of cases) {
  console.log(columns(`${task.name} [${task.shape}]`, ...measure(task).map((ms) => (1000 * ms).toFixed(1))));
}
