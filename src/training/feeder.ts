import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { TensorData } from '../core/dtype.ts';
import { inTurns } from '../core/event-loop.ts';
import { Random } from '../core/random.ts';
import { type Cursor, isResumable } from '../core/resumable.ts';
import { formatType } from '../core/shape.ts';
import { anyState, parseState, type State } from '../core/state.ts';
import type { Tensor } from '../core/tensor.ts';
import { ConfigError, DataError } from '../errors.ts';
import {
  type BatchLike,
  type BatchSource,
  batchTypes,
  copyRows,
  type DataSpec,
  type Dataset,
  makeDataset,
  type WeightsLike,
} from './data.ts';
import type { BatchBuffers } from './step.ts';
import type { BatchTypes } from './step-graph.ts';

/** The next batch, not yet copied anywhere. */
export interface Feed {
  readonly types: BatchTypes;
  /** Copies the batch to where a step reads it. */
  fill(target: BatchBuffers): void;
}

/** Gives batches, epoch after epoch. */
export interface Feeder {
  /** Batches in an epoch, where known. */
  readonly steps: number | undefined;
  /** Starts an epoch: at the first sample, or where an epoch of `stepsPerEpoch` batches ended. */
  begin(): Promise<void> | undefined;
  /** Ends the run: the next epoch starts at the first sample; an iterator is closed. */
  end(): void | Promise<void>;
  /** Batches of the same size that are sure to follow the last one given. */
  readonly ahead: number;
  /** The next batch; `undefined` at the end of the data. */
  next(): Feed | undefined | Promise<Feed | undefined>;
  /** Where in the data the next batch is. */
  state(): State;
  /** Goes to such a place. @throws {@link ConfigError} when the data is other than before */
  restore(state: State): void | Promise<void>;
}

const arrayState = deferred(() =>
  z.strictObject({
    samples: z.int(),
    batchSize: z.int(),
    position: z.int(),
    begun: z.boolean(),
    random: z
      .strictObject({
        key: z.tuple([z.number(), z.number()]),
        counter: z.int(),
        spare: z.number().nullable(),
      })
      .nullable(),
  }),
);

/** Batches of data in memory, shuffled anew for every pass. */
export class ArrayFeeder implements Feeder {
  readonly steps: number;
  readonly #data: Dataset;
  readonly #batchSize: number;
  #random: Random | undefined;
  readonly #wraps: boolean;
  readonly #full: BatchTypes;
  readonly #last: BatchTypes;
  #order: Int32Array | undefined;
  /** Where the random numbers were before they gave this order. */
  #before: Random['state'] | undefined;
  #position: number;
  #start = 0;
  readonly #feed: { types: BatchTypes; fill(target: BatchBuffers): void };

  /**
   * @param random - shuffles; in the given order without it
   * @param stepsPerEpoch - epochs of this many batches, going on into the next pass where data ends
   */
  constructor(data: Dataset, batchSize: number, random?: Random, stepsPerEpoch?: number) {
    this.#data = data;
    this.#batchSize = batchSize;
    this.#random = random;
    this.#wraps = stepsPerEpoch !== undefined;
    this.steps = stepsPerEpoch ?? Math.ceil(data.size / batchSize);
    this.#full = batchTypes(data, Math.min(batchSize, data.size));
    const rest = data.size % batchSize;
    this.#last = rest === 0 || data.size < batchSize ? this.#full : batchTypes(data, rest);
    this.#position = data.size;
    this.#feed = { types: this.#full, fill: (target) => this.#fill(target) };
  }

  get ahead(): number {
    return Math.floor((this.#data.size - this.#position) / this.#batchSize);
  }

  begin(): Promise<void> | undefined {
    return this.#wraps && this.#position < this.#data.size ? undefined : this.#newPass();
  }

  end(): void {
    this.#position = this.#data.size;
  }

  next(): Feed | undefined | Promise<Feed> {
    if (this.#position >= this.#data.size) {
      if (!this.#wraps) return undefined;
      const shuffling = this.#newPass();
      if (shuffling !== undefined) return shuffling.then(() => this.#take());
    }
    return this.#take();
  }

  #take(): Feed {
    const size = Math.min(this.#batchSize, this.#data.size - this.#position);
    this.#start = this.#position;
    this.#position += size;
    this.#feed.types = size === this.#batchSize ? this.#full : this.#last;
    return this.#feed;
  }

  state(): State {
    const random = this.#before ?? this.#random?.state;
    return {
      samples: this.#data.size,
      batchSize: this.#batchSize,
      position: this.#position,
      begun: this.#before !== undefined,
      random: random ? { ...random } : null,
    };
  }

  async restore(state: State): Promise<void> {
    const { samples, batchSize, position, begun, random } = parseState(arrayState, state, 'data');
    if (samples !== this.#data.size || batchSize !== this.#batchSize || !random !== !this.#random) {
      throw changedData(
        describe(samples, batchSize, random !== null),
        describe(this.#data.size, this.#batchSize, this.#random !== undefined),
      );
    }
    this.#random = random === null ? undefined : Random.at(random);
    if (begun) await this.#newPass();
    this.#position = position;
  }

  /** @returns what to wait for where there is something to shuffle */
  #newPass(): Promise<void> | undefined {
    this.#position = 0;
    this.#before = this.#random?.state;
    return this.#random && this.#shuffle(this.#random);
  }

  async #shuffle(random: Random): Promise<void> {
    this.#order = await inTurns(random.permuting(this.#data.size));
  }

  #fill(target: BatchBuffers): void {
    const [start, order] = [this.#start, this.#order];
    copyBatch(this.#data, target, (from, to) => copyRows(from, order, start, target.size, to));
  }
}

const describe = (samples: number, batchSize: number, shuffled: boolean): string =>
  `${samples} samples in batches of ${batchSize}, ${shuffled ? 'shuffled' : 'in order'}`;

const changedData = (before: string, now: string): ConfigError =>
  new ConfigError(
    `fit: the checkpoint was made with ${before}. Received ${now}. ` +
      'Give the same data, or begin anew without the checkpoint.',
    { argument: 'x', expected: before, received: now },
  );

type BatchIterator = Iterator<BatchLike> | AsyncIterator<BatchLike> | Cursor<BatchLike>;
const placeState = deferred(() => z.strictObject({ at: anyState }));
const streamState = deferred(() =>
  z.strictObject({
    given: z.int(),
    passes: z.int().nullable(),
    source: anyState.nullable(),
  }),
);

/** Batches from an iterable of the user's. */
export class StreamFeeder implements Feeder {
  readonly steps: number | undefined;
  /** What an iterable will give is not known before. */
  readonly ahead = 0;
  readonly #source: BatchSource;
  readonly #spec: DataSpec;
  readonly #types = new Map<string, BatchTypes>();
  #iterator: BatchIterator | undefined;
  /** The iterator, where the source knows its place. */
  #cursor: Cursor<BatchLike> | undefined;
  #given = 0;
  /** Batches given in this pass. */
  #inPass = 0;

  constructor(source: BatchSource, spec: DataSpec, stepsPerEpoch?: number) {
    this.#source = source;
    this.#spec = spec;
    this.steps = stepsPerEpoch;
  }

  begin(): undefined {
    if (this.steps !== undefined) return;
    this.#iterator = undefined;
    this.#inPass = 0;
  }

  async end(): Promise<void> {
    await this.#iterator?.return?.();
    this.#iterator = undefined;
    this.#inPass = 0;
  }

  async next(): Promise<Feed | undefined> {
    const fresh = this.#iterator === undefined;
    this.#iterator ??= this.#open();
    const { done, value } = await this.#iterator.next();
    if (done) {
      this.#iterator = undefined;
      this.#inPass = 0;
      if (fresh) throw this.#given > 0 ? exhausted() : noBatches();
      return this.steps === undefined ? undefined : this.next();
    }
    this.#given++;
    this.#inPass++;
    return this.#feed(value, this.#cursor);
  }

  state(): State {
    const source = this.#source;
    if (!isResumable(source)) return { given: this.#inPass, passes: null, source: null };
    const place = this.#iterator === undefined ? undefined : this.#cursor?.state();
    return { given: 0, passes: source.passes, source: place === undefined ? null : { at: place } };
  }

  async restore(state: State): Promise<void> {
    const { given, passes, source: place } = parseState(streamState, state, 'data');
    const source = this.#source;
    if (!isResumable(source) || passes === null) {
      if (isResumable(source) !== (passes !== null))
        throw changedData('another kind of iterable', 'this one');
      return this.#skip(given);
    }
    source.passes = passes;
    if (place === null) return;
    source.passes--;
    this.#iterator = this.#open();
    await this.#cursor?.restore(parseState(placeState, place, 'data').at);
  }

  /** Goes to a place in an iterable that knows none: through the batches before it. */
  async #skip(count: number): Promise<void> {
    if (count > 0) this.#iterator = this.#open();
    for (; this.#inPass < count; this.#inPass++) {
      if ((await this.#iterator?.next())?.done)
        throw changedData(`at least ${count} batches`, `${this.#inPass}`);
    }
  }

  #open(): BatchIterator {
    const source = this.#source;
    if (isResumable<BatchLike>(source)) {
      this.#cursor = source.open();
      return this.#cursor;
    }
    return Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  }

  #feed(batch: BatchLike, cursor: Cursor<BatchLike> | undefined): Feed {
    if (!Array.isArray(batch)) {
      throw new DataError(
        'An iterable of batches must give [x, y] or [x, y, sampleWeight]; use [x] for predictions.',
        {
          received: typeof batch,
        },
      );
    }
    const [x, y, weights] = batch as readonly [
      BatchLike[0],
      BatchLike[0] | undefined,
      WeightsLike | undefined,
    ];
    const data = makeDataset(this.#spec, x, y, weights);
    const types = this.#canonical(batchTypes(data, data.size));
    return {
      types,
      fill: (target) => {
        copyBatch(data, target, (from, to) => copyRows(from, undefined, 0, data.size, to));
        cursor?.recycle?.(batch);
      },
    };
  }

  /** One object per distinct batch shape, so that steps are found by identity. */
  #canonical(types: BatchTypes): BatchTypes {
    const key = typesKey(types);
    const known = this.#types.get(key) ?? types;
    this.#types.set(key, known);
    return known;
  }
}

/** Copies each tensor of a data set into the buffer that stands for it. */
function copyBatch(data: Dataset, target: BatchBuffers, copy: (from: Tensor, to: TensorData) => void): void {
  for (let i = 0; i < target.x.length; i++) copy(data.x[i] as Tensor, target.x[i] as TensorData);
  for (let i = 0; i < target.y.length; i++) copy(data.y[i] as Tensor, target.y[i] as TensorData);
  for (let i = 0; i < target.sampleWeights.length; i++) {
    copy(data.weights[target.weightedOutputs[i] as number] as Tensor, target.sampleWeights[i] as TensorData);
  }
}

/** Text that is equal for equal batch types. */
export const typesKey = ({ x, y, weights }: BatchTypes): string =>
  [x.map(formatType), y.map(formatType), weights.map((t) => (t ? formatType(t) : '-'))]
    .map((l) => l.join(' '))
    .join(' | ');

const noBatches = (): DataError =>
  new DataError('The iterable of batches gave none. Expected at least one [x, y].', { argument: 'x' });

const exhausted = (): ConfigError =>
  new ConfigError(
    'The data ran out: an iterator can be read only once. Give an iterable that starts anew for each epoch ' +
      '(an object with [Symbol.asyncIterator]), or set stepsPerEpoch.',
    { argument: 'x' },
  );
