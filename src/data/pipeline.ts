import type * as z from 'zod';
import { parseOptions } from '../core/configured.ts';
import type { Cursor, MaybePromise, ResumableSource } from '../core/resumable.ts';
import { nextRandom } from '../core/seed.ts';
import { ConfigError } from '../errors.ts';
import { type Batched, batchStage, bucketStage } from './batch.ts';
import { cacheStage } from './cache.ts';
import { interleaveStage } from './interleave.ts';
import {
  batchSchema,
  bucketSchema,
  countSchema,
  interleaveSchema,
  mapModuleSchema,
  mapSchema,
  paddedBatchSchema,
  shuffleSchema,
} from './options.ts';
import { shuffleStage } from './shuffle.ts';
import type { Stage } from './stage.ts';
import {
  filterStage,
  type MapFunction,
  mapStage,
  parallelMapStage,
  prefetchStage,
  repeatStage,
  skipStage,
  takeStage,
} from './transform.ts';
import { moduleFunction } from './workers.ts';
import { type Zipped, zipStage } from './zip.ts';

/**
 * Elements that are made when they are asked for, and methods that give further pipelines. A pipeline can be gone
 * through again and again, and its place is part of a checkpoint of `fit`.
 *
 * Everything random in it follows from the seed of each stage and the number of the pass: a run that is resumed sees
 * the same elements in the same order.
 */
export class Pipeline<T> implements ResumableSource<T>, AsyncIterable<T> {
  /** Passes begun so far. */
  passes = 0;
  readonly #stage: Stage<T>;

  constructor(stage: Stage<T>) {
    this.#stage = stage;
  }

  /** Elements in a pass; `Infinity` for endless ones, `undefined` where it shows only on the way. */
  get size(): number | undefined {
    return this.#stage.size;
  }

  /** Begins the next pass. */
  open(): Cursor<T> {
    return this.#stage.open(this.passes++);
  }

  [Symbol.asyncIterator](): AsyncIterator<T, undefined> {
    const cursor = this.open();
    return {
      next: async () => {
        try {
          return await cursor.next();
        } catch (error) {
          await cursor.return(); // after an error nobody asks for that
          throw error;
        }
      },
      return: async () => {
        await cursor.return();
        return { done: true, value: undefined };
      },
    };
  }

  /**
   * Elements of several pipelines side by side: a list for a list of pipelines, a record for a record. Ends with the
   * shortest.
   * @example `tfk.data.zip([await tfk.data.npyRows('x.npy'), await tfk.data.npyRows('y.npy')])`
   */
  static zip<const P extends Pipelines>(pipelines: P): Pipeline<Zipped<P>> {
    const names = Object.keys(pipelines);
    const stages = Object.values<Pipeline<unknown>>(pipelines).map((pipeline) => pipeline.#stage);
    const join = (parts: readonly unknown[]): unknown =>
      Array.isArray(pipelines) ? parts : Object.fromEntries(parts.map((part, i) => [names[i], part]));
    return new Pipeline(zipStage(stages, join as (parts: readonly unknown[]) => Zipped<P>));
  }

  /** All elements of a pass. Take care with large data. */
  async toArray(): Promise<T[]> {
    const elements: T[] = [];
    for await (const element of this) elements.push(element);
    return elements;
  }

  /**
   * `f` of each element, which may be async.
   * @param options - `parallel`: calls under way at once (the order stays); `seed`: of the random numbers that `f` is given
   */
  map<U>(f: MapFunction<T, U>, options?: z.input<typeof mapSchema>): Pipeline<U>;
  /**
   * A module's function of each element, called in other threads. Elements go there and back as copies.
   * @param module - URL of the module; a function itself cannot go to another thread
   * @param options - `workers`: threads, 0 for none but this one; `name` of the export, `default` by default; `parallel`:
   * elements under way at once, two for each thread by default; `seed`
   * @throws {@link DataError} on the way, naming the element, when the function throws or its thread dies
   * @example `pipeline.map(new URL('./augment.js', import.meta.url), { workers: 2 })`
   */
  map<U>(module: URL, options?: z.input<typeof mapModuleSchema>): Pipeline<U>;
  map<U>(f: MapFunction<T, U> | URL, options: object = {}): Pipeline<U> {
    if (f instanceof URL) return this.#mapModule(f, parseOptions(mapModuleSchema, options, 'map'));
    if ('workers' in options) {
      throw new ConfigError(
        'map: a function cannot go to worker threads. Put it into a module of its own and give its URL: ' +
          "map(new URL('./module.js', import.meta.url), { workers }).",
        { argument: 'workers', expected: 'a URL', received: 'a function' },
      );
    }
    const { parallel, seed = drawSeed() } = parseOptions(mapSchema, options, 'map');
    return new Pipeline(
      parallel > 1 ? parallelMapStage(this.#stage, f, seed, parallel) : mapStage(this.#stage, f, seed),
    );
  }

  #mapModule<U>(module: URL, options: z.output<typeof mapModuleSchema>): Pipeline<U> {
    const { workers, name, parallel = 2 * workers, seed = drawSeed() } = options;
    const f = moduleFunction<T, U>({ module, name }, workers);
    return new Pipeline(parallelMapStage(this.#stage, f, seed, Math.max(1, parallel)));
  }

  /** The elements that `keep` accepts. */
  filter(keep: (element: T) => MaybePromise<boolean>): Pipeline<T> {
    return new Pipeline(filterStage(this.#stage, keep));
  }

  /**
   * Elements in random order: each is drawn from a buffer that is filled up from the data. A buffer as large as the data
   * gives every order alike. Checkpoints hold the buffer.
   * @param options - `seed`; `reshuffle`: another order for every pass, by default
   */
  shuffle(bufferSize: number, options: z.input<typeof shuffleSchema> = {}): Pipeline<T> {
    const { seed = drawSeed(), reshuffle } = parseOptions(shuffleSchema, options, 'shuffle');
    return new Pipeline(shuffleStage(this.#stage, count(bufferSize, 'shuffle'), seed, reshuffle));
  }

  /** Elements in batches: tensors get a first axis, records and lists go by their parts. The last one may be smaller. */
  batch(size: number, options: z.input<typeof batchSchema> = {}): Pipeline<Batched<T>> {
    const settings = { size: count(size, 'batch'), ...parseOptions(batchSchema, options, 'batch') };
    return new Pipeline(batchStage(this.#stage, settings));
  }

  /**
   * {@link batch} of tensors of different sizes, padded to the largest.
   * @param options - `value` to pad with (0); `shape` to pad to, for tensors of that rank, `null` being the largest
   */
  paddedBatch(size: number, options: z.input<typeof paddedBatchSchema> = {}): Pipeline<Batched<T>> {
    const { dropRemainder, value, shape } = parseOptions(paddedBatchSchema, options, 'paddedBatch');
    const settings = { size: count(size, 'paddedBatch'), dropRemainder, padding: { value, shape } };
    return new Pipeline(batchStage(this.#stage, settings));
  }

  /**
   * Padded batches of elements of similar length, so that little is padded.
   * @param length - of an element
   * @param options - `boundaries`: upper ends (exclusive) of the buckets, in order; `batchSizes`: one more than these;
   * `padToBoundary`: pads to the longest that the bucket may hold, which keeps the shapes few
   */
  bucketByLength(
    length: (element: T) => number,
    options: z.input<typeof bucketSchema>,
  ): Pipeline<Batched<T>> {
    const { boundaries, batchSizes, dropRemainder, value, padToBoundary } = parseOptions(
      bucketSchema,
      options,
      'bucketByLength',
    );
    if (batchSizes.length !== boundaries.length + 1) {
      throw new ConfigError(
        `bucketByLength: expected ${boundaries.length + 1} batchSizes for ${boundaries.length} boundaries. ` +
          `Received ${batchSizes.length}. The last one is for elements beyond all boundaries.`,
        { argument: 'batchSizes' },
      );
    }
    const settings = {
      length,
      boundaries,
      sizes: batchSizes,
      dropRemainder,
      padding: { value },
      padToBoundary,
    };
    return new Pipeline(bucketStage(this.#stage, settings));
  }

  /**
   * Elements of several pipelines in turn, one pipeline for each element.
   * @param options - `cycleLength`: pipelines open at once; `blockLength`: elements of one before the next one's turn
   */
  interleave<U>(
    make: (element: T) => Pipeline<U>,
    options: z.input<typeof interleaveSchema> = {},
  ): Pipeline<U> {
    const settings = parseOptions(interleaveSchema, options, 'interleave');
    return new Pipeline(interleaveStage(this.#stage, (element) => make(element).#stage, settings));
  }

  /** All passes as one: `times` of them, or without end. */
  repeat(times = Number.POSITIVE_INFINITY): Pipeline<T> {
    if (times !== Number.POSITIVE_INFINITY) count(times, 'repeat');
    return new Pipeline(repeatStage(this.#stage, times));
  }

  /** The first elements. */
  take(elements: number): Pipeline<T> {
    return new Pipeline(takeStage(this.#stage, count(elements, 'take')));
  }

  /** All but the first elements. */
  skip(elements: number): Pipeline<T> {
    return new Pipeline(skipStage(this.#stage, count(elements, 'skip')));
  }

  /**
   * Keeps the elements of the first pass for later ones: what is before is made once.
   * @param path - file to keep them in, also for later runs; memory by default
   */
  cache(path?: string): Pipeline<T> {
    return new Pipeline(cacheStage(this.#stage, path));
  }

  /** Makes the next elements while the ones before are used. */
  prefetch(elements: number): Pipeline<T> {
    return new Pipeline(prefetchStage(this.#stage, count(elements, 'prefetch')));
  }
}

/** A list or record of pipelines. */
export type Pipelines = readonly Pipeline<unknown>[] | Readonly<Record<string, Pipeline<unknown>>>;

/** Elements of several pipelines side by side. @see {@link Pipeline.zip} */
export const zip = Pipeline.zip;

/** A seed that follows from the global one. */
const drawSeed = (): number => nextRandom().bits();

const count = (value: number, where: string): number =>
  parseOptions(countSchema, { count: value }, where).count;
