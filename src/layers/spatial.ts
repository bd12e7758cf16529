import * as z from 'zod';
import type { PartialShape, Shape } from '../core/shape.ts';
import type { Value } from '../ir/graph.ts';
import { transpose } from '../ops/index.ts';
import { samePads } from '../ops/window.ts';
import { expectRank, knownSize } from './layer.ts';
import type { dataFormatOption } from './options.ts';

/** Where the channels are: on the last axis, or on the one after the batch. */
export type DataFormat = z.output<typeof dataFormatOption>;

/**
 * Where a window may lie: `valid` inside the input only; `same` with zeros around it, so that it has
 * `ceil(size / stride)` places; `causal` with all zeros in front, so that no place sees what comes after it.
 */
export type Padding = 'valid' | 'same' | 'causal';
/** Schema of an option that names some kinds of padding. */
export type PaddingSchema = z.ZodType<Padding, Padding | undefined>;
export const paddingOption = z.enum(['valid', 'same']).default('valid');

const spatialAxes = ['depth', 'height', 'width'];

/** Checks that an input has `rank` spatial axes, beside those of batch and channels. @throws {@link ShapeError} */
export function expectSpatial(shape: PartialShape, rank: number, dataFormat: DataFormat): void {
  const spatial = rank === 1 ? ['steps'] : spatialAxes.slice(-rank);
  const axes = dataFormat === 'channelsFirst' ? ['channels', ...spatial] : [...spatial, 'channels'];
  expectRank(shape, rank + 2, `[batch, ${axes.join(', ')}]`);
}

/** Number of channels of an input with `rank` spatial axes. @throws {@link ShapeError} */
export function channelsOf(shape: PartialShape, rank: number, dataFormat: DataFormat): number {
  expectSpatial(shape, rank, dataFormat);
  return knownSize(shape, dataFormat === 'channelsFirst' ? 1 : -1, 'number of channels');
}

/** The spatial axes of an input with `rank` of them. */
export const spatialAxesOf = (rank: number, dataFormat: DataFormat): number[] =>
  Array.from({ length: rank }, (_, i) => i + (dataFormat === 'channelsFirst' ? 2 : 1));

/**
 * Computes `body` on channels-first data, as the ops want it, and gives its result in the format of `x`.
 * @throws {@link ShapeError} when `x` does not have `rank` spatial axes
 */
export function inChannelsFirst(
  x: Value,
  rank: number,
  dataFormat: DataFormat,
  body: (x: Value) => Value,
): Value {
  expectSpatial(x.shape, rank, dataFormat);
  if (dataFormat === 'channelsFirst') return body(x);
  const y = body(transpose(x, [0, rank + 1, ...spatialAxesOf(rank, 'channelsLast')]));
  return transpose(y, [0, ...spatialAxesOf(rank, 'channelsFirst'), 1]);
}

/** Zeros before every spatial axis, then those after every one: the ops' `pads`. */
export function padsOf(
  padding: Padding,
  sizes: Shape,
  kernel: Shape,
  strides: readonly number[],
  dilations: readonly number[] = kernel.map(() => 1),
): number[] {
  if (padding === 'same') return samePads(sizes, kernel, strides, dilations);
  const before = kernel.map((k, axis) => (padding === 'causal' ? (k - 1) * (dilations[axis] as number) : 0));
  return [...before, ...kernel.map(() => 0)];
}
