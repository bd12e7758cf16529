import type { Sharp } from 'sharp';
import * as z from 'zod';
import { parseOptions } from '../core/configured.ts';
import { deferred } from '../core/deferred.ts';
import { formatType } from '../core/shape.ts';
import { Tensor, type TensorLike, tensor } from '../core/tensor.ts';
import { ConfigError, DataError } from '../errors.ts';
import { messageOf, writeFileAtomic } from '../formats/atomic.ts';
import { type Picture, resample } from './resample.ts';

/** Endings of the pictures that can be read. */
export const pictureEndings = ['.png', '.jpg', '.jpeg', '.gif', '.webp'] as const;

export const sizeSchema = z.tuple([z.int().min(1), z.int().min(1)]).readonly();
export const colorModeSchema = z.enum(['rgb', 'rgba', 'grayscale']).default('rgb');
type ColorMode = z.output<typeof colorModeSchema>;

/**
 * Decodes a picture on one of libuv's threads. Alpha is cut off (not blended), embedded profiles and the orientation in
 * EXIF are passed over, 16-bit shades become 8-bit, of several frames the first counts: as TensorFlow and Pillow do.
 * @throws {@link DataError} naming the file
 */
export async function decodePicture(source: string | Uint8Array, mode: ColorMode): Promise<Picture> {
  const sharp = await loadSharp();
  const colored = sharp(source, { failOn: 'error', ignoreIcc: true }).toColourspace('srgb');
  const { data, info } = await (mode === 'rgba' ? colored.ensureAlpha() : colored.removeAlpha())
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
    .catch((error: unknown) => {
      const name = typeof source === 'string' ? source : 'picture';
      throw new DataError(`${name}: this picture cannot be read: ${messageOf(error)}.`, {
        argument: name,
        cause: error,
      });
    });
  const picture = { data, height: info.height, width: info.width, channels: info.channels };
  return mode === 'grayscale' && info.channels > 1 ? gray(picture) : picture;
}

/** sharp, when the first picture comes: what has no pictures starts without it. */
const loadSharp = async () => (await import('sharp')).default;

/** `L = 0.299 R + 0.587 G + 0.114 B` in 16-bit fixed point. @source Pillow's Convert.c */
function gray({ data, height, width, channels }: Picture): Picture {
  const shades = new Uint8Array(height * width);
  for (let i = 0, at = 0; i < shades.length; i++, at += channels) {
    const [r, g, b] = [data[at] as number, data[at + 1] as number, data[at + 2] as number];
    shades[i] = (19595 * r + 38470 * g + 7471 * b + 0x8000) >> 16;
  }
  return { data: shades, height, width, channels: 1 };
}

/** The middle of a picture that has the aspect ratio of `[height, width]`. */
export function cropToRatio(picture: Picture, [h, w]: readonly [number, number]): Picture {
  const height = Math.max(1, Math.min(picture.height, Math.floor((picture.width * h) / w)));
  const width = Math.max(1, Math.min(picture.width, Math.floor((picture.height * w) / h)));
  const [top, left] = [(picture.height - height) >> 1, (picture.width - width) >> 1];
  return paste(picture, { top, left, height, width });
}

/** A picture with black beside it, so that it has the aspect ratio of `[height, width]`, to a pixel. */
export function padToRatio(picture: Picture, [h, w]: readonly [number, number]): Picture {
  const top = Math.max(0, (Math.floor((picture.width * h) / w) - picture.height) >> 1);
  const left = Math.max(0, (Math.floor((picture.height * w) / h) - picture.width) >> 1);
  const [height, width] = [picture.height + 2 * top, picture.width + 2 * left];
  return paste(picture, { top: -top, left: -left, height, width });
}

/** What a window shows of a picture; beside it there is black. */
function paste(
  picture: Picture,
  window: {
    readonly top: number;
    readonly left: number;
    readonly height: number;
    readonly width: number;
  },
): Picture {
  const { channels } = picture;
  const { top, left, height, width } = window;
  if (height === picture.height && width === picture.width) return picture;
  const data = new Uint8Array(height * width * channels);
  const columns = Math.min(width, picture.width);
  for (let y = Math.max(0, -top); y < Math.min(height, picture.height - top); y++) {
    const from = ((y + top) * picture.width + Math.max(0, left)) * channels;
    const row = picture.data.subarray(from, from + columns * channels);
    data.set(row, (y * width + Math.max(0, -left)) * channels);
  }
  return { data, height, width, channels };
}

const loadSchema = deferred(() =>
  z.strictObject({
    colorMode: colorModeSchema,
    /** Height and width; those of the file by default. */
    targetSize: sizeSchema.optional(),
    interpolation: z.enum(['nearest', 'bilinear', 'bicubic', 'lanczos', 'hamming', 'box']).default('nearest'),
    /** Cuts the picture to the aspect ratio of `targetSize` instead of distorting it. */
    keepAspectRatio: z.boolean().default(false),
  }),
);

const rounded = (x: number): number => Math.min(255, Math.max(0, Math.round(x)));

/**
 * A picture from a file (PNG, JPEG, GIF, WebP) or its bytes; where it shrinks it is smoothed, as by Pillow.
 * @param options - `colorMode`, `targetSize`, `interpolation`, `keepAspectRatio`, with Keras's meanings and defaults
 * @returns uint8 `[height, width, channels]`
 * @throws {@link DataError} naming the file when it is no picture
 * @source keras/src/utils/image_utils.py
 */
export async function loadImg(
  source: string | Uint8Array,
  options: z.input<typeof loadSchema> = {},
): Promise<Tensor> {
  const settings = parseOptions(loadSchema, options, 'loadImg');
  const { colorMode, targetSize, interpolation, keepAspectRatio } = settings;
  const whole = await decodePicture(source, colorMode);
  if (targetSize === undefined) return bytesOf(whole);
  const picture = keepAspectRatio ? cropToRatio(whole, targetSize) : whole;
  const kernel = interpolation === 'lanczos' ? 'lanczos3' : interpolation;
  return bytesOf(resample(picture, targetSize, kernel, { antialias: true, finish: rounded }));
}

const bytesOf = ({ data, height, width, channels }: Picture): Tensor =>
  new Tensor('uint8', [height, width, channels], Uint8Array.from(data));

/**
 * A picture as numbers.
 * @returns float32 `[height, width, channels]`, in 0..255 for what {@link loadImg} gives
 * @source keras/src/utils/image_utils.py
 */
export function imgToArray(image: TensorLike): Tensor {
  const x = tensor(image);
  const shape = x.rank === 2 ? [...x.shape, 1] : x.shape;
  if (shape.length === 3) return x.reshape(shape).cast('float32');
  throw new DataError(`imgToArray: expected [height, width, channels]. Received ${formatType(x)}.`, {
    expected: '[height, width, channels]',
    received: formatType(x),
  });
}

const scaleSchema = deferred(() =>
  z.strictObject({
    /** Stretches the numbers so that the least is 0 and the largest 255. */
    scale: z.boolean().default(true),
  }),
);
const saveSchema = deferred(() =>
  scaleSchema.extend({
    /** By default what the file's ending says. */
    fileFormat: z.enum(['png', 'jpeg', 'webp']).optional(),
  }),
);

/**
 * Numbers as a picture: fractions are cut off.
 * @param x - `[height, width, channels]` with 1, 3 or 4 channels
 * @param options - `scale`: stretches the numbers to 0..255 (default)
 * @returns uint8 `[height, width, channels]`
 * @throws {@link DataError} for other shapes
 * @source keras/src/utils/image_utils.py
 */
export function arrayToImg(x: TensorLike, options: z.input<typeof scaleSchema> = {}): Tensor {
  const { scale } = parseOptions(scaleSchema, options, 'arrayToImg');
  const { shape, data } = imgToArray(x);
  if (![1, 3, 4].includes(shape[2] as number)) {
    throw new DataError(`arrayToImg: expected 1, 3 or 4 channels. Received ${shape[2]}.`, {
      expected: '1, 3 or 4 channels',
      received: String(shape[2]),
    });
  }
  const values = data as Float32Array;
  const low = scale ? values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY) : 0;
  const range = scale ? values.reduce((a, b) => Math.max(a, b - low), 0) || 1 : 255;
  const bytes = Uint8Array.from(values, (v) =>
    Math.min(255, Math.max(0, Math.fround(Math.fround(Math.fround(v - low) / range) * 255))),
  );
  return new Tensor('uint8', shape, bytes);
}

/**
 * Writes a picture as PNG, JPEG or WebP.
 * @param path - `.png`, `.jpg`, `.jpeg` or `.webp`, unless `fileFormat` says what to write
 * @param x - `[height, width, channels]` with 1, 3 or 4 channels; JPEG has no alpha, which is cut off
 * @param options - `scale`: stretches the numbers to 0..255 (default); pass `false` for 0..255 as it is
 * @throws {@link ConfigError} for other endings, {@link DataError} for other shapes
 * @source keras/src/utils/image_utils.py
 */
export async function saveImg(
  path: string,
  x: TensorLike,
  { fileFormat, ...options }: z.input<typeof saveSchema> = {},
): Promise<void> {
  const ending = /\.(png|jpe?g|webp)$/i.exec(path)?.[1]?.toLowerCase();
  const parsed = parseOptions(saveSchema, { fileFormat: fileFormat ?? formats[ending ?? ''] }, 'saveImg');
  if (parsed.fileFormat === undefined) {
    throw new ConfigError(
      `saveImg: expected a path that ends in .png, .jpg or .webp, or fileFormat. Received "${path}".`,
      { argument: 'path', received: path },
    );
  }
  const image = arrayToImg(x, options);
  const [height, width, channels] = image.shape as [number, number, 1 | 3 | 4];
  const sharp = await loadSharp();
  const raw: Sharp = sharp(image.data as Uint8Array, { raw: { height, width, channels } });
  const colored = channels === 1 ? raw.toColourspace('b-w') : raw;
  const opaque = parsed.fileFormat === 'jpeg' ? colored.removeAlpha() : colored;
  await writeFileAtomic(path, await opaque.toFormat(parsed.fileFormat).toBuffer());
}

const formats: Readonly<Record<string, 'png' | 'jpeg' | 'webp'>> = {
  png: 'png',
  jpg: 'jpeg',
  jpeg: 'jpeg',
  webp: 'webp',
};
