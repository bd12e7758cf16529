import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { formatType } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { DataError, FormatError } from '../errors.ts';
import type { Dataset, Examples } from './dataset.ts';
import { readIdx } from './idx.ts';

const classNames = [
  't-shirt/top',
  'trouser',
  'pullover',
  'dress',
  'coat',
  'sandal',
  'shirt',
  'sneaker',
  'bag',
  'ankle boot',
] as const;

/**
 * Fashion-MNIST: 70,000 grey images of clothes in ten classes, from its four IDX files.
 * @param options - `folder` of `train-images-idx3-ubyte.gz`, `train-labels-idx1-ubyte.gz`,
 * `t10k-images-idx3-ubyte.gz` and `t10k-labels-idx1-ubyte.gz`; by default `$TFK_DATA/fashion-mnist`, then
 * `/usr/share/datasets/fashion-mnist`
 * @returns x float32 `[60000,28,28,1]` and `[10000,28,28,1]` in 0..1; y int32 `[60000]` and `[10000]`
 * @throws {@link DataError} when the files are not there
 * @source Xiao et al., "Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms", 2017
 */
export async function fashionMnist(options: { readonly folder?: string } = {}): Promise<Dataset> {
  const folder = options.folder ?? (await defaultFolder());
  const train = await readExamples(folder, 'train');
  const test = await readExamples(folder, 't10k');
  return { train, test, classNames };
}

const imagesFile = (part: string): string => `${part}-images-idx3-ubyte.gz`;
const labelsFile = (part: string): string => `${part}-labels-idx1-ubyte.gz`;

/** The first of the usual folders that has the images. */
async function defaultFolder(): Promise<string> {
  const data = process.env.TFK_DATA;
  const folders = [...(data ? [join(data, 'fashion-mnist')] : []), '/usr/share/datasets/fashion-mnist'];
  for (const folder of folders) {
    const found = await access(join(folder, imagesFile('train'))).then(
      () => true,
      () => false,
    );
    if (found) return folder;
  }
  const files = ['train', 't10k'].flatMap((part) => [imagesFile(part), labelsFile(part)]);
  throw new DataError(
    `fashionMnist: the files are not in ${folders.join(' or ')}. On Debian: apt-get install dataset-fashion-mnist. ` +
      `Elsewhere put ${files.join(', ')} into a folder and pass it as { folder }, or set TFK_DATA to its parent.`,
    { op: 'fashionMnist', argument: 'folder', expected: files.join(', ') },
  );
}

async function readExamples(folder: string, part: string): Promise<Examples> {
  const images = await readIdx(join(folder, imagesFile(part)));
  const labels = await readIdx(join(folder, labelsFile(part)));
  const [count = 0] = images.shape;
  if (
    !(images.data instanceof Uint8Array) ||
    images.rank !== 3 ||
    labels.rank !== 1 ||
    labels.size !== count
  ) {
    throw new FormatError(
      `${folder}: expected ${part} images uint8[n,height,width] and labels [n]. ` +
        `Received ${formatType(images)} and ${formatType(labels)}.`,
      { op: 'fashionMnist', received: `${formatType(images)} and ${formatType(labels)}` },
    );
  }
  const x = new Float32Array(images.size);
  for (let i = 0; i < x.length; i++) x[i] = (images.data[i] as number) / 255;
  return { x: new Tensor('float32', [...images.shape, 1], x), y: labels.cast('int32') };
}
