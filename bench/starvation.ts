/**
 * Whether costly work on the data keeps the kernels waiting: `node dist/bench/starvation.js` prints one line of JSON.
 *
 * A convnet trains with one native thread on batches that are augmented in JavaScript: not at all, between its steps, and
 * in a worker thread. The forms take turns.
 */
import { data, input, layers, type Model, sequential, Tensor } from '../src/index.ts';
import { augment } from './sides/augment.ts';
import { median } from './statistics.ts';

const module = new URL('./sides/augment.js', import.meta.url);
const [batchSize, side, batches, rounds] = [64, 32, 12, 5];
const count = batchSize * batches;

function network(): Model {
  const model = sequential([
    input({ shape: [side, side, 3] }),
    layers.conv2d({ filters: 32, kernelSize: 3, activation: 'relu' }),
    layers.conv2d({ filters: 32, kernelSize: 3, activation: 'relu' }),
    layers.globalAveragePooling2d(),
    layers.dense({ units: 10, activation: 'softmax' }),
  ]);
  model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', threads: 1 });
  return model;
}

const x = new Tensor(
  'float32',
  [count, side, side, 3],
  Float32Array.from({ length: count * side * side * 3 }, (_, i) => Math.sin(i)),
);
const y = new Tensor(
  'int32',
  [count],
  Int32Array.from({ length: count }, (_, i) => i % 10),
);
const plain = data.fromArrays([x, y]).batch(batchSize);
const forms = {
  none: plain,
  between: plain.map(([images, labels], context) => augment([images, labels], context)),
  worker: plain.map<[Tensor, Tensor]>(module, { name: 'augment', workers: 1 }),
};
const model = network();
const times: Record<string, number[]> = {};
for (let round = 0; round <= rounds; round++) {
  for (const [name, batchesOf] of Object.entries(forms)) {
    const start = performance.now();
    await model.fit(batchesOf, undefined, { verbose: 0 });
    times[name] ??= [];
    if (round > 0) times[name].push((performance.now() - start) / batches); // the first round compiles
  }
}
const ms = Object.entries(times).map(([name, values]) => [name, Number(median(values).toFixed(1))] as const);
console.log(JSON.stringify({ batchSize, millisecondsPerStep: Object.fromEntries(ms) }));
