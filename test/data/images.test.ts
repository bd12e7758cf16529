import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { ConfigError, DataError, data, Tensor } from '../../src/index.ts';
import { type GoldenTensor, goldenTensor, readGolden } from '../helpers/golden.ts';
import { elementsOf, plain, resumesEverywhere } from './pipelines.ts';

interface Sized {
  readonly size: [number, number];
  readonly output: GoldenTensor;
}
type TensorFlowNames = NonNullable<Parameters<typeof data.imageDatasetFromDirectory>[1]>['interpolation'];
type PillowNames = NonNullable<Parameters<typeof data.loadImg>[1]>['interpolation'];
const golden = readGolden<{
  pixels: GoldenTensor;
  gray: GoldenTensor;
  tensorflow: (Sized & { interpolation: NonNullable<TensorFlowNames> })[];
  ratios: (Sized & { option: 'crop_to_aspect_ratio' | 'pad_to_aspect_ratio' })[];
  pillow: (Sized & { interpolation: NonNullable<PillowNames> })[];
  keepAspectRatio: GoldenTensor;
}>('images.json');
const pixels = goldenTensor(golden.pixels);

const folder = mkdtempSync(join(tmpdir(), 'tfk-images-'));
afterAll(() => rmSync(folder, { recursive: true }));
const picture = join(folder, 'picture.png');
beforeAll(() => data.saveImg(picture, pixels, { scale: false }));

const flat = (shade: number, alpha?: number): Tensor => {
  const pixel = alpha === undefined ? [shade, 0, 255 - shade] : [shade, 0, 255 - shade, alpha];
  const bytes = Uint8Array.from({ length: 6 * pixel.length }, (_, i) => pixel[i % pixel.length] as number);
  return new Tensor('uint8', [2, 3, pixel.length], bytes);
};

/** Largest difference, where types and shapes are the same. */
function distance(actual: Tensor, expected: GoldenTensor): number {
  expect([actual.shape, actual.dtype]).toEqual([expected.shape, expected.dtype ?? 'float32']);
  return Math.max(...expected.data.map((value, i) => Math.abs(value - Number(actual.data[i]))));
}

describe('loadImg', () => {
  test('pixels as they are, in three colour modes', async () => {
    expect(distance(await data.loadImg(picture), golden.pixels)).toBe(0);
    expect(distance(await data.loadImg(picture, { colorMode: 'grayscale' }), golden.gray)).toBe(0);
    const rgba = await data.loadImg(picture, { colorMode: 'rgba' });
    expect([rgba.shape, [...rgba.data].filter((_, i) => i % 4 === 3)]).toEqual([
      [5, 6, 4],
      Array(30).fill(255),
    ]);
  });

  test.each(golden.pillow)('$interpolation to $size as Pillow does, to one shade', async (entry) => {
    const { interpolation, size, output } = entry;
    const image = await data.loadImg(picture, { colorMode: 'grayscale', targetSize: size, interpolation });
    expect(distance(image, output)).toBeLessThanOrEqual(1);
  });

  test('keeps the aspect ratio', async () => {
    const options = { targetSize: [4, 2], interpolation: 'bilinear', keepAspectRatio: true } as const;
    const image = await data.loadImg(picture, { colorMode: 'grayscale', ...options });
    expect(distance(image, golden.keepAspectRatio)).toBeLessThanOrEqual(1);
  });

  test('says which file is no picture', async () => {
    const path = join(folder, 'broken.png');
    writeFileSync(path, 'no picture');
    await expect(data.loadImg(path)).rejects.toThrow(/broken\.png: this picture cannot be read/);
    await expect(data.loadImg(Buffer.from('no'))).rejects.toThrow(DataError);
    await expect(data.loadImg(join(folder, 'absent.png'))).rejects.toThrow(/absent\.png/);
  });
});

describe('arrays and pictures', () => {
  test('imgToArray gives floats, with an axis for the channel', () => {
    expect(data.imgToArray(flat(9)).dtype).toBe('float32');
    expect(data.imgToArray([[1, 2]]).shape).toEqual([1, 2, 1]);
    expect(() => data.imgToArray([1, 2])).toThrow(DataError);
  });

  test('arrayToImg stretches to 0..255, or cuts off what is beyond', () => {
    const image = (scale: boolean) => [...data.arrayToImg([[[-1], [0.5], [3]]], { scale }).data];
    expect([image(true), image(false)]).toEqual([
      [0, 95, 255],
      [0, 0, 3],
    ]);
    expect(() => data.arrayToImg([[[1, 2]]])).toThrow(/1, 3 or 4 channels/);
  });

  test('saveImg writes what loadImg reads: exactly as PNG, nearly as JPEG and WebP', async () => {
    const path = (name: string): string => join(folder, name);
    const rgba = flat(40, 100);
    await data.saveImg(path('a.png'), rgba, { scale: false });
    expect([...(await data.loadImg(path('a.png'), { colorMode: 'rgba' })).data]).toEqual([...rgba.data]);
    expect([...(await data.loadImg(path('a.png'))).data.subarray(0, 3)]).toEqual([40, 0, 215]);
    for (const name of ['a.jpg', 'a.webp']) {
      await data.saveImg(path(name), flat(40), { scale: false });
      const [red] = (await data.loadImg(path(name))).data;
      expect(Math.abs(Number(red) - 40)).toBeLessThan(4);
    }
    await data.saveImg(path('grey'), [[[0], [7]]], { scale: false, fileFormat: 'png' });
    expect([...(await data.loadImg(path('grey'), { colorMode: 'grayscale' })).data]).toEqual([0, 7]);
    await expect(data.saveImg(path('a.bmp'), flat(1))).rejects.toThrow(ConfigError);
  });
});

describe('sizes as TensorFlow makes them', () => {
  // of the red channel alone
  const red = join(folder, 'red');
  mkdirSync(red);
  beforeAll(async () => {
    const shade = new Tensor(
      'uint8',
      [5, 6, 1],
      Uint8Array.from(
        pixels.data.filter((_, i) => i % 3 === 0),
        Number,
      ),
    );
    await data.saveImg(join(red, 'a.png'), shade, { scale: false });
  });
  const ofRed = async (options: Parameters<typeof data.imageDatasetFromDirectory>[1]): Promise<Tensor> => {
    const set = await data.imageDatasetFromDirectory(red, {
      colorMode: 'grayscale',
      labelMode: null,
      ...options,
    });
    const images = (await set.toArray())[0]?.[0] as Tensor;
    return images.reshape(images.shape.slice(1));
  };

  // TensorFlow looks the weights of bicubic up in a table of 1,024 places
  test.each(golden.tensorflow)('$interpolation to $size', async ({ interpolation, size, output }) => {
    const tolerance = interpolation === 'bicubic' ? 0.25 : 1e-3;
    expect(distance(await ofRed({ imageSize: size, interpolation }), output)).toBeLessThan(tolerance);
  });

  test.each(golden.ratios)('$option to $size', async ({ option, size, output }) => {
    const key = option === 'crop_to_aspect_ratio' ? 'cropToAspectRatio' : 'padToAspectRatio';
    expect(distance(await ofRed({ imageSize: size, [key]: true }), output)).toBeLessThan(1e-3);
  });

  test('refuses both at once', async () => {
    await expect(ofRed({ cropToAspectRatio: true, padToAspectRatio: true })).rejects.toThrow(ConfigError);
  });
});

describe('imageDatasetFromDirectory', () => {
  const root = join(folder, 'shades');
  beforeAll(async () => {
    for (const [name, shades] of [
      ['dark', [10, 20, 30]],
      ['light', [200, 210]],
    ] as const) {
      mkdirSync(join(root, name), { recursive: true });
      for (const shade of shades)
        await data.saveImg(join(root, name, `${shade}.png`), flat(shade), { scale: false });
    }
    writeFileSync(join(root, 'list.csv'), 'file,label,number\ndark/10.png,night,1\nlight/200.png,day,0\n');
  });
  const labelsOf = async (set: data.Pipeline<[Tensor, Tensor] | [Tensor]>) =>
    plain((await set.toArray())[0]?.[1]);
  const small = { imageSize: [2, 3], shuffle: false } as const;
  const firsts = (batches: readonly ([Tensor, Tensor] | [Tensor])[]): number[] =>
    batches.flatMap(([x]) => [...x.data].filter((_, i) => i % 18 === 0).map(Number));

  test('batches of pictures and the numbers of their folders', async () => {
    const set = await data.imageDatasetFromDirectory(root, { ...small, batchSize: 3 });
    expect([set.classNames, set.size, set.files.length]).toEqual([['dark', 'light'], 2, 5]);
    const batches = await set.toArray();
    expect(batches.map(([x, y]) => [x.shape, [...(y as Tensor).data]])).toEqual([
      [
        [3, 2, 3, 3],
        [0, 0, 0],
      ],
      [
        [2, 2, 3, 3],
        [1, 1],
      ],
    ]);
    expect(firsts(batches)).toEqual([10, 20, 30, 200, 210]);
  });

  test('labels that are given, in the order of the paths; or none', async () => {
    const labels = [2, 0, 1, 0, 0];
    const set = await data.imageDatasetFromDirectory(root, { ...small, labels });
    expect([set.classNames, await labelsOf(set)]).toEqual([['0', '1', '2'], labels]);
    await expect(data.imageDatasetFromDirectory(root, { labels: [1, 0] })).rejects.toThrow(
      /each of the 5 files/,
    );
    const bare = await data.imageDatasetFromDirectory(join(root, 'dark'), { ...small, labelMode: null });
    expect([bare.classNames, (await bare.toArray()).map((batch) => batch.length)]).toEqual([[], [1]]);
  });

  test('pictures that a CSV file lists', async () => {
    const list = join(root, 'list.csv');
    const set = await data.imageDatasetFromCsv(list, small);
    const [[x, y] = []] = await set.toArray();
    expect([set.classNames, firsts([[x as Tensor]]), [...(y as Tensor).data]]).toEqual([
      ['day', 'night'],
      [10, 200],
      [1, 0],
    ]);
    const numbered = await data.imageDatasetFromCsv(list, {
      ...small,
      label: 'number',
      classNames: ['0', '1', '2'],
    });
    expect(await labelsOf(numbered)).toEqual([1, 0]);
    await expect(data.imageDatasetFromCsv(list, { classNames: ['day', 'dusk'] })).rejects.toThrow(
      /"night".*day, dusk/,
    );
  });

  test('goes on from any place, also in a later pass', async () => {
    const set = () =>
      data.imageDatasetFromDirectory(root, { ...small, shuffle: true, seed: 3, batchSize: 2 });
    const whole = await set();
    const [first, second] = [await elementsOf(whole), await elementsOf(whole)];
    const later = await set();
    later.passes = 1;
    expect(await elementsOf(later)).toEqual(second);
    expect(first).not.toEqual(second);
    later.passes = 0;
    await resumesEverywhere(() => later.map((batch): unknown => batch));
  });

  test('pictures that cannot be read end the pass, or are counted', async () => {
    const broken = join(folder, 'broken');
    for (const name of ['a', 'b']) mkdirSync(join(broken, name), { recursive: true });
    await data.saveImg(join(broken, 'a/1.png'), flat(1), { scale: false });
    writeFileSync(join(broken, 'b/2.jpg'), 'none');
    writeFileSync(join(broken, 'b/3.jpg'), '');
    const strict = await data.imageDatasetFromDirectory(broken, small);
    await expect(strict.toArray()).rejects.toThrow(/2\.jpg/);
    const warn = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const lenient = await data.imageDatasetFromDirectory(broken, { ...small, onCorrupt: 'skip' });
    expect([lenient.size, firsts(await lenient.toArray())]).toEqual([undefined, [1]]);
    const said = warn.mock.calls.map(([message]) => String(message));
    warn.mockRestore();
    expect(said).toEqual([expect.stringMatching(/2 of 3 records were skipped. The first: .*2\.jpg/)]);
  });
});
