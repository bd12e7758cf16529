import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline as through } from 'node:stream/promises';
import { concatenateRows, Tensor } from '../core/tensor.ts';
import { type LabelledFile, labelledBatches } from '../data/directory.ts';
import { readPicture } from '../data/image-directory.ts';
import type { Pipeline } from '../data/pipeline.ts';
import { DataError } from '../errors.ts';
import { ioError } from '../formats/atomic.ts';
import { weightsOfClasses } from '../training/data.ts';
import type { ImagesSource } from './images.ts';
import type { Samples } from './sources.ts';

/** How pictures come. */
export interface PictureBatches {
  readonly batchSize: number;
  /** Of the orders, another one for every pass; the given order without it. */
  readonly seed?: number | undefined;
  readonly classWeight?: Readonly<Record<number, number>> | undefined;
}

/** Batches `[pictures, classes]`, or `[pictures, classes, weights]`. */
export type PicturePipeline = Pipeline<[Tensor, Tensor] | [Tensor, Tensor, Tensor]>;

/** Pictures with the numbers of their classes, read when they are needed: there may be more of them than memory holds. */
export class PictureFiles {
  readonly classNames: readonly string[];
  readonly #files: readonly LabelledFile[];
  readonly #source: ImagesSource;

  constructor(source: ImagesSource, classNames: readonly string[], files: readonly LabelledFile[]) {
    this.classNames = classNames;
    this.#files = files;
    this.#source = source;
  }

  get count(): number {
    return this.#files.length;
  }

  /** `[height, width, channels]` */
  get shape(): readonly number[] {
    const { imageSize, colorMode } = this.#source;
    return [...imageSize, { grayscale: 1, rgb: 3, rgba: 4 }[colorMode]];
  }

  /** Bytes of all pictures as numbers. */
  get bytes(): number {
    return this.count * this.shape.reduce((a, b) => a * b, 4);
  }

  /** The classes of the pictures, int32. */
  get labels(): Tensor {
    return new Tensor(
      'int32',
      [this.count],
      Int32Array.from(this.#files, ({ label }) => label),
    );
  }

  /** The pictures from one on, up to another. */
  slice(from: number, to: number): PictureFiles {
    return this.#with(this.#files.slice(from, to));
  }

  /** The pictures whose numbers are given, in that order. */
  take(rows: Int32Array): PictureFiles {
    return this.#with(Array.from(rows, (row) => this.#files[row] as LabelledFile));
  }

  /** With class numbers as in `names`. @param numbers - new number by old one */
  renumbered(names: readonly string[], numbers: readonly number[]): PictureFiles {
    const files = this.#files.map(({ path, label }) => ({ path, label: numbers[label] as number }));
    return new PictureFiles(this.#source, names, files);
  }

  #with(files: readonly LabelledFile[]): PictureFiles {
    return new PictureFiles(this.#source, this.classNames, files);
  }

  /** The pictures in batches; the next ones are read while one is used. */
  batches({ batchSize, seed, classWeight }: PictureBatches): PicturePipeline {
    const { images, onCorrupt } = this.#source;
    const order = { shuffle: seed !== undefined, seed, labelMode: 'int', batchSize, onCorrupt } as const;
    const read = (path: string): Promise<Tensor> => readPicture(path, this.#source);
    const list = { classNames: this.classNames, files: this.#files };
    const batches = labelledBatches(images, list, order, read) as Pipeline<[Tensor, Tensor]>;
    return classWeight
      ? batches.map(([x, y]) => [x, y, weightsOfClasses([y], classWeight)[0] as Tensor])
      : batches;
  }

  /** One picture, `[height, width, channels]`. */
  picture(row: number): Promise<Tensor> {
    return readPicture((this.#files[row] as LabelledFile).path, this.#source);
  }

  /** All pictures in memory. */
  async load(): Promise<Samples> {
    const parts = await this.batches({ batchSize: 32 }).toArray();
    if (parts.length === 0) {
      throw new DataError(`${this.#source.images}: none of ${this.count} pictures can be read.`);
    }
    const all = (at: 0 | 1, { dtype, shape }: Tensor): Tensor =>
      concatenateRows(
        { dtype, shape },
        parts.map((batch) => batch[at].data),
      );
    const [x, y] = parts[0] as [Tensor, Tensor];
    return { x: all(0, x), y: all(1, y), classNames: this.classNames };
  }

  /** SHA-256 of the files and classes. */
  async hash(): Promise<string> {
    const hash = createHash('sha256');
    for (const { path, label } of this.#files) {
      hash.update(`${label}:`);
      await through(createReadStream(path), async (pieces) => {
        for await (const piece of pieces) hash.update(piece);
      }).catch((error: unknown) => {
        throw ioError(error, path, 'read');
      });
    }
    return hash.digest('hex');
  }
}
