import { expect, test } from '@jest/globals';
import sharp from 'sharp';
import { bitmapOf, encodePng } from '../../src/formats/png.ts';

test.each([1, 3, 4])('a decoder finds the pixels that were encoded, %i channels', async (channels) => {
  const pixels = Uint8Array.from({ length: 5 * 7 * channels }, (_, i) => (i * 37) % 256);
  const png = await encodePng({ width: 5, height: 7, channels, pixels });
  const image = sharp(png);
  const { data, info } = await (channels === 1 ? image.toColourspace('b-w') : image)
    .raw()
    .toBuffer({ resolveWithObject: true });
  expect([info.width, info.height, info.channels]).toEqual([5, 7, channels]);
  expect([...data]).toEqual([...pixels]);
});

test.each([
  ['0..1', [0, 0.5, 1], [0, 128, 255]],
  ['0..255', [0, 128, 255], [0, 128, 255]],
  ['with negative numbers', [-1, 0, 1], [0, 128, 255]],
  ['all the same', [0, 0, 0], [0, 0, 0]],
])('numbers as a picture: %s', (_, numbers, pixels) => {
  expect([...bitmapOf(numbers, [1, 3]).pixels]).toEqual(pixels);
});
