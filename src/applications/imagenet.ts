import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { formatType } from '../core/shape.ts';
import { Tensor, type TensorLike, tensor } from '../core/tensor.ts';
import { DataError, ShapeError } from '../errors.ts';

/**
 * How a model takes its pixels: `unit` from -1 to 1; `torch` normalized by ImageNet's mean and deviation;
 * `caffe` blue first, less ImageNet's mean; `raw` as they are.
 */
export type PixelRange = 'unit' | 'torch' | 'caffe' | 'raw';

/** `y = (x[source] - mean) / deviation` for each channel. */
const channels = {
  torch: [
    { source: 0, mean: 0.485 * 255, deviation: 0.229 * 255 },
    { source: 1, mean: 0.456 * 255, deviation: 0.224 * 255 },
    { source: 2, mean: 0.406 * 255, deviation: 0.225 * 255 },
  ],
  caffe: [
    { source: 2, mean: 103.939, deviation: 1 },
    { source: 1, mean: 116.779, deviation: 1 },
    { source: 0, mean: 123.68, deviation: 1 },
  ],
} as const;

/**
 * Pixels from 0 to 255 as a model takes them.
 * @source keras/src/applications/imagenet_utils.py, `preprocess_input`
 */
export function preprocess(pixels: TensorLike, range: PixelRange): Tensor {
  const x = tensor(pixels).cast('float32');
  if (range === 'raw') return x;
  const from = x.data as Float32Array;
  if (range === 'unit')
    return new Tensor(
      'float32',
      x.shape,
      from.map((v) => v / 127.5 - 1),
    );
  if (x.shape.at(-1) !== 3) {
    throw new ShapeError(
      `preprocessInput: expected pixels [..., 3], red first. Received ${formatType(x)}. Repeat the channel of gray pictures.`,
      { op: 'preprocessInput', expected: '[..., 3]', received: formatType(x) },
    );
  }
  const to = new Float32Array(from.length);
  channels[range].forEach(({ source, mean, deviation }, i) => {
    for (let at = 0; at < to.length; at += 3) to[at + i] = ((from[at + source] as number) - mean) / deviation;
  });
  return new Tensor('float32', x.shape, to);
}

/** A class that a model found. */
export interface DecodedPrediction {
  /** Its id in WordNet, e.g. `n02099601`. */
  readonly id: string;
  readonly name: string;
  readonly score: number;
}

const classIndex = deferred(() => z.record(z.string(), z.tuple([z.string(), z.string()])));

/**
 * The likeliest classes of each sample, the best first.
 * @param scores - what a model gave: `[samples, classes]`
 * @param indexFile - a JSON file `{ "0": ["n01440764", "tench"], ... }`: Keras's `imagenet_class_index.json`
 * @param count - how many classes of each sample
 * @throws {@link DataError} when the file does not name every class
 */
export async function decodePredictions(
  scores: TensorLike,
  indexFile: string,
  count = 5,
): Promise<DecodedPrediction[][]> {
  const x = tensor(scores);
  const [samples, classes] = x.shape;
  if (x.rank !== 2 || samples === undefined || classes === undefined) {
    throw new ShapeError(
      `decodePredictions: expected scores [samples, classes]. Received ${formatType(x)}.`,
      {
        op: 'decodePredictions',
        expected: '[samples, classes]',
        received: formatType(x),
      },
    );
  }
  const index = await readIndex(indexFile, classes);
  return Array.from({ length: samples }, (_, sample) =>
    Array.from(x.data.subarray(sample * classes, (sample + 1) * classes), Number)
      .map((score, i) => ({ ...(index[i] as { id: string; name: string }), score }))
      .sort((a, b) => b.score - a.score)
      .slice(0, count),
  );
}

async function readIndex(path: string, classes: number): Promise<{ id: string; name: string }[]> {
  const failed = (why: string, cause?: unknown) =>
    new DataError(
      `${path}: expected a JSON file that names ${classes} classes: { "0": ["id", "name"], ... }. ${why}.`,
      { op: 'decodePredictions', received: why, cause },
    );
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw failed(String(error), error);
  }
  const index = classIndex.safeParse(json);
  if (!index.success) throw failed('Received other JSON');
  return Array.from({ length: classes }, (_, i) => {
    const entry = index.data[String(i)];
    if (entry === undefined) throw failed(`Class ${i} is missing`);
    return { id: entry[0], name: entry[1] };
  });
}
