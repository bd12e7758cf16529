import { expect, test } from '@jest/globals';
import { tensor } from '../../src/index.ts';
import { buildBlank, draw, drawWeights, golden } from './golden.ts';

// weights are a function of the layer's name, so that no file has to hold them
test.each(golden.outputs.map((record) => [record.model, record] as const))(
  '%s gives what Keras gives',
  async (_, { model: which, options, output }) => {
    const model = await buildBlank(which, options);
    drawWeights(model);
    const shape = [1, ...(options.inputShape as number[])];
    const picture = Float32Array.from(draw('picture', shape), (u) => (u + 1) * 127.5);
    const y = await model.predict(tensor(picture, shape));
    const scale = Math.max(...output.map(Math.abs));
    const worst = output.map((v, i) => Math.abs((y.data[i] as number) - v) / scale);
    expect(Math.max(...worst)).toBeLessThan(1e-4);
    expect(y.shape).toEqual([1, output.length]);
  },
);
