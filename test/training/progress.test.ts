import { expect, jest, test } from '@jest/globals';
import { oneWeight } from '../helpers/small-models.ts';

test.each([1, 2] as const)(
  'verbose %i: a line for each epoch where the output is no terminal',
  async (verbose) => {
    const printed: string[] = [];
    const log = jest.spyOn(console, 'log').mockImplementation((text) => {
      printed.push(String(text));
    });
    try {
      const model = oneWeight(1, { optimizer: 'sgd', loss: 'mse', metrics: ['mae'] });
      await model.fit([[1], [2]], [[1], [2]], { epochs: 2, verbose });
    } finally {
      log.mockRestore();
    }
    expect(printed).toEqual(
      [1, 2].map((epoch) =>
        expect.stringMatching(new RegExp(`^Epoch ${epoch}/2 - [\\d.]+s - loss: [\\d.]+ - mae: [\\d.]+$`)),
      ),
    );
  },
);
