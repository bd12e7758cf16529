import * as z from 'zod';
import { allocate, type TensorData } from '../core/dtype.ts';
import { type Cursor, done } from '../core/resumable.ts';
import { formatType, type Shape, sameShape, sizeOf } from '../core/shape.ts';
import { anyState, parseState, type State } from '../core/state.ts';
import { Tensor, tensor } from '../core/tensor.ts';
import { DataError } from '../errors.ts';
import { Follower, type Item, type Stage } from './stage.ts';

/** Samples in one: tensors and numbers get a batch axis, texts become a list; records and tuples go by their parts. */
export type Batched<T> = T extends string
  ? string[]
  : T extends Tensor | TensorData | number | boolean | bigint
    ? Tensor
    : T extends readonly unknown[]
      ? { -readonly [K in keyof T]: Batched<T[K]> }
      : T extends object
        ? { [K in keyof T]: Batched<T[K]> }
        : never;

/** How tensors of different shapes are brought to one. */
export interface Padding {
  readonly value: number;
  /** Sizes to pad to, for tensors of their rank; `null` is the largest of the batch. */
  readonly shape?: readonly (number | null)[] | undefined;
}

/**
 * Samples as one batch.
 * @param spare - a batch that is no longer used, for its memory
 * @throws {@link DataError} when their forms, element types or (without `padding`) shapes differ
 */
export const collate = <T>(samples: readonly T[], padding?: Padding, spare?: unknown): Batched<T> =>
  collateAny(samples, padding, 'sample', spare) as Batched<T>;

function collateAny(
  samples: readonly unknown[],
  padding: Padding | undefined,
  where: string,
  spare: unknown,
): unknown {
  const [first] = samples;
  if (typeof first === 'string') {
    if (samples.every((s) => typeof s === 'string')) return [...samples];
    throw mixed(where, samples);
  }
  if (isLeaf(first)) {
    return stack(
      samples.map((s) => {
        if (isLeaf(s)) return tensorOf(s);
        throw mixed(where, samples);
      }),
      padding,
      where,
      spare,
    );
  }
  if (Array.isArray(first)) {
    if (!samples.every((s) => Array.isArray(s) && s.length === first.length)) throw mixed(where, samples);
    const lists = samples as readonly (readonly unknown[])[];
    return first.map((_, i) =>
      collateAny(
        lists.map((s) => s[i]),
        padding,
        `${where}[${i}]`,
        partOf(spare, i),
      ),
    );
  }
  if (!samples.every(isRecord)) throw mixed(where, samples);
  return Object.fromEntries(
    Object.keys(first as object).map((key) => [
      key,
      collateAny(
        samples.map((s) => s[key]),
        padding,
        `${where}.${key}`,
        partOf(spare, key),
      ),
    ]),
  );
}

const partOf = (batch: unknown, key: string | number): unknown =>
  typeof batch === 'object' ? (batch as Readonly<Record<string, unknown>> | null)?.[key] : undefined;

type Leaf = Tensor | TensorData | number | boolean | bigint;

const isLeaf = (value: unknown): value is Leaf =>
  value instanceof Tensor ||
  ArrayBuffer.isView(value) ||
  typeof value === 'number' ||
  typeof value === 'boolean' ||
  typeof value === 'bigint';

const tensorOf = (value: Leaf): Tensor => (value instanceof Tensor ? value : tensor(value));

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function stack(
  tensors: readonly Tensor[],
  padding: Padding | undefined,
  where: string,
  spare: unknown,
): Tensor {
  const first = tensors[0] as Tensor;
  const shape = padding ? paddedShape(tensors, padding, where) : first.shape;
  const size = sizeOf(shape);
  const count = tensors.length * size;
  const reused = !padding && spare instanceof Tensor && spare.dtype === first.dtype && spare.size === count;
  const data = (reused ? spare.data : allocate(first.dtype, count)) as Float32Array;
  if (padding && padding.value !== 0) data.fill(padding.value);
  for (const [i, t] of tensors.entries()) {
    if (t.dtype !== first.dtype || !(padding || sameShape(t.shape, shape)))
      throw unlike(where, first, t, padding);
    if (sameShape(t.shape, shape)) data.set(t.data as Float32Array, i * size);
    else copyInto(data, i * size, shape, t);
  }
  return new Tensor(first.dtype, [tensors.length, ...shape], data);
}

function paddedShape(tensors: readonly Tensor[], { shape }: Padding, where: string): Shape {
  const first = tensors[0] as Tensor;
  const wanted = shape?.length === first.rank ? shape : [];
  return first.shape.map((_, axis) => {
    let largest = wanted[axis] ?? 0;
    for (const t of tensors) {
      if (t.rank !== first.rank) throw unlike(where, first, t, { value: 0 });
      const n = t.shape[axis] as number;
      if (wanted[axis] !== undefined && wanted[axis] !== null && n > largest) {
        throw new DataError(
          `${where}: expected at most ${largest} along axis ${axis}, to be padded to. Received ${formatType(t)}.`,
          { expected: `at most ${largest}`, received: formatType(t) },
        );
      }
      largest = Math.max(largest, n);
    }
    return largest;
  });
}

/** Copies a tensor into the corner of a larger one, row by row. */
function copyInto(target: Float32Array, offset: number, shape: Shape, t: Tensor): void {
  const row = t.shape.at(-1) ?? 1;
  const outer = t.shape.slice(0, -1);
  const source = t.data as Float32Array;
  for (let r = 0; r < sizeOf(outer); r++) {
    let [rest, at, stride] = [r, 0, shape.at(-1) ?? 1];
    for (let axis = outer.length - 1; axis >= 0; axis--) {
      at += (rest % (outer[axis] as number)) * stride;
      rest = Math.floor(rest / (outer[axis] as number));
      stride *= shape[axis] as number;
    }
    target.set(source.subarray(r * row, (r + 1) * row), offset + at);
  }
}

const mixed = (where: string, samples: readonly unknown[]): DataError =>
  new DataError(
    `batch: ${where} has other forms in one batch: ${[...new Set(samples.map(formOf))].join(', ')}. ` +
      'Bring all samples to one form with map().',
    { argument: where },
  );

const formOf = (value: unknown): string =>
  Array.isArray(value) ? `list of ${value.length}` : isLeaf(value) ? 'tensor' : typeof value;

const unlike = (where: string, a: Tensor, b: Tensor, padding?: Padding): DataError =>
  new DataError(
    `batch: ${where} is ${formatType(a)} in one sample and ${formatType(b)} in another. ` +
      (padding || a.dtype !== b.dtype
        ? 'Bring them to one type and rank with map().'
        : 'Bring them to one shape with map(), or use paddedBatch().'),
    { argument: where, expected: formatType(a), received: formatType(b) },
  );

/** How a cursor makes batches. */
export interface BatchSettings {
  readonly size: number;
  readonly dropRemainder: boolean;
  readonly padding?: Padding | undefined;
}

class BatchCursor<T> extends Follower<T, Batched<T>> {
  readonly #settings: BatchSettings;
  /** What batches were made of, as long as they are used. */
  readonly #samples = new WeakMap<object, readonly T[]>();
  #spare: Batched<T> | undefined;

  constructor(inner: Cursor<T>, settings: BatchSettings) {
    super(inner);
    this.#settings = settings;
  }

  override async next(): Promise<Item<Batched<T>>> {
    const { size, dropRemainder, padding } = this.#settings;
    const samples: T[] = [];
    while (samples.length < size) {
      let item = this.inner.next();
      if (item instanceof Promise) item = await item;
      if (item.done) break;
      samples.push(item.value);
    }
    if (samples.length === 0 || (dropRemainder && samples.length < size)) return done;
    const spare = this.#spare;
    this.#spare = undefined;
    const value = collate(samples, padding, spare);
    this.#samples.set(value, samples);
    return { done: false, value };
  }

  /** Samples follow their batch, no sooner: a place in the data before it may name them. */
  recycle(batch: Batched<T>): void {
    this.#spare = batch;
    for (const sample of this.#samples.get(batch) ?? []) this.inner.recycle?.(sample);
    this.#samples.delete(batch);
  }
}

export const batchStage = <T>(inner: Stage<T>, settings: BatchSettings): Stage<Batched<T>> => ({
  size:
    inner.size === undefined
      ? undefined
      : (settings.dropRemainder ? Math.floor : Math.ceil)(inner.size / settings.size),
  open: (pass) => new BatchCursor(inner.open(pass), settings),
});

/** How samples are sorted into buckets. */
export interface BucketSettings<T> {
  readonly length: (sample: T) => number;
  /** Bucket i holds lengths below `boundaries[i]`; the last one all longer ones. */
  readonly boundaries: readonly number[];
  readonly sizes: readonly number[];
  readonly dropRemainder: boolean;
  readonly padding: Padding;
  /** Pads to the longest that the bucket may hold, less one sample of it; the last one to its longest sample. */
  readonly padToBoundary: boolean;
}

const bucketState = z.array(z.array(anyState));

class BucketCursor<T> extends Follower<T, Batched<T>> {
  readonly #settings: BucketSettings<T>;
  #buckets: T[][];

  constructor(inner: Cursor<T>, settings: BucketSettings<T>) {
    super(inner);
    this.#settings = settings;
    this.#buckets = settings.sizes.map(() => []);
  }

  override async next(): Promise<Item<Batched<T>>> {
    const { boundaries, length, sizes, dropRemainder } = this.#settings;
    for (;;) {
      const item = await this.inner.next();
      if (item.done) break;
      const above = boundaries.findIndex((boundary) => length(item.value) < boundary);
      const which = above < 0 ? boundaries.length : above;
      const bucket = this.#buckets[which] as T[];
      bucket.push(item.value);
      if (bucket.length === sizes[which]) return this.#give(which);
    }
    const left = dropRemainder ? -1 : this.#buckets.findIndex((bucket) => bucket.length > 0);
    return left < 0 ? done : this.#give(left);
  }

  #give(which: number): Item<Batched<T>> {
    const samples = this.#buckets[which] as T[];
    this.#buckets[which] = [];
    const { boundaries, padding, padToBoundary } = this.#settings;
    const boundary = boundaries[which];
    const longest = padToBoundary && boundary !== undefined ? { ...padding, shape: [boundary - 1] } : padding;
    return { done: false, value: collate(samples, longest) };
  }

  protected override ownState(): State {
    return this.#buckets.map((bucket) => [...bucket] as State[]);
  }

  protected override restoreOwn(state: State): void {
    this.#buckets = parseState(bucketState, state, 'data: bucketByLength') as T[][];
  }
}

export const bucketStage = <T>(inner: Stage<T>, settings: BucketSettings<T>): Stage<Batched<T>> => ({
  size: undefined,
  open: (pass) => new BucketCursor(inner.open(pass), settings),
});
