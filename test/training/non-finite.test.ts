import { describe, expect, jest, test } from '@jest/globals';
import * as tfk from '../../src/index.ts';

/** What was warned of while `use` ran. */
async function warnings(use: () => Promise<unknown>): Promise<string[]> {
  const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
  try {
    await use();
    return warn.mock.calls.map(([message]) => String(message));
  } finally {
    warn.mockRestore();
  }
}

const x = tfk.tensor([
  [1, 2],
  [3, 4],
]);
const y = tfk.tensor([[1], [2]]);

/** Three dense layers; the one in the middle raises e to the power of `scale` times what comes in. */
function model(scale: number, options: Partial<tfk.CompileOptions> = {}): tfk.Model {
  const kernelInitializer = tfk.initializers.constant({ value: scale });
  const made = tfk.sequential([
    tfk.input({ shape: [2] }),
    tfk.layers.dense({ units: 2, name: 'before', kernelInitializer: 'ones' }),
    tfk.layers.dense({ units: 2, name: 'middle', activation: 'exponential', kernelInitializer }),
    tfk.layers.dense({ units: 1, name: 'after' }),
  ]);
  made.compile({ loss: 'mse', optimizer: 'sgd', ...options });
  return made;
}

describe('a loss that is no number', () => {
  test('is told once, with the layer that it came from', async () => {
    const fit = () => model(100).fit(x, y, { epochs: 3, batchSize: 1, verbose: 0 });
    const [told, ...others] = await warnings(fit);
    expect(told).toMatch(
      /^fit: the loss is (NaN|-?Infinity) at step 1 of the epoch\. It was first so in .*middle/,
    );
    expect(told).toContain('inputs of "exp" there are finite, its result is infinite');
    expect(others).toEqual([]);
  });

  test('because of a weight', async () => {
    const optimizer = tfk.optimizers.sgd({ learningRate: 1e38 });
    const fit = () => model(1, { optimizer }).fit(x, y, { epochs: 4, verbose: 0 });
    const [told] = await warnings(fit);
    expect(told).toMatch(/The weight ".*(kernel|bias)" is not finite: an earlier step made it so/);
  });

  test('because of the data of a stream', async () => {
    const batches = [[tfk.tensor([[1, Number.NaN]]), tfk.tensor([[1]])]] as const;
    const stream = { [Symbol.iterator]: () => batches[Symbol.iterator]() };
    const [told] = await warnings(() => model(0.1).fit(stream, undefined, { verbose: 0 }));
    expect(told).toContain('The data of the batch has not a number (NaN). Replace or drop it.');
  });

  test('in one of several steps of a run; terminateOnNaN stops', async () => {
    const several = model(100, { stepsPerExecution: 2 });
    const options = {
      epochs: 3,
      batchSize: 1,
      verbose: 0,
      callbacks: [tfk.callbacks.terminateOnNaN()],
    } as const;
    let history: tfk.History = {};
    const [told] = await warnings(async () => {
      history = await several.fit(x, y, { ...options, callbacks: [...options.callbacks] });
    });
    expect(told).toContain('middle');
    expect(history.loss).toHaveLength(1);
  });

  test('infinity where a mask puts it is nobody else’s fault', async () => {
    const masked = tfk.sequential([
      tfk.input({ shape: [2] }),
      new (class Masked extends tfk.Layer {
        static override readonly className = 'Masked';
        call([v]: tfk.Values): tfk.Value {
          const { where, greater, softmax } = tfk.ops;
          return softmax(where(greater(v as tfk.Value, 10), v as tfk.Value, Number.NEGATIVE_INFINITY));
        }
      })({ name: 'masked' }),
      tfk.layers.dense({ units: 1 }),
    ]);
    masked.compile({ loss: 'mse', optimizer: 'sgd' });
    const [told] = await warnings(() => masked.fit(x, y, { verbose: 0 }));
    expect(told).toMatch(/masked: the inputs of "softmax" there are finite, its result is not a number/);
  });
});
