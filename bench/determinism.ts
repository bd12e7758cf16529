/**
 * What it costs that a run can be repeated to the last bit: `node dist/bench/determinism.js` prints one line of JSON.
 *
 * - `threads`: milliseconds of a step by the number of native threads. Bits are the same for the same number only, so
 *   that of the smallest machine must be set where several shall agree. The networks take turns.
 * - `randomShare`: part of a step in which dropout's numbers are drawn, each a function of seed, layer and step.
 * - `hashMiBPerSecond`: how fast data and weights are hashed for the run's record, once at either end.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { input, layers, type Model, sequential, Tensor } from '../src/index.ts';
import { median } from './statistics.ts';

const [batchSize, steps, rounds] = [64, 40, 7];
const count = batchSize * steps;

function network(threads: number): Model {
  const model = sequential([
    input({ shape: [28, 28, 1] }),
    layers.conv2d({ filters: 16, kernelSize: 3, activation: 'relu' }),
    layers.maxPooling2d(),
    layers.flatten(),
    layers.dropout({ rate: 0.3 }),
    layers.dense({ units: 128, activation: 'relu' }),
    layers.dropout({ rate: 0.3 }),
    layers.dense({ units: 10, activation: 'softmax' }),
  ]);
  model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', threads });
  return model;
}

const pixels = Float32Array.from({ length: count * 28 * 28 }, (_, i) => Math.abs(Math.sin(i)));
const x = new Tensor('float32', [count, 28, 28, 1], pixels);
const y = new Tensor(
  'int32',
  [count],
  Int32Array.from({ length: count }, (_, i) => i % 10),
);

async function millisecondsByThreads(): Promise<Record<string, number>> {
  const models = [1, 2].map((threads) => ({ threads, model: network(threads), times: [] as number[] }));
  for (let round = 0; round <= rounds; round++) {
    for (const { model, times } of models) {
      const start = performance.now();
      await model.fit(x, y, { batchSize, verbose: 0 });
      if (round > 0) times.push((performance.now() - start) / steps); // the first round compiles
    }
  }
  return Object.fromEntries(models.map(({ threads, times }) => [threads, rounded(median(times))]));
}

/** Of all that a traced step does, how much is drawing random numbers. */
async function randomShare(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'tfk-determinism-'));
  try {
    const profile = join(folder, 'trace.json');
    await network(1).fit(x, y, { batchSize, verbose: 0, profile });
    const { traceEvents } = JSON.parse(await readFile(profile, 'utf8'));
    const parts: { name: string; cat: string; dur: number }[] = traceEvents;
    const host = parts.filter(({ cat, name }) => cat === 'host' && name !== 'compile');
    const sum = (spans: typeof parts): number => spans.reduce((total, { dur }) => total + dur, 0);
    return rounded(sum(host.filter(({ name }) => name === 'random')) / sum(host));
  } finally {
    await rm(folder, { recursive: true });
  }
}

function hashSpeed(): number {
  const start = performance.now();
  createHash('sha256').update(pixels).digest();
  return Math.round((pixels.byteLength / 2 ** 20 / (performance.now() - start)) * 1000);
}

const rounded = (value: number): number => Number(value.toPrecision(3));

console.log(
  JSON.stringify({
    batchSize,
    threads: await millisecondsByThreads(),
    randomShare: await randomShare(),
    hashMiBPerSecond: hashSpeed(),
  }),
);
