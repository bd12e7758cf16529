import { describe, expect, test } from '@jest/globals';
import { camelCase } from '../../../src/core/registry.ts';
import { Tensor, type TensorLike } from '../../../src/core/tensor.ts';
import { input } from '../../../src/ir/graph.ts';
import * as layers from '../../../src/layers/index.ts';
import { fingerprint64 } from '../../../src/layers/preprocessing/farmhash.ts';
import { sipHash64 } from '../../../src/layers/preprocessing/siphash.ts';
import type { Texts } from '../../../src/layers/preprocessing/texts.ts';
import { layerRegistry } from '../../../src/layers/registry.ts';
import { expectClose, type Tolerance } from '../../helpers/close.ts';
import { type GoldenTensor, readGolden } from '../../helpers/golden.ts';
import { ownSpelling, runTraced, traceLayer } from '../../helpers/layer-cases.ts';

type Data = TensorLike & Texts;

/** A layer of `preprocessing.json`: what it learned from data and what it makes of inputs. */
interface Case {
  readonly name: string;
  readonly className: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly adapt?: Data;
  readonly batches?: readonly Data[];
  readonly inputs: Data;
  readonly output?: GoldenTensor;
  readonly texts?: Texts;
  readonly vocabulary?: readonly (string | number)[];
  readonly boundaries?: readonly number[];
}

interface Golden {
  readonly layers: readonly Case[];
  readonly crosses: readonly { numBins: number; features: Data[]; output: readonly number[] }[];
  readonly hashes: readonly { text: string; fast: number; strong: number }[];
  readonly categoryCounts: GoldenTensor;
  readonly defaults: readonly { name: string; options: object; config: Readonly<Record<string, unknown>> }[];
}

const golden = readGolden<Golden>('preprocessing.json');
/** Keras computes in float32. */
const tolerance: Tolerance = { rtol: 2e-5, atol: 5e-6 };

/** What all of these layers have, with the types of their data left open. */
interface Preprocessor extends layers.Dense {
  transform(data: Data): Tensor | Texts;
  adapt(data: Data | Iterable<Data>): unknown;
  getVocabulary?(): readonly (string | number)[];
  readonly binBoundaries?: readonly number[];
}

function made({ className, options, adapt, batches }: Case): Preprocessor {
  const { vocabulary, maskToken, oovToken, maskValue, ...others } = options;
  const verbatim = Object.entries({ vocabulary, maskToken, oovToken, maskValue }).filter(
    ([, v]) => v !== undefined,
  );
  const config = { ...(ownSpelling(others) as object), ...Object.fromEntries(verbatim) };
  const layer = layerRegistry.make({ className, config }) as unknown as Preprocessor;
  if (adapt !== undefined) layer.adapt(adapt);
  if (batches !== undefined) layer.adapt(new Set(batches));
  return layer;
}

describe.each(golden.layers.map((record) => [record.name, record] as const))('%s', (name, record) => {
  test('learns what Keras learns, and gives what Keras gives', () => {
    const layer = made(record);
    if (record.vocabulary) expect(layer.getVocabulary?.()).toEqual(record.vocabulary);
    if (record.boundaries) expectClose(layer.binBoundaries ?? [], record.boundaries, tolerance, 'boundaries');
    const result = layer.transform(record.inputs);
    if (record.texts !== undefined) {
      expect(result).toEqual(record.texts);
      return;
    }
    const { shape, data } = result as Tensor;
    expect(shape).toEqual(record.output?.shape);
    expectClose(data, record.output?.data ?? [], tolerance, name);
  });
});

const inGraphs = golden.layers.filter(
  ({ className, options }) =>
    ['Normalization', 'Discretization', 'CategoryEncoding', 'IntegerLookup'].includes(className) &&
    options.oovMethod !== 'farmhash',
);

test.each(inGraphs.map((record) => [record.name, record] as const))('in a graph: %s', (name, record) => {
  const layer = made(record);
  const isWhole = ['CategoryEncoding', 'IntegerLookup'].includes(record.className);
  const data = isWhole ? int64(record.inputs) : float32(record.inputs);
  const { outputs, feeds } = traceLayer(layer, [data]);
  const [result] = runTraced(outputs, feeds);
  expect(result?.shape).toEqual(record.output?.shape);
  expectClose(result?.data ?? [], record.output?.data ?? [], tolerance, name);
});

const flat = (data: unknown): number[] => (data as number[][]).flat(Infinity) as number[];
function shapeOf(data: unknown): number[] {
  return Array.isArray(data) ? [data.length, ...shapeOf(data[0])] : [];
}
const float32 = (data: unknown): Tensor =>
  new Tensor('float32', shapeOf(data), Float32Array.from(flat(data)));
const int64 = (data: unknown): Tensor =>
  new Tensor('int64', shapeOf(data), BigInt64Array.from(flat(data), BigInt));

test.each(golden.hashes)('hashes of "$text"', ({ text, fast, strong }) => {
  const bytes = new TextEncoder().encode(text);
  expect(Number(fingerprint64(bytes) % 2n ** 52n)).toBe(fast);
  expect(Number(sipHash64([133n, 137n], bytes) % 2n ** 52n)).toBe(strong);
});

test.each(golden.crosses)('crosses of $features', ({ numBins, features, output }) => {
  const bins = layers.hashedCrossing({ numBins }).transform(features);
  expect([...bins.data].map(Number)).toEqual(output);
  const hot = layers.hashedCrossing({ numBins, outputMode: 'oneHot' }).transform(features);
  expect(hot.shape).toEqual([output.length, numBins]);
  expect(output.map((bin, row) => hot.data[row * numBins + bin])).toEqual(output.map(() => 1));
});

test('categoryEncoding() counts weights', () => {
  const layer = layers.categoryEncoding({ numTokens: 4, outputMode: 'count' });
  const weights = [
    [0.5, 1, 2],
    [-1, 0.25, 4],
  ];
  const indices = [
    [0, 1, 1],
    [3, 3, 2],
  ];
  expectClose(layer.transform(indices, weights).data, golden.categoryCounts.data, tolerance, 'transform');
  const [x, w] = [int64(indices), float32(weights)];
  const values = [x, w].map(({ dtype, shape }, i) => input(`x${i}`, { dtype, shape }));
  const [first, second] = values as [(typeof values)[0] & object, (typeof values)[0] & object];
  const outputs = layer.invoke([first], { training: false, tensors: { countWeights: [second] } });
  const [result] = runTraced(
    outputs,
    new Map([
      [first, x],
      [second, w],
    ]),
  );
  expectClose(result?.data ?? [], golden.categoryCounts.data, tolerance, 'in a graph');
});

test.each(golden.defaults)('defaults of $name are those of Keras', ({ name, options, config }) => {
  const layer = layerRegistry.make({ className: name, config: options as Record<string, unknown> });
  const own = layer.getConfig();
  const kept = new Set(['name', 'sparse', 'ragged', 'trainable']);
  for (const [key, value] of Object.entries(config)) {
    // the oov method of Keras's texts has no effect, nor has the size of no vocabulary
    if (kept.has(key) || key === 'vocabulary_size') continue;
    const expected = key.endsWith('token') ? value : ownSpelling(value);
    expect([key, own[camelCase(key)]]).toEqual([key, expected]);
  }
});
