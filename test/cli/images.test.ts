import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { data, Tensor } from '../../src/index.ts';
import { callTfk } from './run-tfk.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tfk-pictures-'));
  const rows = ['picture,kind'];
  for (let i = 0; i < 16; i++) {
    const shade = new Tensor('uint8', [4, 4, 3], new Uint8Array(48).fill(i % 2 ? 200 + i : 20 + i));
    await data.saveImg(join(folder, `${i}.png`), shade, { scale: false });
    rows.push(`${i}.png,${i % 2 ? 'light' : 'dark'}`);
  }
  await writeFile(join(folder, 'list.csv'), `${rows.join('\n')}\n`);
  const source = {
    images: 'list.csv',
    file: 'picture',
    label: 'kind',
    imageSize: [4, 4],
    colorMode: 'grayscale',
  };
  const config = {
    seed: 1,
    model: {
      layers: [
        { type: 'rescaling', scale: 1 / 128, offset: -1 },
        { type: 'flatten' },
        { type: 'dense', units: 2, activation: 'softmax' },
      ],
    },
    data: { train: source, test: source },
    compile: {
      optimizer: { type: 'adam', learningRate: 0.1 },
      loss: 'sparseCategoricalCrossentropy',
      metrics: ['accuracy'],
    },
    fit: { epochs: 20, batchSize: 8 },
    output: join(folder, 'run'),
  };
  await writeFile(join(folder, 'train.json'), JSON.stringify(config));
});
afterAll(() => rm(folder, { recursive: true }));

test('trains on pictures that a CSV file lists, and names the classes of others', async () => {
  const trained = await callTfk('train', join(folder, 'train.json'), '--json');
  expect([trained.code, trained.stderr]).toEqual([0, '']);
  expect(JSON.parse(trained.stdout)).toMatchObject({ test: { accuracy: 1 } });
  const classes = async (input: string): Promise<string[]> => {
    const { code, stdout } = await callTfk(
      'predict',
      join(folder, 'run'),
      '--input',
      join(folder, input),
      '--classes',
    );
    expect(code).toBe(0);
    return stdout.trim().split('\n');
  };
  expect(await classes('3.png')).toEqual(['light']);
  const all = await classes('.'); // 0, 1, 10, 11, ..., 15, 2, 3, ...
  expect([all.length, all[0], all[1], all[8]]).toEqual([16, 'dark', 'light', 'dark']);
});
