import { dirname, resolve } from 'node:path';
import * as z from 'zod';
import { parseOptions } from '../core/configured.ts';
import { deferred } from '../core/deferred.ts';
import { Tensor } from '../core/tensor.ts';
import { ConfigError, DataError } from '../errors.ts';
import { corruptOption } from './corrupt.ts';
import { readCsv } from './csv.ts';
import {
  checked,
  type DirectoryPipeline,
  directorySchema,
  type FileList,
  labelledBatches,
  listDirectory,
} from './directory.ts';
import {
  colorModeSchema,
  cropToRatio,
  decodePicture,
  padToRatio,
  pictureEndings,
  sizeSchema,
} from './picture.ts';
import { resample } from './resample.ts';

/** How pictures of a file each become tensors of one shape. */
export const pictureSchema = deferred(() =>
  z.strictObject({
    colorMode: colorModeSchema,
    /** Height and width. */
    imageSize: sizeSchema.default([256, 256]),
    interpolation: z
      .enum(['bilinear', 'nearest', 'bicubic', 'area', 'lanczos3', 'lanczos5', 'gaussian', 'mitchellcubic'])
      .default('bilinear'),
    /** Cuts off what sticks out of the aspect ratio of `imageSize`, instead of distorting. */
    cropToAspectRatio: z.boolean().default(false),
    /** Fills up to the aspect ratio of `imageSize` with black, instead of distorting. */
    padToAspectRatio: z.boolean().default(false),
  }),
);
export type PictureSettings = z.output<typeof pictureSchema>;

const imageSchema = deferred(() =>
  directorySchema.extend({ ...pictureSchema.shape, onCorrupt: corruptOption }),
);
type ImageSettings = z.output<typeof imageSchema>;

/** Batches `[images, labels]`, or `[images]` with `labelMode: null`. */
export type ImageDataset = DirectoryPipeline<[Tensor, Tensor] | [Tensor]>;

/**
 * One picture of the shape that a model takes.
 * @returns float32 `[height, width, channels]` in 0..255
 * @throws {@link DataError} naming the file when it is no picture
 */
export async function readPicture(source: string | Uint8Array, settings: PictureSettings): Promise<Tensor> {
  const { colorMode, imageSize, interpolation, cropToAspectRatio, padToAspectRatio } = settings;
  const whole = await decodePicture(source, colorMode);
  const fitting = cropToAspectRatio
    ? cropToRatio(whole, imageSize)
    : padToAspectRatio
      ? padToRatio(whole, imageSize)
      : whole;
  const { data, height, width, channels } = resample(fitting, imageSize, interpolation);
  return new Tensor('float32', [height, width, channels], Float32Array.from(data));
}

/**
 * Pictures (PNG, JPEG, GIF, WebP) of a folder with a folder for each class, read when they are needed, several at once.
 * @param folder - `folder/class_a/1.png`, `folder/class_b/2.jpg`, ...
 * @param options - those of Keras, with its defaults; sizes and numbers as by `tf.image.resize`. `onCorrupt`: `error`,
 * or `skip` with a warning at the end of the pass that counts the pictures
 * @returns batches of float32 `[batch, height, width, channels]` in 0..255, with labels
 * @throws {@link DataError} when there are no such files, {@link ConfigError} when options contradict each other
 * @source keras/src/utils/image_dataset_utils.py
 */
export async function imageDatasetFromDirectory(
  folder: string,
  options: z.input<typeof imageSchema> = {},
): Promise<ImageDataset> {
  const settings = parseOptions(imageSchema, options, 'imageDatasetFromDirectory');
  return imageBatches(folder, await listDirectory(folder, pictureEndings, settings), settings);
}

const csvSchema = deferred(() =>
  imageSchema.omit({ labels: true }).extend({
    /** Column of the paths, which are relative to the list's folder. */
    file: z.string().default('file'),
    /** Column of the labels: names of classes, or their numbers. */
    label: z.string().default('label'),
  }),
);

/**
 * Pictures that a CSV file lists, as {@link imageDatasetFromDirectory} gives them.
 * @param path - CSV or TSV file
 * @param options - those of {@link imageDatasetFromDirectory}; `file` and `label`: columns of the paths, relative to the
 * list's folder, and of the classes
 * @throws {@link DataError} naming the list when it cannot be used
 */
export async function imageDatasetFromCsv(
  path: string,
  options: z.input<typeof csvSchema> = {},
): Promise<ImageDataset> {
  const { file, label, ...rest } = parseOptions(csvSchema, options, 'imageDatasetFromCsv');
  const settings: ImageSettings = { ...rest, labels: 'inferred' };
  const list = await pictureList(path, {
    file,
    label: settings.labelMode === null ? undefined : label,
    classNames: settings.classNames,
  });
  return imageBatches(path, checked(path, list, settings), settings);
}

function imageBatches(where: string, list: FileList, settings: ImageSettings): ImageDataset {
  if (settings.cropToAspectRatio && settings.padToAspectRatio) {
    throw new ConfigError(`${where}: one of cropToAspectRatio and padToAspectRatio is enough.`, {
      argument: 'padToAspectRatio',
    });
  }
  return labelledBatches(where, list, settings, (path) => readPicture(path, settings));
}

/**
 * The files that a CSV file lists, with their classes.
 * @param columns - of the paths and of the labels; `classNames`: of the numbers or names there, in order
 * @throws {@link DataError} for a label that is no class
 */
export async function pictureList(
  path: string,
  {
    file,
    label,
    classNames,
  }: {
    readonly file: string;
    readonly label?: string | undefined;
    readonly classNames?: readonly string[] | undefined;
  },
): Promise<FileList> {
  const table = await readCsv(path, { columns: label === undefined ? [file] : [file, label] });
  const [files, labels] = table.columns;
  const paths = (files?.values ?? []) as ArrayLike<number | string>;
  const given = Array.from(labels?.values ?? [], String);
  const names = classNames ?? (labels?.type === 'number' ? numbersUpTo(given) : [...new Set(given)].sort());
  const numbers = new Map(names.map((name, i) => [name, i]));
  const listed = Array.from(paths, (name, row) => {
    const number = label === undefined ? 0 : numbers.get(given[row] as string);
    if (number !== undefined) return { path: resolve(dirname(path), String(name)), label: number };
    throw new DataError(
      `${path}: "${given[row]}" in column "${label}" is not one of the classes ${names.join(', ')}.`,
      {
        argument: label ?? '',
        expected: names.join(', '),
        received: given[row] ?? '',
      },
    );
  });
  return { classNames: label === undefined ? [] : names, files: listed };
}

/** `0`, `1`, ... up to the largest of some numbers. */
const numbersUpTo = (numbers: readonly string[]): string[] =>
  Array.from({ length: numbers.reduce((a, b) => Math.max(a, Number(b)), -1) + 1 }, (_, i) => String(i));
