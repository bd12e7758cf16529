import { expect, test } from '@jest/globals';
import { loadModel, type Model } from '../../src/index.ts';
import { expectClose, type Tolerance } from '../helpers/close.ts';
import { type GoldenTensor, goldenTensor, readGolden } from '../helpers/golden.ts';
import { quiet } from '../helpers/small-models.ts';

/** One more epoch of a saved model, by Keras. */
interface Continued {
  readonly inputs: readonly GoldenTensor[];
  readonly targets: readonly GoldenTensor[];
  readonly history: Readonly<Record<string, readonly number[]>>;
  readonly outputs: readonly GoldenTensor[];
}

/** Float32 against float32 over three steps of Adam. */
const tolerance: Tolerance = { rtol: 1e-5, atol: 5e-6 };

test.each(['convolutions', 'shared-inputs', 'sequences', 'cells', 'masked-attention', 'vocabulary'])(
  'trained-%s: a model that Keras saved in the middle of training goes on as with Keras',
  async (name) => {
    const record = readGolden<Continued>(`keras/trained-${name}.json`);
    const model: Model = await loadModel(`test/golden/keras/trained-${name}.keras`);
    try {
      const x = record.inputs.map(goldenTensor);
      const history = await model.fit(x, record.targets.map(goldenTensor), { ...quiet, batchSize: 4 });
      expect(Object.keys(history).sort()).toEqual(Object.keys(record.history).sort());
      for (const [key, values] of Object.entries(record.history)) {
        expectClose(history[key] ?? [], values, tolerance, key);
      }
      const outputs = [await model.predict(x)].flat();
      for (const [i, { shape, data }] of record.outputs.entries()) {
        expect(outputs[i]?.shape).toEqual(shape);
        expectClose(outputs[i]?.data ?? [], data, tolerance, `output ${i}`);
      }
    } finally {
      model.dispose();
    }
  },
);
