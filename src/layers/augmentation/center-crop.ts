import type * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import type { Value } from '../../ir/graph.ts';
import { positiveInteger } from '../options.ts';
import { registerLayer } from '../registry.ts';
import { cropCenter, fitCenter } from './fit.ts';
import { ImageLayer, imageOptions } from './image-layer.ts';

const schema = deferred(() => imageOptions.extend({ height: positiveInteger, width: positiveInteger }));

/**
 * The middle of images, `[batch, height, width, channels]`. Smaller images are cut to the proportions, then resized.
 * @source keras/src/layers/preprocessing/image_preprocessing/center_crop.py
 */
export class CenterCrop extends ImageLayer<typeof schema> {
  static override readonly className = 'CenterCrop';
  static override readonly schema = schema;

  protected change(x: Value): Value {
    const { height, width } = this.options;
    const contains = (x.shape[1] as number) >= height && (x.shape[2] as number) >= width;
    return contains ? cropCenter(x, height, width) : fitCenter(x, height, width);
  }
}

/** The middle of images. @see {@link CenterCrop} */
export const centerCrop = (options: z.input<typeof schema>): CenterCrop => new CenterCrop(options);
registerLayer(CenterCrop, [
  { options: { height: 2, width: 3 }, inputs: [[null, 4, 4, 2]], output: [null, 2, 3, 2] },
  {
    options: { height: 4, width: 2, dataFormat: 'channelsFirst' },
    inputs: [[null, 3, 3, 5]],
    dtype: 'uint8',
    output: [null, 3, 4, 2],
  },
]);
