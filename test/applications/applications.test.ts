import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { applications, ConfigError, DataError, ShapeError, tensor } from '../../src/index.ts';
import { drawWeights, golden } from './golden.ts';

const small = { alpha: 0.25, inputShape: [32, 32, 3] as [number, number, number], classes: 2 };
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'applications-'));
});
afterAll(() => rm(folder, { recursive: true }));

const { mobileNet } = applications;

test.each(golden.preprocessing.map((record) => [record.mode, record] as const))(
  'preprocessInput, Keras mode %s',
  (mode, { input, output }) => {
    const models = {
      tf: applications.mobileNetV2,
      torch: applications.denseNet121,
      caffe: applications.resNet50,
    };
    const pixels = tensor([...input]).reshape([1, 2, 2, 3]);
    const result = models[mode].preprocessInput(pixels);
    expect(result.allClose(tensor([...output]).reshape([1, 2, 2, 3]), { atol: 1e-5 })).toBe(true);
    expect(applications.vgg16.preprocessInput(pixels.cast('uint8')).dtype).toBe('float32');
    expect(applications.convNeXtTiny.preprocessInput(pixels).equals(pixels)).toBe(true);
  },
);

test('wrong options are refused', async () => {
  await expect(mobileNet({ inputShape: [16, 32, 3] })).rejects.toThrow(/at least 32 x 32\. Received 16 x 32/);
  await expect(mobileNet({ inputShape: [null, 32, 3] })).rejects.toThrow(ShapeError);
  await expect(applications.xception({ inputShape: [70, 99, 3] })).rejects.toThrow(ShapeError);
  await expect(mobileNet({ weights: 'http://example.org/a.h5' })).rejects.toThrow(/needs a checksum/);
  await expect(mobileNet({ weights: { from: 'http://example.org/a.h5' } })).rejects.toThrow(
    /needs a checksum/,
  );
  await expect(mobileNet({ weights: 'a.h5', classifierActivation: 'relu' })).rejects.toThrow(ConfigError);
  expect(() => mobileNet.preprocessInput).not.toThrow();
  expect(() => applications.resNet50.preprocessInput([[1, 2]])).toThrow(ShapeError);
});

describe('weights', () => {
  let server: Server;
  let url: string;
  let checksum: string;
  let file: string;
  let requests = 0;
  beforeAll(async () => {
    const model = await mobileNet(small);
    drawWeights(model);
    file = join(folder, 'small.weights.h5');
    await model.saveWeights(file);
    const bytes = await readFile(file);
    checksum = createHash('sha256').update(bytes).digest('hex');
    server = createServer((request, response) => {
      requests++;
      const found = request.url === '/small.weights.h5';
      response.writeHead(found ? 200 : 404).end(found ? bytes : '');
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.close();
  });

  test('from a path', async () => {
    const [a, b] = [
      await mobileNet({ ...small, weights: file }),
      await mobileNet({ ...small, weights: file }),
    ];
    const md5 = createHash('md5')
      .update(await readFile(file))
      .digest('hex');
    const c = await mobileNet({ ...small, weights: { from: file, checksum: md5 } });
    const x = tensor(
      new Float32Array(3072).map((_, i) => Math.sin(i)),
      [1, 32, 32, 3],
    );
    const y = await a.predict(x);
    expect(y.data.some((v) => v !== 0.5)).toBe(true);
    for (const model of [b, c]) expect((await model.predict(x)).equals(y)).toBe(true);
    await expect(mobileNet({ weights: { from: file, checksum: '0'.repeat(64) } })).rejects.toThrow(DataError);
  });

  test('from a URL, downloaded once and checked', async () => {
    const cacheFolder = join(folder, 'cache');
    const weights = { from: `${url}/small.weights.h5`, checksum, cacheFolder };
    const loaded = await mobileNet({ ...small, weights });
    await mobileNet({ ...small, weights });
    expect(requests).toBe(1);
    const fromPath = await mobileNet({ ...small, weights: file });
    fromPath.weights.forEach((weight, i) => {
      expect(loaded.weights[i]?.read().equals(weight.read())).toBe(true);
    });
    const wrong = { ...weights, checksum: 'a'.repeat(32) };
    await expect(mobileNet({ ...small, weights: wrong })).rejects.toThrow(/checksum a{32}/);
    const missing = { ...weights, from: `${url}/missing.h5` };
    await expect(mobileNet({ ...small, weights: { ...missing, checksum: 'b'.repeat(64) } })).rejects.toThrow(
      /status 404/,
    );
    expect(await readdir(cacheFolder)).toEqual([`${checksum.slice(0, 8)}-small.weights.h5`]);
  });
});

test('decodePredictions names the likeliest classes', async () => {
  const path = join(folder, 'classes.json');
  await writeFile(path, '{"0":["n0","cat"],"1":["n1","dog"],"2":["n2","owl"]}');
  const decoded = await applications.decodePredictions([[0.25, 0.125, 0.625]], path, 2);
  expect(decoded).toEqual([
    [
      { id: 'n2', name: 'owl', score: 0.625 },
      { id: 'n0', name: 'cat', score: 0.25 },
    ],
  ]);
  await expect(applications.decodePredictions([[1, 2, 3, 4]], path)).rejects.toThrow(/Class 3 is missing/);
  await expect(applications.decodePredictions([1, 2], path)).rejects.toThrow(ShapeError);
  await expect(applications.decodePredictions([[1]], join(folder, 'none'))).rejects.toThrow(DataError);
});
