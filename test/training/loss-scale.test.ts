import { expect, test } from '@jest/globals';
import { optimizers } from '../../src/index.ts';
import { column, oneWeight, quiet, weightOf } from '../helpers/small-models.ts';

// the loss is multiplied by a power of 2 and the gradient divided by it: nothing is rounded
test.each([1, 2])(
  'a scaled loss trains as the loss does, with %d steps at once',
  async (stepsPerExecution) => {
    const trained = async (lossScaleFactor: number | null): Promise<[number, number[] | undefined]> => {
      const optimizer = optimizers.sgd({ learningRate: 0.1, lossScaleFactor });
      const model = oneWeight(0.2, { optimizer, stepsPerExecution });
      const { loss } = await model.fit(column(1, 2, -1, 0.5), column(2, 3, -1, 1), {
        ...quiet,
        epochs: 2,
        batchSize: 2,
      });
      return [weightOf(model), loss];
    };
    const plain = await trained(null);
    expect(plain[0]).not.toBe(0.2);
    expect(await trained(1024)).toEqual(plain);
  },
);
