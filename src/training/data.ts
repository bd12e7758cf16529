import { isBig, isFloat, type TensorData } from '../core/dtype.ts';
import { yieldToEventLoop } from '../core/event-loop.ts';
import { unknownName } from '../core/registry.ts';
import { formatShape, type PartialShape, sizeOf, type TensorType } from '../core/shape.ts';
import { Tensor, type TensorLike, tensor } from '../core/tensor.ts';
import { ConfigError, DataError, ShapeError } from '../errors.ts';

/** Data of one or several inputs: a tensor or nested arrays; a list or record of them for several. */
export type DataLike = TensorLike | readonly Tensor[] | Readonly<Record<string, TensorLike>>;
/** Targets, in the same forms; one per output. */
export type TargetsLike = DataLike;
/** Weight of each sample (or of each time step of each sample). */
export type WeightsLike = TensorLike | readonly (Tensor | null)[] | Readonly<Record<string, TensorLike>>;

/** One batch as an iterable gives it: `[x, y]`, `[x, y, sampleWeight]`, or `x` alone for predictions. */
export type BatchLike =
  | readonly [DataLike, TargetsLike]
  | readonly [DataLike, TargetsLike, WeightsLike]
  | readonly [DataLike];
/** Batches as they come; an iterator that ends is started again for the next epoch. */
export type BatchSource = Iterable<BatchLike> | AsyncIterable<BatchLike>;

/** Data of a model's inputs and outputs, all with the same number of samples. */
export interface Dataset {
  readonly x: readonly Tensor[];
  readonly y: readonly Tensor[];
  readonly weights: readonly (Tensor | undefined)[];
  readonly size: number;
}

/** What data is checked against. */
export interface DataSpec {
  readonly inputNames: readonly string[];
  readonly inputShapes: readonly PartialShape[];
  readonly outputNames: readonly string[];
}

const isRecord = (v: unknown): v is Readonly<Record<string, TensorLike>> =>
  typeof v === 'object' &&
  v !== null &&
  !Array.isArray(v) &&
  !(v instanceof Tensor) &&
  !ArrayBuffer.isView(v);

/** Whether `x` is a stream of batches, not data itself. */
export const isBatchSource = (x: unknown): x is BatchSource =>
  typeof x === 'object' &&
  x !== null &&
  !Array.isArray(x) &&
  !ArrayBuffer.isView(x) &&
  (Symbol.iterator in x || Symbol.asyncIterator in x);

/** One tensor per name, from any of the accepted forms. */
function perName(data: DataLike, names: readonly string[], what: string): Tensor[] {
  if (isRecord(data)) {
    const stranger = Object.keys(data).find((key) => names.length > 0 && !names.includes(key));
    if (stranger !== undefined) throw unknownName(`key of ${what}`, stranger, names);
    const keys = names.length > 0 ? names : Object.keys(data);
    return keys.map((name) => {
      const value = data[name];
      if (value === undefined)
        throw new DataError(`${what} has no entry "${name}". Expected ${names.join(', ')}.`, {
          argument: what,
        });
      return toTensor(value, what);
    });
  }
  if (Array.isArray(data) && data.length > 0 && data.every((t) => t instanceof Tensor)) {
    const list = data as readonly Tensor[];
    if (names.length > 0 && list.length !== names.length) {
      throw new DataError(
        `${what} has ${list.length} tensors, expected ${names.length} (${names.join(', ')}).`,
        {
          argument: what,
          expected: String(names.length),
          received: String(list.length),
        },
      );
    }
    return [...list];
  }
  if (names.length > 1) {
    throw new DataError(
      `${what}: the model takes ${names.length} of them (${names.join(', ')}); give a list of tensors or a record by name.`,
      { argument: what, expected: `${names.length} tensors`, received: '1' },
    );
  }
  return [toTensor(data as TensorLike, what)];
}

function toTensor(value: TensorLike, what: string): Tensor {
  if (value === null || value === undefined) throw new DataError(`${what} is missing.`, { argument: what });
  const t = tensor(value);
  if (t.rank === 0)
    throw new DataError(`${what} must have a first axis for the samples. Received a single number.`, {
      argument: what,
    });
  // 64-bit elements are halved once here instead of at every step
  if (isBig(t.dtype)) return t.cast('int32');
  return t.dtype === 'float64' ? t.cast('float32') : t;
}

/**
 * Data in one form, with counts and shapes checked.
 * @throws {@link DataError} or {@link ShapeError} naming what does not fit
 */
export function makeDataset(
  spec: DataSpec,
  x: DataLike,
  y: TargetsLike | undefined,
  sampleWeight: WeightsLike | undefined,
): Dataset {
  const xs = perName(x, spec.inputNames, 'x').map((t, i) =>
    fitShape(t, spec.inputShapes[i], spec.inputNames[i] ?? 'x'),
  );
  const ys = y === undefined ? [] : perName(y, spec.outputNames, 'y');
  const size = (xs[0] as Tensor).shape[0] as number;
  if (size === 0) {
    throw new DataError('x has no samples. Expected at least one.', {
      argument: 'x',
      expected: 'at least 1 sample',
      received: '0 samples',
    });
  }
  const named: [string, Tensor][] = [
    ...xs.map((t, i): [string, Tensor] => [xs.length > 1 ? `x "${spec.inputNames[i] ?? i}"` : 'x', t]),
    ...ys.map((t, i): [string, Tensor] => [ys.length > 1 ? `y "${spec.outputNames[i] ?? i}"` : 'y', t]),
  ];
  const weights = sampleWeights(sampleWeight, spec, size);
  for (const [name, t] of named) {
    checkCount(name, t, size);
  }
  return { x: xs, y: ys, weights, size };
}

function checkCount(name: string, t: Tensor, size: number): void {
  if (t.shape[0] === size) return;
  throw new DataError(
    `x has ${size} samples but ${name} has ${t.shape[0]}. Each sample needs exactly one target.`,
    {
      argument: name,
      expected: `${size} samples`,
      received: `${t.shape[0]} samples`,
    },
  );
}

function sampleWeights(given: WeightsLike | undefined, spec: DataSpec, size: number): (Tensor | undefined)[] {
  if (given === undefined) return [];
  const { outputNames } = spec;
  const several =
    isRecord(given) || (Array.isArray(given) && given.some((t) => t instanceof Tensor || t === null));
  const list = several
    ? isRecord(given)
      ? outputNames.map((name) => given[name])
      : (given as readonly (Tensor | null)[])
    : new Array<TensorLike>(Math.max(1, outputNames.length)).fill(given as TensorLike);
  return list.map((w) => {
    if (w === null || w === undefined) return undefined;
    const t = toTensor(w, 'sampleWeight').cast('float32');
    checkCount('sampleWeight', t, size);
    return t;
  });
}

/** Adds a last axis of size 1 where exactly that is missing; refuses any other mismatch before a graph is built. */
function fitShape(t: Tensor, expected: PartialShape | undefined, name: string): Tensor {
  if (expected === undefined) return t;
  const fits = (shape: PartialShape): boolean =>
    shape.length === expected.length &&
    shape.every((n, i) => i === 0 || expected[i] === null || expected[i] === n);
  if (fits(t.shape)) return t;
  if (fits([...t.shape, 1])) return t.reshape([...t.shape, 1]);
  throw new ShapeError(
    `x "${name}": expected shape ${formatShape([null, ...expected.slice(1)])}. Received ${formatShape(t.shape)}.`,
    { argument: name, expected: formatShape(expected), received: formatShape(t.shape) },
  );
}

/**
 * Refuses NaN and infinity, which training would spread to every weight.
 * @param firstRow - sample number of the tensor's first row, for the message
 * @throws {@link DataError}
 */
function checkFinite(name: string, t: Tensor, firstRow = 0): void {
  if (!isFloat(t.dtype)) return;
  const data = t.data as Float32Array;
  // a sum is finite unless an element is not (or it overflows, which the search then clears)
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += data[i] as number;
  if (Number.isFinite(sum)) return;
  const at = data.findIndex((v) => !Number.isFinite(v));
  if (at < 0) return;
  const row = sizeOf(t.shape.slice(1));
  throw new DataError(
    `${name} contains ${data[at]} in sample ${firstRow + Math.floor(at / row)}, element ${at % row}. Replace or drop it before training.`,
    { argument: name, received: String(data[at]) },
  );
}

/** The first `n` and the remaining samples. @throws {@link DataError} when either is empty */
export function splitDataset(data: Dataset, fraction: number): [Dataset, Dataset] {
  const at = Math.floor(data.size * (1 - fraction));
  if (!(fraction > 0 && fraction < 1) || at === 0 || at === data.size) {
    throw new ConfigError(
      `validationSplit ${fraction} of ${data.size} samples leaves ${at} for training and ${data.size - at} for validation. ` +
        'Use a fraction between 0 and 1 that leaves some for both.',
      { argument: 'validationSplit', received: String(fraction) },
    );
  }
  const part = (start: number, end: number): Dataset => ({
    x: data.x.map((t) => t.rows(start, end)),
    y: data.y.map((t) => t.rows(start, end)),
    weights: data.weights.map((t) => t?.rows(start, end)),
    size: end - start,
  });
  return [part(0, at), part(at, data.size)];
}

/**
 * Sample weights from class weights: by label, or by the largest element of one-hot targets; 1 where none is given.
 * @source keras/src/trainers/data_adapters/data_adapter_utils.py, class_weight_to_sample_weights
 */
export function weightsOfClasses(
  y: readonly Tensor[],
  classWeight: Readonly<Record<number, number>>,
): Tensor[] {
  const [labels] = y;
  if (labels === undefined || y.length !== 1) {
    throw new ConfigError(`classWeight works for models with one output. Received ${y.length} targets.`, {
      argument: 'classWeight',
    });
  }
  const classes = labels.rank > 1 ? (labels.shape.at(-1) as number) : 1;
  const count = labels.size / classes;
  const result = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    let label = Math.round(Number(labels.data[i * classes]));
    if (classes > 1) {
      label = 0;
      for (let c = 1; c < classes; c++) {
        if ((labels.data[i * classes + c] as number) > (labels.data[i * classes + label] as number))
          label = c;
      }
    }
    result[i] = classWeight[label] ?? 1;
  }
  return [new Tensor('float32', classes > 1 ? labels.shape.slice(0, -1) : [count], result)];
}

/** Types of `size` samples of each tensor of a data set. */
export const batchTypes = (data: Dataset, size: number) => {
  const typeOf = (t: Tensor): TensorType => ({ dtype: t.dtype, shape: [size, ...t.shape.slice(1)] });
  return { x: data.x.map(typeOf), y: data.y.map(typeOf), weights: data.weights.map((t) => t && typeOf(t)) };
};

/** Copies the samples `order[start .. start + size)` (or those in a row) of `source` into `target`. */
export function copyRows(
  source: Tensor,
  order: Int32Array | undefined,
  start: number,
  size: number,
  target: TensorData,
): void {
  const row = source.size / (source.shape[0] as number);
  const from = source.data as Float32Array;
  const to = target as Float32Array;
  if (order === undefined) {
    to.set(from.subarray(start * row, (start + size) * row));
  } else if (row <= 16) {
    for (let i = 0; i < size; i++) {
      const at = (order[start + i] as number) * row;
      for (let k = 0; k < row; k++) to[i * row + k] = from[at + k] as number;
    }
  } else {
    for (let i = 0; i < size; i++) {
      const at = (order[start + i] as number) * row;
      to.set(from.subarray(at, at + row), i * row);
    }
  }
}

/** Elements looked through for NaN between two turns of the event loop. */
const finiteSlice = 2 ** 17;

/** {@link checkFinite}, with turns for the event loop. @throws {@link DataError} */
export async function checkFiniteInSlices(name: string, t: Tensor): Promise<void> {
  if (!isFloat(t.dtype)) return;
  const rows = t.shape[0] as number;
  const perSlice = Math.max(1, Math.floor(finiteSlice / Math.max(1, t.size / rows)));
  for (let start = 0; start < rows; start += perSlice) {
    checkFinite(name, t.rows(start, Math.min(rows, start + perSlice)), start);
    if (rows > perSlice) await yieldToEventLoop();
  }
}
