import * as z from 'zod';
import { parseOptions } from '../core/configured.ts';
import { deferred } from '../core/deferred.ts';
import { nextRandom } from '../core/seed.ts';
import { Tensor, type TensorLike, tensor } from '../core/tensor.ts';
import { ConfigError } from '../errors.ts';
import { Pipeline } from './pipeline.ts';
import { IndexedCursor } from './stage.ts';

const schema = deferred(() =>
  z.strictObject({
    /** Steps in a window. */
    sequenceLength: z.int().min(1),
    /** Steps between the beginnings of two windows. */
    sequenceStride: z.int().min(1).default(1),
    /** Steps between two elements of a window. */
    samplingRate: z.int().min(1).default(1),
    batchSize: z.int().min(1).default(128),
    shuffle: z.boolean().default(false),
    seed: z.int().nonnegative().optional(),
    /** First step that is used. */
    startIndex: z.int().min(0).optional(),
    /** Steps from this one on are not used. */
    endIndex: z.int().min(1).optional(),
  }),
);

/**
 * Windows over a series, in batches: `x[i] = data[start + i * stride + [0, rate, 2 * rate, ...]]`,
 * `y[i] = targets[start + i * stride]`.
 * To predict the step after a window, give `data.slice(0, -sequenceLength)` and `data.slice(sequenceLength)`.
 * @param data - `[steps, ...]`
 * @param targets - `[steps, ...]`, or `null` for windows alone
 * @returns batches `[x, y]` with x `[batch, sequenceLength, ...]`; `[x]` without targets
 * @throws {@link ConfigError} when the series is too short for a window
 * @source keras/src/utils/timeseries_dataset_utils.py
 */
export function timeseriesDatasetFromArray(
  data: TensorLike,
  targets: TensorLike | null,
  options: z.input<typeof schema>,
): Pipeline<[Tensor, Tensor] | [Tensor]> {
  const where = 'timeseriesDatasetFromArray';
  const { sequenceLength, sequenceStride, samplingRate, batchSize, shuffle, seed, startIndex, endIndex } =
    parseOptions(schema, options, where);
  const series = tensor(data);
  const steps = series.shape[0] ?? 0;
  const start = startIndex ?? 0;
  const end = Math.min(endIndex ?? steps, steps);
  const goals = targets === null ? undefined : tensor(targets);
  const span = (sequenceLength - 1) * samplingRate;
  const starts = Math.min(
    end - start - span,
    goals ? (goals.shape[0] ?? 0) - start : Number.POSITIVE_INFINITY,
  );
  const count = Math.ceil(starts / sequenceStride);
  if (!(count > 0)) {
    throw new ConfigError(
      `${where}: expected at least ${span + 1} steps for a window of ${sequenceLength}. Received ${end - start}.`,
      { argument: 'sequenceLength', expected: `${span + 1} steps`, received: `${end - start} steps` },
    );
  }
  const window = (index: number): Tensor =>
    pickRows(series, sequenceLength, (i) => start + index * sequenceStride + i * samplingRate);
  const target = (index: number): Tensor => {
    const at = start + index * sequenceStride;
    const row = (goals as Tensor).rows(at, at + 1);
    return row.reshape(row.shape.slice(1));
  };
  const sample = (index: number): [Tensor, Tensor] | [Tensor] =>
    goals ? [window(index), target(index)] : [window(index)];
  const windows = new Pipeline({ size: count, open: () => new IndexedCursor(count, (i) => i) });
  const ordered = shuffle ? windows.shuffle(count, { seed: seed ?? nextRandom().bits() }) : windows;
  return ordered.map(sample, { seed: 0 }).batch(batchSize) as Pipeline<[Tensor, Tensor] | [Tensor]>;
}

function pickRows(series: Tensor, length: number, rowAt: (i: number) => number): Tensor {
  const row = series.size / (series.shape[0] as number);
  const data = series.data.slice(0, length * row) as Float32Array;
  for (let i = 0; i < length; i++)
    data.set((series.data as Float32Array).subarray(rowAt(i) * row, (rowAt(i) + 1) * row), i * row);
  return new Tensor(series.dtype, [length, ...series.shape.slice(1)], data);
}
