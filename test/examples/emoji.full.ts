import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect } from '@jest/globals';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { prepare, unpackModel } from '../../examples/emoji/prepare.ts';
import { data, loadModel, Tensor } from '../../src/index.ts';
import { runTfk } from '../cli/run-tfk.ts';
import { readGolden } from '../helpers/golden.ts';
import { inPackage, testWith } from './data-files.ts';

const { file: nsfwjs, testIt: testModel } = testWith(inPackage('nsfwjs'));
const { testIt: testEmoji } = testWith(inPackage('emoji-datasource-twitter'));
const packages = dirname(nsfwjs);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tfk-emoji-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Picture n of 224 x 224, as the recorder makes it. */
const picture = (n: number): Float32Array =>
  Float32Array.from({ length: 224 * 224 * 3 }, (_, i) => {
    const [row, column, channel] = [Math.floor(i / 672), Math.floor(i / 3) % 224, i % 3] as const;
    return ((row * (n + 3) + column * (2 * n + 1) + channel * 50 + ((row * column * n) >> 4)) % 256) / 256;
  });

/** Largest difference. */
const distance = (expected: readonly number[], actual: Tensor['data']): number =>
  Math.max(...expected.map((value, i) => Math.abs(value - Number(actual[i]))));

/** Trains on some of the pictures. @returns accuracy on some of those that are held out */
async function accuracy(output: string): Promise<number> {
  const settings = [
    `model.from=${join(folder, 'backbone.keras')}`,
    `data.train.images=${join(folder, 'train.csv')}`,
    `data.test.images=${join(folder, 'test.csv')}`,
    'data.train.limit=480',
    'data.test.limit=160',
    'fit.epochs=5',
    'fit.batchSize=16',
  ].flatMap((setting) => ['--set', setting]);
  const { code, stdout, stderr } = await runTfk([
    'train',
    'examples/emoji/tune.json',
    ...settings,
    '--output',
    output,
    '--json',
  ]);
  expect([code, stderr]).toEqual([0, '']);
  return (JSON.parse(stdout) as { test: { accuracy: number } }).test.accuracy;
}

testModel('MobileNetV2 of nsfwjs predicts what TensorFlow.js does', async () => {
  const model = await loadModel(await unpackModel(packages, folder));
  const golden = readGolden<number[][]>('nsfwjs.json');
  for (const [n, expected] of golden.entries()) {
    const y = (await model.predict(new Tensor('float32', [1, 224, 224, 3], picture(n)))) as Tensor;
    expect(distance(expected, y.data)).toBeLessThan(1e-4);
  }
  model.dispose();
});

testEmoji('it tells seven kinds of emoji apart after a short training, also as ONNX', async () => {
  await prepare(packages, folder);
  const run = join(folder, 'run');
  expect(await accuracy(run)).toBeGreaterThan(0.5); // a quarter are people

  const file = join(folder, 'emoji.onnx');
  expect((await runTfk(['export', run, file])).code).toBe(0);
  const model = await loadModel(join(run, 'model.keras'));
  const list = join(folder, 'test.csv');
  const set = await data.imageDatasetFromCsv(list, { imageSize: [96, 96], batchSize: 8 });
  const [x] = (await set.take(1).toArray())[0] as [Tensor];
  const session = await InferenceSession.create(file);
  const feed = new OrtTensor('float32', x.data as Float32Array, x.shape);
  const [alone] = Object.values(await session.run({ [session.inputNames[0] as string]: feed }));
  const ours = (await model.predict(x)) as Tensor;
  expect(distance(Array.from(ours.data, Number), alone?.data as Float32Array)).toBeLessThan(1e-5);
  await session.release();
  model.dispose();
});
