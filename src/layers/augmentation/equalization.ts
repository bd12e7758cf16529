import type * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import type { Value } from '../../ir/graph.ts';
import {
  cast,
  clip,
  cumSum,
  div,
  floor,
  gatherElements,
  greater,
  mul,
  reduceMin,
  reshape,
  round,
  sub,
  transpose,
  where,
} from '../../ops/index.ts';
import type { CallOptions } from '../layer.ts';
import { positiveInteger } from '../options.ts';
import { registerLayer } from '../registry.ts';
import { histogram } from './histogram.ts';
import { ImageLayer, imageOptions, rescaled, valueRangeOption } from './image-layer.ts';

const schema = deferred(() =>
  imageOptions.extend({
    valueRange: valueRangeOption,
    /** Shades that are told apart. */
    bins: positiveInteger.default(256),
  }),
);

/**
 * Every channel of every image with all shades equally frequent, as far as that goes, while training; otherwise the
 * identity. Keras counts the shades of a whole batch.
 * @source keras/src/layers/preprocessing/image_preprocessing/equalization.py
 */
export class Equalization extends ImageLayer<typeof schema> {
  static override readonly className = 'Equalization';
  static override readonly schema = schema;

  protected change(x: Value, { training }: CallOptions): Value {
    if (!training) return x;
    const { valueRange, bins } = this.options;
    const [batch, height, width, channels] = x.shape as readonly [number, number, number, number];
    const [planes, size] = [batch * channels, height * width];
    const shades = reshape(transpose(rescaled(x, valueRange, [0, 255]), [0, 3, 1, 2]), [planes, size]);
    const bin = cast(floor(clip(div(mul(shades, bins - 1), 255), 0, bins - 1)), 'int64');
    const below = cumSum(histogram(bin, bins), 1);
    const first = reduceMin(where(greater(below, 0), below, size), [1], true);
    const rest = sub(size, first);
    const levels = round(div(mul(sub(below, first), 255), where(greater(rest, 0), rest, 1)));
    const equal = gatherElements(clip(levels, 0, 255), bin, 1);
    const y = where(greater(rest, 0), equal, shades);
    const images = transpose(reshape(y, [batch, channels, height, width]), [0, 2, 3, 1]);
    return rescaled(images, [0, 255], valueRange);
  }
}

/** Every channel with all shades equally frequent. @see {@link Equalization} */
export const equalization = (options: z.input<typeof schema> = {}): Equalization => new Equalization(options);
registerLayer(Equalization, [{ options: { bins: 8, valueRange: [-4, 4] }, inputs: [[null, 3, 4, 2]] }]);
