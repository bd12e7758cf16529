import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Backend } from '../../src/backend/backend.ts';
import { getBackend } from '../../src/backend/registry.ts';
import type { Tensor } from '../../src/core/tensor.ts';
import type { NDArray } from '../../src/ir/ndarray.ts';
import '../../src/layers/index.ts';
import { layerRegistry } from '../../src/layers/registry.ts';
import { expectClose, type Tolerance } from '../helpers/close.ts';
import { readGolden } from '../helpers/golden.ts';
import { expectationsOf, type GoldenLayer, runTraced } from '../helpers/layer-cases.ts';

/** Keras computes in float32 and writes seven digits. */
const reference: Tolerance = { rtol: 2e-5, atol: 5e-6 };
const native: Tolerance = { rtol: 1e-4, atol: 2e-5 };

const records = [
  ...readGolden<GoldenLayer[]>('layers.json'),
  ...readGolden<{ layers: GoldenLayer[] }>('layers-more.json').layers,
];
const known = records.filter(({ className }) => layerRegistry.has(className));
if (known.length < records.length) {
  const unknown = records.map(({ className }) => className).filter((name) => !layerRegistry.has(name));
  process.stdout.write(
    `skipped ${unknown.length} golden records of layers not there yet: ${[...new Set(unknown)].join(', ')}\n`,
  );
}

let backend: Backend;
beforeAll(async () => {
  backend = await getBackend('onnxruntime');
});

describe.each(known.map((record) => [record.name, record] as const))('%s', (name, record) => {
  test('is what Keras computes, in float64', () => {
    const { expectations, feeds, layer } = expectationsOf(record);
    expect(layer.weights.map((w) => [w.name, w.shape])).toEqual(record.weights.map((w) => [w.name, w.shape]));
    const results = runTraced(
      expectations.map(({ value }) => value),
      feeds,
    );
    for (const [i, { label, expected }] of expectations.entries()) {
      const { shape, data } = results[i] as NDArray;
      expect([label, shape]).toEqual([label, expected.shape]);
      expectClose(data, expected.data, reference, label);
    }
  });

  test('is what Keras computes, on native kernels', async () => {
    const { expectations, feeds } = expectationsOf(record);
    const outputs = expectations.map(({ value }, i) => ({ name: `result${i}`, value }));
    const graph = { name, inputs: [...feeds.keys()], outputs };
    const executable = await backend.compile(graph, { threads: 1 });
    try {
      const results = await executable.run([...feeds.values()]);
      for (const [i, { label, expected }] of expectations.entries()) {
        expectClose((results[i] as Tensor).data, expected.data, native, label);
      }
    } finally {
      executable.dispose();
    }
  });
});
