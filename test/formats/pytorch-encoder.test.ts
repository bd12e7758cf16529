import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import * as tfk from '../../src/index.ts';
import { expectClose } from '../helpers/close.ts';
import { readGolden } from '../helpers/golden.ts';

interface Recorded {
  readonly tokens: readonly number[];
  readonly classes: readonly number[];
  readonly scores: readonly number[];
  /** The losses of the first ten steps. */
  readonly sgd: readonly number[];
  readonly momentum: readonly number[];
  readonly adam: readonly number[];
}

const recorded = readGolden<Recorded>('pytorch/encoder.json');
const file = join(process.cwd(), 'test/golden/pytorch/encoder.onnx');
const tokens = tfk.tensor(BigInt64Array.from(recorded.tokens, BigInt), [8, 6]);
const classes = tfk.tensor(Int32Array.from(recorded.classes), [8]);

describe('a transformer encoder that torch.onnx wrote', () => {
  test('gives the scores that PyTorch gives, for any batch', async () => {
    const model = await tfk.loadModel(file);
    const scores = (await model.predict(tokens, { verbose: 0 })) as tfk.Tensor;
    expectClose(scores.data, recorded.scores, { rtol: 1e-4, atol: 1e-5 }, 'scores');
    const one = (await model.predict(tokens.rows(2, 3), { verbose: 0 })) as tfk.Tensor;
    expectClose(one.data, recorded.scores.slice(6, 9), { rtol: 1e-4, atol: 1e-5 }, 'scores of one');
  });

  test.each([
    ['sgd', { type: 'sgd', learningRate: 0.1 }],
    ['momentum', { type: 'sgd', learningRate: 0.05, momentum: 0.9 }],
    ['adam', { type: 'adam', learningRate: 0.001 }],
  ] as const)('is trained by %s: the first ten losses are those of PyTorch', async (name, optimizer) => {
    const model = await tfk.loadModel(file);
    model.compile({ optimizer, loss: { type: 'sparseCategoricalCrossentropy', fromLogits: true } });
    const losses: number[] = [];
    for (let step = 0; step < 10; step++)
      losses.push((await model.trainOnBatch(tokens, classes)).loss as number);
    expectClose(losses, recorded[name], { rtol: 0, atol: 1e-4 }, 'losses');
    expect(losses.at(-1)).toBeLessThan(losses[0] as number);
  });
});
