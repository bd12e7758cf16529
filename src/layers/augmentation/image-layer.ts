import * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import type { Value } from '../../ir/graph.ts';
import { add, clip, less, mul, transpose } from '../../ops/index.ts';
import type { Sampling } from '../../ops/sampling.ts';
import { type CallOptions, Layer, layerOptions, type Values } from '../layer.ts';
import { dataFormatOption } from '../options.ts';
import { expectSpatial } from '../spatial.ts';
import { randomUniform } from '../trace.ts';

/** Options of every layer that changes images. */
export const imageOptions = deferred(() => layerOptions.extend({ dataFormat: dataFormatOption }));
/** Options of every layer that changes images at random. */
export const randomImageOptions = deferred(() =>
  imageOptions.extend({ seed: z.int().nullable().default(null) }),
);

/** The least and the largest number that something may be. */
export type Range = readonly [number, number];

/** The least and the largest value of a color; `[0, 1]` for images that are scaled so. */
export const valueRangeOption = z
  .tuple([z.number(), z.number()])
  .refine(([low, high]) => low !== high, { error: 'expected two different numbers' })
  .transform(([a, b]): [number, number] => [Math.min(a, b), Math.max(a, b)])
  .prefault([0, 255]);

/** How strong a change is, from `low` to `high`: two numbers to draw from between, or one for the largest. */
export const factorOption = (low: number, high: number) => {
  const error = `expected a number from ${low} to ${high}, or two of them`;
  const each = z.number({ error }).min(low, { error }).max(high, { error });
  return z.union([each, z.tuple([each, each])], { error });
};
export type Factor = number | [number, number];

/** What a factor is drawn from: one number `f` stands for `[-f, f]`, cut off at `least`. */
export function rangeOf(factor: Factor, least = Number.NEGATIVE_INFINITY): Range {
  if (typeof factor === 'number') return [Math.max(-Math.abs(factor), least), Math.abs(factor)];
  return [Math.min(...factor), Math.max(...factor)];
}

/** Options of the layers that take pixels from other places. */
export const samplingOptions = {
  interpolation: z.enum(['nearest', 'bilinear']).default('bilinear'),
  /** What comes in over the edge: the image mirrored, repeated, its edge, or `fillValue`. */
  fillMode: z.enum(['constant', 'nearest', 'reflect', 'wrap']).default('reflect'),
  fillValue: z.number().default(0),
} satisfies Record<keyof Sampling, z.ZodType>;

/** Images `[batch, height, width, channels]`, or with channels first, in and out. */
export abstract class ImageLayer<
  S extends z.ZodType<z.output<typeof imageOptions>> = typeof imageOptions,
> extends Layer<S> {
  static override readonly schema: z.ZodType = imageOptions;

  call([x]: Values, options: CallOptions): Value {
    const { dataFormat } = this.options;
    expectSpatial(x.shape, 2, dataFormat);
    if (dataFormat === 'channelsLast') return this.change(x, options);
    return transpose(this.change(transpose(x, [0, 2, 3, 1]), options), [0, 3, 1, 2]);
  }

  /** What becomes of images with channels last. */
  protected abstract change(x: Value, options: CallOptions): Value;
}

/** Images changed while training, each in its own way, and left alone otherwise. */
export abstract class RandomImageLayer<
  S extends z.ZodType<z.output<typeof randomImageOptions>> = typeof randomImageOptions,
> extends ImageLayer<S> {
  static override readonly schema: z.ZodType = randomImageOptions;

  protected change(x: Value, { training }: CallOptions): Value {
    return training ? this.augment(x) : x;
  }

  /** What becomes of images with channels last, while training. */
  protected abstract augment(x: Value): Value;

  /** Random numbers in `[low, high)`, one for each image; `inner` is the shape after the batch. */
  protected draw(x: Value, [low, high]: Range, inner: readonly number[] = [1, 1, 1]): Value {
    return this.drawShape([x.shape[0] as number, ...inner], [low, high]);
  }

  protected drawShape(shape: readonly number[], [low, high]: Range): Value {
    return add(mul(randomUniform(shape, this.options.seed ?? undefined), high - low), low);
  }

  /** Which images are changed, `[batch, 1, 1, 1]`: each with a probability drawn from `range`. */
  protected chosen(x: Value, range: Range): Value {
    return less(this.draw(x, [0, 1]), this.draw(x, range));
  }
}

/** Colors that were in one range, in another. */
export function rescaled(x: Value, [from, to]: Range, [low, high]: Range): Value {
  if (from === low && to === high) return x;
  return add(mul(add(x, -from), (high - low) / (to - from)), low);
}

export const clipTo = (x: Value, [low, high]: Range): Value => clip(x, low, high);
