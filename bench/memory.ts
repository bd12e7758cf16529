/** Whether training leaks: `node dist/bench/memory.js` prints one line of JSON. */
import { callbacks } from '../src/index.ts';
import { compiledModel, randomTensors } from './sides/model.ts';
import { tinyMlp } from './workloads/tiny-mlp.ts';

const epochs = 100;
const stepsPerEpoch = 200;
/** Until the compiler of JavaScript and the heap have settled. */
const warmUpEpochs = 30;
/** Samples at either end are averaged: garbage collection makes single ones jump. */
const window = 10;

const resident: number[] = [];
class Sampler extends callbacks.Callback {
  override onEpochEnd(): void {
    resident.push(process.memoryUsage.rss() / 2 ** 20);
  }
}

const task = { ...tinyMlp, batches: stepsPerEpoch };
const { x, y } = randomTensors(task);
await compiledModel(task).fit(x, y, {
  batchSize: task.batchSize,
  epochs,
  verbose: 0,
  callbacks: [new Sampler()],
});

const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;
const before = mean(resident.slice(warmUpEpochs, warmUpEpochs + window));
const after = mean(resident.slice(-window));
console.log(
  JSON.stringify({
    workload: task.name,
    steps: epochs * stepsPerEpoch,
    warmUpSteps: warmUpEpochs * stepsPerEpoch,
    warmMiB: Number(before.toFixed(1)),
    endMiB: Number(after.toFixed(1)),
    peakMiB: Number(Math.max(...resident).toFixed(1)),
    growthPercent: Number((100 * (after / before - 1)).toFixed(2)),
  }),
);
