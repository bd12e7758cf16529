/**
 * What `tfk.checkpoint` saves: `node dist/bench/checkpoint.js` computes the gradient of eight blocks of layers, 4,096 rows of 256,
 * once as it is and once with every block recomputed, each in a process of its own, and prints the memory at its peak over
 * that before the first run, and the median time.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import {
  call,
  checkpoint,
  grad,
  initializers,
  layers,
  ops,
  setRandomSeed,
  Tensor,
  type Value,
} from '../src/index.ts';
import { median } from './statistics.ts';

const [rows, width, blocks, runs] = [4096, 256, 8, 5];

/** A block: a product with weights and six further results of its size. */
function newBlock(): (x: Value) => Value {
  const dense = layers.dense({ units: width, kernelInitializer: initializers.orthogonal() });
  return (x) => {
    const y = ops.tanh(call(dense, x));
    return ops.add(x, ops.mul(ops.sin(ops.square(y)), ops.sigmoid(ops.mul(y, 0.5))));
  };
}

function measure(recompute: boolean): void {
  setRandomSeed(1);
  const chain = Array.from({ length: blocks }, newBlock).map((block) =>
    recompute ? checkpoint(block) : block,
  );
  const lossOf = (x: Value) => ops.reduceMean(ops.square(chain.reduce((y, block) => block(y), x)));
  const gradient = grad(lossOf);
  gradient(random(1)); // compiles the small form: code and weights are in memory
  const x = random(rows);
  const before = process.memoryUsage().rss;
  const times: number[] = [];
  let sum = 0;
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    sum = ops.reduceSum(ops.abs(gradient(x))).item();
    times.push(performance.now() - start);
  }
  const peak = process.resourceUsage().maxRSS * 1024 - before;
  const title = recompute ? 'checkpoint' : 'remembered';
  console.log(
    `${title}: ${(peak / 2 ** 20).toFixed(0)} MiB, ${median(times.slice(1)).toFixed(0)} ms, sum of the gradient ${sum.toPrecision(6)}`,
  );
}

function random(n: number): Tensor {
  const data = Float32Array.from({ length: n * width }, (_, i) => Math.sin(i));
  return new Tensor('float32', [n, width], data);
}

const [, , mode] = process.argv;
if (mode !== undefined) measure(mode === 'checkpoint');
else {
  for (const each of ['remembered', 'checkpoint']) {
    spawnSync(process.execPath, [fileURLToPath(import.meta.url), each], { stdio: 'inherit' });
  }
}
