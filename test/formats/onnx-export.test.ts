import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import * as ort from 'onnxruntime-node';
import { referenceModels } from '../../models/index.ts';
import * as tfk from '../../src/index.ts';
import { decodeModel } from '../../src/onnx/proto.ts';
import { expectClose } from '../helpers/close.ts';
import { normalData } from '../helpers/small-models.ts';

const folder = mkdtempSync(join(tmpdir(), 'tfk-export-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

/** The model's outputs as onnxruntime-node computes them by itself. */
async function runPlain(path: string, names: readonly string[], xs: readonly tfk.Tensor[]) {
  const session = await ort.InferenceSession.create(path, { logSeverityLevel: 3 });
  try {
    const feeds = xs.map(({ dtype, data, shape }, i) => [
      names[i] as string,
      new ort.Tensor(dtype as 'float32', data as Float32Array, shape),
    ]);
    return { outputs: await session.run(Object.fromEntries(feeds)), names: session.outputNames };
  } finally {
    await session.release();
  }
}

async function expectSameOutputs(model: tfk.Model, path: string, xs: readonly tfk.Tensor[]): Promise<void> {
  const expected = [await model.predict(xs, { verbose: 0 })].flat();
  const { outputs, names } = await runPlain(path, model.inputNames, xs);
  expect(names).toHaveLength(expected.length);
  for (const [i, want] of expected.entries()) {
    const got = outputs[names[i] as string] as ort.Tensor;
    expect(got.dims).toEqual(want.shape);
    expectClose(got.data as Float32Array, want.data, { rtol: 1e-4, atol: 1e-5 }, `output ${i}`);
  }
}

describe('export to ONNX', () => {
  test.each(Object.entries(referenceModels))(
    '%s: equal outputs at several batch sizes',
    async (name, reference) => {
      const model = reference.build();
      const path = at(`${name}.onnx`);
      await model.export(path);
      for (const size of [1, 4, 7]) await expectSameOutputs(model, path, reference.batch(size).x);
      const { graph } = decodeModel(readFileSync(path));
      expect(graph.inputs.map((info) => info.name)).toEqual(model.inputNames);
      const stored = new Set(graph.initializers.map((proto) => proto.name));
      expect(model.weights.map(({ path: of }) => of).filter((of) => !stored.has(of))).toEqual([]);
    },
  );

  test('sizes that are computed from the batch, by every road', async () => {
    const x = tfk.input({ shape: [null, 3], name: 'x' });
    class Sizes extends tfk.Layer {
      static override readonly className = 'Sizes';
      call([value]: tfk.Values): tfk.Value {
        const [batch, steps] = value.shape as [number, number, number];
        const ones = tfk.ops.broadcastTo(tfk.ops.reduceMean(value, [0, 1], true), [batch, 2 * steps, 3]);
        return tfk.ops.concat([tfk.ops.slice(ones, [1], [2 * steps], [1]), value], 1);
      }
    }
    const model = tfk.model({ inputs: x, outputs: new Sizes({}).apply(x) });
    await model.export(at('sizes.onnx'));
    for (const shape of [
      [1, 2, 3],
      [4, 5, 3],
    ])
      await expectSameOutputs(model, at('sizes.onnx'), [normalData(shape)]);
  });

  test('trained positions of sequences of any length', async () => {
    const x = tfk.input({ shape: [null, 3] });
    const places = tfk.layers.positionEmbedding({ sequenceLength: 6 }).apply(x);
    const model = tfk.model({ inputs: x, outputs: tfk.layers.add().apply([x, places]) });
    await model.export(at('places.onnx'));
    for (const time of [1, 6]) await expectSameOutputs(model, at('places.onnx'), [normalData([2, time, 3])]);
    const longer = runPlain(at('places.onnx'), model.inputNames, [normalData([2, 7, 3])]);
    await expect(longer).rejects.toThrow('out of data bounds');
  });

  test('metadata, and a fixed batch size', async () => {
    const model = tfk.sequential([tfk.input({ shape: [3] }), tfk.layers.dense({ units: 2 })]);
    await model.export(at('fixed.onnx'), { batchSize: 5, metadata: { author: 'me' } });
    const { graph, metadataProps, producerName } = decodeModel(readFileSync(at('fixed.onnx')));
    expect(metadataProps).toEqual([{ key: 'author', value: 'me' }]);
    expect(producerName).toBe('tfk');
    expect(graph.inputs[0]?.type).toMatchObject({ shape: [5, 3] });
    await expectSameOutputs(model, at('fixed.onnx'), [normalData([5, 3])]);
  });

  test('large weights in a second file', async () => {
    const model = tfk.sequential([tfk.input({ shape: [64] }), tfk.layers.dense({ units: 33 })]);
    await model.export(at('apart.onnx'), { externalData: true });
    expect(statSync(at('apart.onnx')).size).toBeLessThan(1500);
    expect(statSync(at('apart.onnx.data')).size).toBeGreaterThan(64 * 33 * 4 - 1);
    await expectSameOutputs(model, at('apart.onnx'), [normalData([2, 64])]);
  });

  test('what depends on the batch in another way is refused, and what is not built', async () => {
    class Squared extends tfk.Layer {
      static override readonly className = 'Squared';
      call([value]: tfk.Values): tfk.Value {
        return tfk.ops.mul(value, (value.shape[0] as number) ** 2);
      }
    }
    const x = tfk.input({ shape: [3] });
    const model = tfk.model({ inputs: x, outputs: new Squared({}).apply(x) });
    await expect(model.export(at('squared.onnx'))).rejects.toThrow(/depends on the batch size.*batchSize: 1/);
    await model.export(at('squared.onnx'), { batchSize: 2 });
    const blank = tfk.sequential([tfk.layers.dense({ units: 2 })]);
    await expect(blank.export(at('blank.onnx'))).rejects.toThrow(/has no weights yet/);
    await expect(model.export(at('model.pb'))).rejects.toThrow(/ends in \.onnx/);
    expect(existsSync(at('blank.onnx'))).toBe(false);
  });
});
