import type * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { Value } from '../ir/graph.ts';
import { averagePool, maxPool } from '../ops/pool.ts';
import { spatialOf } from '../ops/window.ts';
import { Layer, layerOptions, type Values } from './layer.ts';
import { dataFormatOption, perAxis } from './options.ts';
import { registerLayer } from './registry.ts';
import { inChannelsFirst, paddingOption, padsOf } from './spatial.ts';

const windowOptions = (rank: number) =>
  layerOptions.extend({
    /** Sizes of the window; one number counts for all axes. */
    poolSize: perAxis(rank),
    /** Steps between two places of the window; `null` for `poolSize`, so that places touch. */
    strides: perAxis(rank).nullable().default(null),
    padding: paddingOption,
    dataFormat: dataFormatOption,
  });

const averageSchema1d = deferred(() => windowOptions(1));
const averageSchema2d = deferred(() => windowOptions(2));
const averageSchema3d = deferred(() => windowOptions(3));
const maxSchema1d = deferred(() => averageSchema1d.extend({ poolSize: perAxis(1).prefault(2) }));
const maxSchema2d = deferred(() => averageSchema2d.extend({ poolSize: perAxis(2).prefault(2) }));
const maxSchema3d = deferred(() => averageSchema3d.extend({ poolSize: perAxis(3).prefault(2) }));

/** How a window moves over channels-first data. */
interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly pads: readonly number[];
}

/** One number for the elements under each place of a window. */
abstract class Pooling<S extends typeof averageSchema2d | typeof maxSchema2d> extends Layer<S> {
  protected abstract pool(x: Value, window: Window): Value;

  call([x]: Values): Value {
    const { poolSize: kernel, padding, dataFormat } = this.options;
    const strides = this.options.strides ?? kernel;
    return inChannelsFirst(x, kernel.length, dataFormat, (first) => {
      const pads = padsOf(padding, spatialOf(first.shape), kernel, strides);
      return this.pool(first, { kernel, strides, pads });
    });
  }

  /** Like Keras, with the strides written out. */
  override getConfig(): Record<string, unknown> {
    return { ...super.getConfig(), strides: this.options.strides ?? this.options.poolSize };
  }
}

abstract class MaxPooling extends Pooling<typeof maxSchema2d> {
  protected pool(x: Value, window: Window): Value {
    return maxPool(x, window);
  }
}

abstract class AveragePooling extends Pooling<typeof averageSchema2d> {
  protected pool(x: Value, window: Window): Value {
    return averagePool(x, window);
  }
}

/**
 * Largest element under each place of a window: `[batch, steps, channels]` becomes `[batch, places, channels]`.
 * @source keras/src/layers/pooling/max_pooling1d.py
 */
export class MaxPooling1D extends MaxPooling {
  static override readonly className = 'MaxPooling1D';
  static override readonly schema = maxSchema1d;
}
/** Largest element under a window over one axis. @see {@link MaxPooling1D} */
export const maxPooling1d = (options: z.input<typeof maxSchema1d> = {}): MaxPooling1D =>
  new MaxPooling1D(options);
registerLayer(MaxPooling1D, [
  { inputs: [[null, 5, 2]], output: [null, 2, 2] },
  { options: { poolSize: 3, strides: 2, padding: 'same' }, inputs: [[null, 5, 2]], output: [null, 3, 2] },
]);

/**
 * Largest element under each place of a window: `[batch, height, width, channels]` becomes
 * `[batch, rows, columns, channels]`.
 * @source keras/src/layers/pooling/max_pooling2d.py
 */
export class MaxPooling2D extends MaxPooling {
  static override readonly className = 'MaxPooling2D';
  static override readonly schema = maxSchema2d;
}
/** Largest element under a window over the two axes of an image. @see {@link MaxPooling2D} */
export const maxPooling2d = (options: z.input<typeof maxSchema2d> = {}): MaxPooling2D =>
  new MaxPooling2D(options);
registerLayer(MaxPooling2D, [
  { inputs: [[null, 5, null, 3]], output: [null, 2, null, 3] },
  {
    options: { poolSize: [2, 3], strides: 1, dataFormat: 'channelsFirst' },
    inputs: [[null, 2, 3, 4]],
    output: [null, 2, 2, 2],
  },
]);

/**
 * Largest element under each place of a window over the three inner axes of `[batch, depth, height, width, channels]`.
 * @source keras/src/layers/pooling/max_pooling3d.py
 */
export class MaxPooling3D extends MaxPooling {
  static override readonly className = 'MaxPooling3D';
  static override readonly schema = maxSchema3d;
}
/** Largest element under a window over the three axes of a volume or a film. @see {@link MaxPooling3D} */
export const maxPooling3d = (options: z.input<typeof maxSchema3d> = {}): MaxPooling3D =>
  new MaxPooling3D(options);
registerLayer(MaxPooling3D, [
  { options: { padding: 'same' }, inputs: [[null, 3, 2, 4, 2]], output: [null, 2, 1, 2, 2] },
]);

/**
 * Mean of the elements under each place of a window, padding left out: `[batch, steps, channels]` becomes
 * `[batch, places, channels]`.
 * @source keras/src/layers/pooling/average_pooling1d.py
 */
export class AveragePooling1D extends AveragePooling {
  static override readonly className = 'AveragePooling1D';
  static override readonly schema = averageSchema1d;
}
/** Mean under a window over one axis. @see {@link AveragePooling1D} */
export const averagePooling1d = (options: z.input<typeof averageSchema1d>): AveragePooling1D =>
  new AveragePooling1D(options);
registerLayer(AveragePooling1D, [
  { options: { poolSize: 3, padding: 'same' }, inputs: [[null, 5, 2]], output: [null, 2, 2] },
]);

/**
 * Mean of the elements under each place of a window, padding left out: `[batch, height, width, channels]` becomes
 * `[batch, rows, columns, channels]`.
 * @source keras/src/layers/pooling/average_pooling2d.py
 */
export class AveragePooling2D extends AveragePooling {
  static override readonly className = 'AveragePooling2D';
  static override readonly schema = averageSchema2d;
}
/** Mean under a window over the two axes of an image. @see {@link AveragePooling2D} */
export const averagePooling2d = (options: z.input<typeof averageSchema2d>): AveragePooling2D =>
  new AveragePooling2D(options);
registerLayer(AveragePooling2D, [
  { options: { poolSize: 2 }, inputs: [[null, 4, 5, 3]], output: [null, 2, 2, 3] },
  {
    options: { poolSize: [3, 2], strides: 2, padding: 'same', dataFormat: 'channelsFirst' },
    inputs: [[null, 2, 4, 3]],
    output: [null, 2, 2, 2],
  },
]);

/**
 * Mean of the elements under each place of a window, padding left out, over the three inner axes of
 * `[batch, depth, height, width, channels]`.
 * @source keras/src/layers/pooling/average_pooling3d.py
 */
export class AveragePooling3D extends AveragePooling {
  static override readonly className = 'AveragePooling3D';
  static override readonly schema = averageSchema3d;
}
/** Mean under a window over the three axes of a volume or a film. @see {@link AveragePooling3D} */
export const averagePooling3d = (options: z.input<typeof averageSchema3d>): AveragePooling3D =>
  new AveragePooling3D(options);
registerLayer(AveragePooling3D, [
  { options: { poolSize: [2, 1, 2] }, inputs: [[null, 3, 2, 4, 2]], output: [null, 1, 2, 2, 2] },
]);
