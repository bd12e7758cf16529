import { describe, expect, test } from '@jest/globals';
import {
  data,
  type History,
  layers,
  type Model,
  sequential,
  setRandomSeed,
  tensor,
} from '../../src/index.ts';
import { fingerprint } from '../helpers/resumable-run.ts';

const module = new URL('../data/modules/map-functions.js', import.meta.url);
const count = 96;
const width = 200;
const x = tensor(
  Float32Array.from({ length: count * width }, (_, i) => Math.sin(1.7 * i)),
  [count, width],
);
const y = tensor(
  Float32Array.from({ length: count }, (_, i) => (Math.sin(5.1 * i) > 0 ? 1 : 0)),
  [count, 1],
);

interface Circumstances {
  readonly threads?: number;
  readonly prefetch?: number;
  readonly workers?: number;
  readonly parallel?: number;
}

/** The same training, under different circumstances. */
async function train({ threads = 1, prefetch = 0, workers = 0, parallel = 1 }: Circumstances) {
  setRandomSeed(7);
  const batches = data
    .fromArrays([x, y])
    .shuffle(32)
    .map<[typeof x, typeof x]>(module, { name: 'noisy', workers, parallel })
    .batch(16);
  const model = sequential([
    layers.dense({ units: 64, activation: 'tanh' }),
    layers.batchNormalization(),
    layers.dropout({ rate: 0.3 }),
    layers.dense({ units: 1, activation: 'sigmoid' }),
  ]);
  model.compile({ optimizer: 'adam', loss: 'binaryCrossentropy', metrics: ['accuracy'], threads });
  const pipeline = prefetch > 0 ? batches.prefetch(prefetch) : batches;
  const history = await model.fit(pipeline, undefined, { epochs: 3, verbose: 0 });
  return { model, history, hash: fingerprint(model, history) };
}

const lossOf = ({ history }: { readonly model: Model; readonly history: History }): number =>
  history.loss?.at(-1) as number;

describe('the same seed', () => {
  test('gives the same bits, however the data is brought up', async () => {
    const { hash } = await train({});
    const others: Circumstances[] = [{}, { prefetch: 4 }, { parallel: 5 }, { workers: 2, prefetch: 1 }];
    for (const circumstances of others)
      expect([circumstances, (await train(circumstances)).hash]).toEqual([circumstances, hash]);
  });

  test('gives the same numbers but for the last digits with other threads; the same bits with as many', async () => {
    const [one, two, again] = [await train({}), await train({ threads: 2 }), await train({ threads: 2 })];
    expect(again.hash).toBe(two.hash);
    expect(Math.abs(lossOf(two) - lossOf(one))).toBeLessThan(1e-3 * lossOf(one));
  });
});
