/** Whether a process stays responsive while it trains: `node dist/bench/event-loop.js` prints one line of JSON. */
import type { FitOptions } from '../src/index.ts';
import { compiledModel, randomTensors } from './sides/model.ts';
import { mnistConvnet } from './workloads/mnist-convnet.ts';

/** How late a timer of one millisecond was, each time, while something went on. */
async function delaysDuring(work: () => Promise<unknown>): Promise<number[]> {
  const delays: number[] = [];
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    delays.push(now - last - 1);
    last = now;
  }, 1);
  await work();
  delays.push(performance.now() - last - 1);
  clearInterval(timer);
  return delays.sort((a, b) => b - a);
}

const { batchSize, batches, name } = mnistConvnet;
const { x, y } = randomTensors(mnistConvnet);
const model = compiledModel(mnistConvnet);
const train = (options: FitOptions): Promise<number[]> =>
  delaysDuring(() => model.fit(x, y, { batchSize, verbose: 0, ...options }));

const compiling = await train({ stepsPerEpoch: 1 });
const training = await train({ epochs: 2 });
const rounded = (ms: number | undefined): number => Number((ms ?? 0).toFixed(2));
console.log(
  JSON.stringify({
    workload: name,
    steps: 2 * batches,
    worstMs: rounded(training[0]),
    hundredthMs: rounded(training[Math.floor(training.length / 100)]),
    medianMs: rounded(training[Math.floor(training.length / 2)]),
    worstWhileCompilingMs: rounded(compiling[0]),
  }),
);
