import * as z from 'zod';
import type { Tensor } from '../core/tensor.ts';
import { corruptOption } from '../data/corrupt.ts';
import {
  imageDatasetFromCsv,
  imageDatasetFromDirectory,
  pictureSchema,
  readPicture,
} from '../data/image-directory.ts';
import { pictureEndings } from '../data/picture.ts';
import type { Pipeline } from '../data/pipeline.ts';
import { defined } from './defined.ts';
import { strict } from './issues.ts';
import { PictureFiles } from './picture-files.ts';
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
  cache: z
    .boolean()
    .optional()
    .describe(
      'Keeps the decoded pictures in memory; otherwise they are read when they are needed. By default where they take less than 512 MiB.',
    ),
  limit: z.int().min(1).optional().describe('Use only so many samples, from the start.'),
});
export type ImagesSource = z.output<typeof imagesSchema>;

/** Memory that pictures may take by themselves, where the config does not say. */
const mostCached = 2 ** 29;

/**
 * The pictures of a source: in memory where the config says so, or by themselves where they take less than 512 MiB.
 * @throws {@link DataError} when there are none
 */
export async function openImages(source: ImagesSource): Promise<Samples | PictureFiles> {
  const files = await listImages(source);
  return (source.cache ?? files.bytes <= mostCached) ? files.load() : files;
}

/** All pictures as one tensor `[pictures, height, width, channels]` in 0..255, with the numbers of their classes. */
export const loadImages = async (source: ImagesSource): Promise<Samples> => (await listImages(source)).load();

async function listImages(source: ImagesSource): Promise<PictureFiles> {
  const { images, limit, cache: _, file, label, ...rest } = source;
  const settings = { ...defined(rest), shuffle: false };
  const { classNames, files } = isList(images)
    ? await imageDatasetFromCsv(images, { ...settings, file, label })
    : await imageDatasetFromDirectory(images, settings);
  return new PictureFiles(source, classNames, files).slice(0, limit ?? files.length);
}

/** Whether a path ends like that of a picture. */
export const isPicture = (path: string): boolean =>
  pictureEndings.some((ending) => path.toLowerCase().endsWith(ending));

/** Whether a path is that of a list. */
const isList = (path: string): boolean => /\.[ct]sv(\.gz)?$/i.test(path);

/** One picture as a tensor, or those of a folder in the order of their paths, in batches. */
export async function openPictures(
  path: string,
  source: ImagesSource,
  batchSize: number,
): Promise<Tensor | Pipeline<[Tensor]>> {
  const { images: _, file: __, label: ___, limit: ____, cache: _____, ...settings } = source;
  if (isPicture(path)) {
    const picture = await readPicture(path, settings);
    return picture.reshape([1, ...picture.shape]);
  }
  const options = { ...defined(settings), labelMode: null, shuffle: false, batchSize };
  return (await imageDatasetFromDirectory(path, options)).map(([pictures]): [Tensor] => [pictures]);
}
