import type * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { Tensor } from '../core/tensor.ts';
import { constant, type Value } from '../ir/graph.ts';
import { einsum, gather, reduceMax, reshape } from '../ops/index.ts';
import { Layer, layerOptions, type Values } from './layer.ts';
import { dataFormatOption, perAxis } from './options.ts';
import { registerLayer } from './registry.ts';
import { expectSpatial, spatialAxesOf } from './spatial.ts';

const adaptiveOptions = (rank: number) =>
  layerOptions.extend({
    /** Sizes of the result; one number counts for all axes. */
    outputSize: perAxis(rank),
    dataFormat: dataFormatOption,
  });
const schema1d = deferred(() => adaptiveOptions(1));
const schema2d = deferred(() => adaptiveOptions(2));
const schema3d = deferred(() => adaptiveOptions(3));

/** The window of each of `count` places on an axis of `size`: `floor(i * size / count)` up to `ceil((i + 1) * size / count)`. */
const windowsOf = (size: number, count: number): readonly (readonly [start: number, end: number])[] =>
  Array.from({ length: count }, (_, i) => [
    Math.floor((i * size) / count),
    Math.ceil(((i + 1) * size) / count),
  ]);

/** Windows as large as it takes for a result of a given size, one axis after the other. */
abstract class AdaptivePooling extends Layer<typeof schema2d> {
  protected abstract pool(x: Value, axis: number, count: number): Value;

  call([x]: Values): Value {
    const { outputSize, dataFormat } = this.options;
    const rank = outputSize.length;
    expectSpatial(x.shape, rank, dataFormat);
    return spatialAxesOf(rank, dataFormat).reduce(
      (y, axis, i) => this.pool(y, axis, outputSize[i] as number),
      x,
    );
  }
}

abstract class AdaptiveMaxPooling extends AdaptivePooling {
  /** The elements under every window, the last one repeated in shorter windows; then the largest. */
  protected pool(x: Value, axis: number, count: number): Value {
    const windows = windowsOf(x.shape[axis] as number, count);
    const longest = Math.max(...windows.map(([start, end]) => end - start));
    const indices = windows.flatMap(([start, end]) =>
      Array.from({ length: longest }, (_, k) => Math.min(start + k, end - 1)),
    );
    const picked = gather(x, constant(new Tensor('int32', [indices.length], Int32Array.from(indices))), axis);
    return reduceMax(reshape(picked, x.shape.toSpliced(axis, 1, count, longest)), [axis + 1]);
  }
}

abstract class AdaptiveAveragePooling extends AdaptivePooling {
  /** A product with the matrix of all windows. */
  protected pool(x: Value, axis: number, count: number): Value {
    const size = x.shape[axis] as number;
    const matrix = new Float32Array(count * size);
    for (const [i, [start, end]] of windowsOf(size, count).entries()) {
      matrix.fill(1 / (end - start), i * size + start, i * size + end);
    }
    const axes = 'abcde'.slice(0, x.rank);
    const pooled = axes.replace(axes[axis] as string, 'z');
    return einsum(`${axes},z${axes[axis]}->${pooled}`, [
      x,
      constant(new Tensor('float32', [count, size], matrix)),
    ]);
  }
}

/** Largest element under each of `outputSize` windows: `[batch, steps, channels]` becomes `[batch, size, channels]`. */
export class AdaptiveMaxPooling1D extends AdaptiveMaxPooling {
  static override readonly className = 'AdaptiveMaxPooling1D';
  static override readonly schema = schema1d;
}
/** Largest element under windows that make a result of a given size. @see {@link AdaptiveMaxPooling1D} */
export const adaptiveMaxPooling1d = (options: z.input<typeof schema1d>): AdaptiveMaxPooling1D =>
  new AdaptiveMaxPooling1D(options);
registerLayer(AdaptiveMaxPooling1D, [
  { options: { outputSize: 3 }, inputs: [[null, 5, 2]], output: [null, 3, 2] },
]);

/** Largest element under each of `outputSize` windows of `[batch, height, width, channels]`. */
export class AdaptiveMaxPooling2D extends AdaptiveMaxPooling {
  static override readonly className = 'AdaptiveMaxPooling2D';
  static override readonly schema = schema2d;
}
/** Largest element under windows that make an image of a given size. @see {@link AdaptiveMaxPooling2D} */
export const adaptiveMaxPooling2d = (options: z.input<typeof schema2d>): AdaptiveMaxPooling2D =>
  new AdaptiveMaxPooling2D(options);
registerLayer(AdaptiveMaxPooling2D, [
  { options: { outputSize: [2, 3] }, inputs: [[null, 5, null, 2]], output: [null, 2, 3, 2] },
  {
    options: { outputSize: 2, dataFormat: 'channelsFirst' },
    inputs: [[null, 2, 3, 5]],
    output: [null, 2, 2, 2],
  },
]);

/** Largest element under each of `outputSize` windows of `[batch, depth, height, width, channels]`. */
export class AdaptiveMaxPooling3D extends AdaptiveMaxPooling {
  static override readonly className = 'AdaptiveMaxPooling3D';
  static override readonly schema = schema3d;
}
/** Largest element under windows that make a volume of a given size. @see {@link AdaptiveMaxPooling3D} */
export const adaptiveMaxPooling3d = (options: z.input<typeof schema3d>): AdaptiveMaxPooling3D =>
  new AdaptiveMaxPooling3D(options);
registerLayer(AdaptiveMaxPooling3D, [
  { options: { outputSize: 2 }, inputs: [[null, 3, 2, 4, 1]], output: [null, 2, 2, 2, 1] },
]);

/** Mean under each of `outputSize` windows: `[batch, steps, channels]` becomes `[batch, size, channels]`. */
export class AdaptiveAveragePooling1D extends AdaptiveAveragePooling {
  static override readonly className = 'AdaptiveAveragePooling1D';
  static override readonly schema = schema1d;
}
/** Mean under windows that make a result of a given size. @see {@link AdaptiveAveragePooling1D} */
export const adaptiveAveragePooling1d = (options: z.input<typeof schema1d>): AdaptiveAveragePooling1D =>
  new AdaptiveAveragePooling1D(options);
registerLayer(AdaptiveAveragePooling1D, [
  { options: { outputSize: 3 }, inputs: [[null, 5, 2]], output: [null, 3, 2] },
]);

/** Mean under each of `outputSize` windows of `[batch, height, width, channels]`. */
export class AdaptiveAveragePooling2D extends AdaptiveAveragePooling {
  static override readonly className = 'AdaptiveAveragePooling2D';
  static override readonly schema = schema2d;
}
/** Mean under windows that make an image of a given size. @see {@link AdaptiveAveragePooling2D} */
export const adaptiveAveragePooling2d = (options: z.input<typeof schema2d>): AdaptiveAveragePooling2D =>
  new AdaptiveAveragePooling2D(options);
registerLayer(AdaptiveAveragePooling2D, [
  { options: { outputSize: [2, 3] }, inputs: [[null, 5, 4, 2]], output: [null, 2, 3, 2] },
  {
    options: { outputSize: 2, dataFormat: 'channelsFirst' },
    inputs: [[null, 2, 3, 5]],
    output: [null, 2, 2, 2],
  },
]);

/** Mean under each of `outputSize` windows of `[batch, depth, height, width, channels]`. */
export class AdaptiveAveragePooling3D extends AdaptiveAveragePooling {
  static override readonly className = 'AdaptiveAveragePooling3D';
  static override readonly schema = schema3d;
}
/** Mean under windows that make a volume of a given size. @see {@link AdaptiveAveragePooling3D} */
export const adaptiveAveragePooling3d = (options: z.input<typeof schema3d>): AdaptiveAveragePooling3D =>
  new AdaptiveAveragePooling3D(options);
registerLayer(AdaptiveAveragePooling3D, [
  { options: { outputSize: 2 }, inputs: [[null, 3, 2, 4, 1]], output: [null, 2, 2, 2, 1] },
]);
