import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
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

test('pictures that are read on the way give the same figures as those in memory', async () => {
  const figures = async (name: string, ...sets: readonly string[]) => {
    const run = join(folder, name);
    const changes = [...sets, 'data.validationSplit=0.25', 'fit.classWeight.1=2', 'data.shuffle=true'];
    const options = changes.flatMap((set) => ['--set', set]);
    const { code, stderr } = await callTfk(
      'train',
      join(folder, 'train.json'),
      '--quiet',
      ...['--output', run, '--epochs', '3', ...options],
    );
    expect([code, stderr]).toEqual([0, '']);
    const read = async (file: string) => JSON.parse(await readFile(join(run, file), 'utf8'));
    expect((await callTfk('report', run, '--output', join(folder, `${name}.html`))).stderr).toBe('');
    const evaluated = await callTfk('evaluate', run, '--json');
    return {
      history: await read('history.json'),
      test: JSON.parse(evaluated.stdout),
      record: await read('record.json'),
      page: (await readFile(join(folder, `${name}.html`), 'utf8')).split('Confusion')[1]?.split('Network')[0],
    };
  };
  const streams = ['data.train.cache=false', 'data.test.cache=false'];
  const inMemory = await figures('memory', 'fit.shuffle=false');
  const onTheWay = await figures('streamed', ...streams, 'fit.shuffle=false');
  expect(onTheWay.history).toEqual(inMemory.history);
  expect(onTheWay.test).toEqual(inMemory.test);
  expect(onTheWay.page).toBe(inMemory.page);
  expect(Object.keys(onTheWay.record.data)).toEqual(['train', 'test']);
  const shuffled = await figures('shuffled', ...streams);
  expect(shuffled.history.loss).not.toEqual(onTheWay.history.loss);
  expect((await callTfk('reproduce', join(folder, 'shuffled'))).code).toBe(0);
});
