import type * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import type { Value } from '../../ir/graph.ts';
import { add, div, greater, mul, reduceMax, reduceMin, sub, where } from '../../ops/index.ts';
import { registerLayer } from '../registry.ts';
import { clipTo, ImageLayer, imageOptions, valueRangeOption } from './image-layer.ts';

const schema = deferred(() => imageOptions.extend({ valueRange: valueRangeOption }));

/**
 * Every channel of every image stretched over the whole range of values, in training and inference alike; a channel of
 * one value stays as it is.
 * @source keras/src/layers/preprocessing/image_preprocessing/auto_contrast.py
 */
export class AutoContrast extends ImageLayer<typeof schema> {
  static override readonly className = 'AutoContrast';
  static override readonly schema = schema;

  protected change(x: Value): Value {
    const [low, high] = this.options.valueRange;
    const least = reduceMin(x, [1, 2], true);
    const span = sub(reduceMax(x, [1, 2], true), least);
    const varies = greater(span, 0);
    const y = add(div(mul(sub(x, least), high - low), where(varies, span, 1)), low);
    return where(varies, clipTo(y, [low, high]), x);
  }
}

/** Every channel stretched over the whole range of values. @see {@link AutoContrast} */
export const autoContrast = (options: z.input<typeof schema> = {}): AutoContrast => new AutoContrast(options);
registerLayer(AutoContrast, [{ options: { valueRange: [0, 1] }, inputs: [[null, 3, 2, 3]] }]);
