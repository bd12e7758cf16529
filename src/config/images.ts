import { z } from 'zod';
import { concatenateRows, Tensor } from '../core/tensor.ts';
import { corruptOption } from '../data/corrupt.ts';
import {
  imageDatasetFromCsv,
  imageDatasetFromDirectory,
  pictureSchema,
  readPicture,
} from '../data/image-directory.ts';
import { pictureEndings } from '../data/picture.ts';
import { defined } from './defined.ts';
import { strict } from './issues.ts';
import type { Samples } from './sources.ts';

/** Pictures of a folder with a folder for each class, or those that a CSV file lists. */
export const imagesSchema = strict({
  images: z
    .string()
    .describe(
      'Folder with a folder of pictures for each class, or a CSV file that lists pictures and classes.',
    ),
  file: z.string().default('file').describe('Column of a CSV file with paths, relative to that file.'),
  label: z.string().default('label').describe('Column of a CSV file with names or numbers of classes.'),
  classNames: z.array(z.string()).min(2).optional().describe('The classes, in the order of their numbers.'),
  ...pictureSchema.shape,
  onCorrupt: corruptOption.describe('What becomes of pictures that cannot be read.'),
  limit: z.int().min(1).optional().describe('Use only so many samples, from the start.'),
});
export type ImagesSource = z.output<typeof imagesSchema>;

/** All pictures as one tensor `[pictures, height, width, channels]` in 0..255, with the numbers of their classes. */
export async function loadImages({ images, limit: _, file, label, ...rest }: ImagesSource): Promise<Samples> {
  const settings = { ...defined(rest), shuffle: false };
  const dataset = isList(images)
    ? await imageDatasetFromCsv(images, { ...settings, file, label })
    : await imageDatasetFromDirectory(images, settings);
  const [x, y]: [Tensor[], number[]] = [[], []];
  for await (const [pictures, labels] of dataset) {
    x.push(pictures);
    y.push(...Array.from(labels?.data ?? [], Number));
  }
  return {
    x: stacked(x),
    y: new Tensor('int32', [y.length], Int32Array.from(y)),
    classNames: dataset.classNames,
  };
}

/** Whether a path ends like that of a picture. */
export const isPicture = (path: string): boolean =>
  pictureEndings.some((ending) => path.toLowerCase().endsWith(ending));

/** Whether a path is that of a list. */
const isList = (path: string): boolean => /\.[ct]sv(\.gz)?$/i.test(path);

/** One picture, or those of a folder in the order of their paths, as one tensor. */
export async function loadPictures(path: string, source: ImagesSource): Promise<Tensor> {
  const { images: _, file: __, label: ___, limit: ____, ...settings } = source;
  if (!isPicture(path)) {
    const options = { ...defined(settings), labelMode: null, shuffle: false };
    const batches = await (await imageDatasetFromDirectory(path, options)).toArray();
    return stacked(batches.map(([pictures]) => pictures));
  }
  const picture = await readPicture(path, settings);
  return picture.reshape([1, ...picture.shape]);
}

/** Batches one after the other. */
const stacked = (parts: readonly Tensor[]): Tensor =>
  concatenateRows(
    { dtype: 'float32', shape: parts[0]?.shape ?? [0] },
    parts.map((part) => part.data),
  );
