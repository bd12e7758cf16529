import { Tensor, type TensorLike, tensor } from '../core/tensor.ts';
import { DataError } from '../errors.ts';
import { Pipeline } from './pipeline.ts';
import { CountingCursor, IndexedCursor } from './stage.ts';

/** Arrays in the form that samples shall have: a tensor, or a list or record of such. */
export type Arrays =
  | Exclude<TensorLike, readonly unknown[]>
  | readonly string[]
  | readonly Arrays[]
  | { readonly [key: string]: Arrays };

/** One sample of arrays. */
export type SampleOf<A> = A extends Tensor | ArrayBufferView
  ? Tensor
  : A extends readonly string[]
    ? string
    : A extends readonly unknown[]
      ? { -readonly [K in keyof A]: SampleOf<A[K]> }
      : A extends object
        ? { [K in keyof A]: SampleOf<A[K]> }
        : never;

/**
 * The samples of arrays in memory, each without the first axis.
 * @param arrays - a tensor, typed array or list of texts; or a list or record of these, with as many samples each
 * @throws {@link DataError} when they differ in the number of samples
 * @example `tfk.data.fromArrays([x, y]).shuffle(1000).batch(32)` gives what `fit` takes
 */
export function fromArrays<const A extends Arrays>(arrays: A): Pipeline<SampleOf<A>> {
  const { size, get } = samplesOf(arrays);
  return new Pipeline({
    size,
    open: () => new IndexedCursor(size, (index) => get(index) as SampleOf<A>),
  });
}

interface Samples {
  readonly size: number;
  get(index: number): unknown;
}

/** Samples by number, of any of the forms. */
export function samplesOf(arrays: Arrays): Samples {
  if (isTexts(arrays)) return { size: arrays.length, get: (index) => arrays[index] };
  if (arrays instanceof Tensor || ArrayBuffer.isView(arrays)) return rowsOf(tensor(arrays as TensorLike));
  if (Array.isArray(arrays)) {
    const parts = arrays.map(samplesOf);
    return { size: commonSize(parts), get: (index) => parts.map((part) => part.get(index)) };
  }
  if (typeof arrays !== 'object' || arrays === null) {
    throw new DataError(
      `fromArrays: expected tensors, typed arrays or lists of texts. Received ${typeof arrays}.`,
      {
        received: typeof arrays,
      },
    );
  }
  const parts = Object.entries(arrays).map(([key, value]) => [key, samplesOf(value)] as const);
  return {
    size: commonSize(parts.map(([, part]) => part)),
    get: (index) => Object.fromEntries(parts.map(([key, part]) => [key, part.get(index)])),
  };
}

const isTexts = (arrays: Arrays): arrays is readonly string[] =>
  Array.isArray(arrays) && typeof arrays[0] === 'string';

function rowsOf(t: Tensor): Samples {
  if (t.rank === 0)
    throw new DataError('fromArrays: expected a first axis for the samples. Received a number.');
  const shape = t.shape.slice(1);
  const row = t.size / Math.max(1, t.shape[0] as number);
  return {
    size: t.shape[0] as number,
    get: (index) => new Tensor(t.dtype, shape, t.data.subarray(index * row, (index + 1) * row)),
  };
}

function commonSize(parts: readonly Samples[]): number {
  const size = parts[0]?.size ?? 0;
  const other = parts.find((part) => part.size !== size);
  if (other === undefined) return size;
  throw new DataError(
    `fromArrays: expected as many samples in each array. Received ${parts.map((p) => p.size).join(' and ')}.`,
    { expected: `${size} samples`, received: `${other.size} samples` },
  );
}

/**
 * Elements of a generator, which is called anew for every pass. To find a place again the pass is gone through once
 * more, so the generator must give the same elements each time it is called with the same number.
 * @param generate - is given the number of the pass
 * @param options - `size`: elements in a pass, where that is known
 */
export function fromGenerator<T>(
  generate: (pass: number) => Iterable<T> | AsyncIterable<T>,
  { size }: { readonly size?: number } = {},
): Pipeline<T> {
  return new Pipeline({ size, open: (pass) => new CountingCursor(generate(pass)) });
}

/** The whole numbers from 0 below `count`. */
export const range = (count: number): Pipeline<number> =>
  new Pipeline({ size: count, open: () => new IndexedCursor(count, (index) => index) });
