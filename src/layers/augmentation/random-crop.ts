import type * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import type { Value } from '../../ir/graph.ts';
import { floor, minimum } from '../../ops/index.ts';
import { cropImages } from '../../ops/sampling.ts';
import type { CallOptions } from '../layer.ts';
import { positiveInteger } from '../options.ts';
import { registerLayer } from '../registry.ts';
import { fitCenter } from './fit.ts';
import { RandomImageLayer, randomImageOptions } from './image-layer.ts';

const schema = deferred(() => randomImageOptions.extend({ height: positiveInteger, width: positiveInteger }));

/**
 * A window of every image, `[batch, height, width, channels]`, at a random place while training. Smaller images, and all
 * of them otherwise, are cut to the proportions in the middle, then resized.
 *
 * In Keras the windows of a batch are all at one place.
 * @source keras/src/layers/preprocessing/image_preprocessing/random_crop.py
 */
export class RandomCrop extends RandomImageLayer<typeof schema> {
  static override readonly className = 'RandomCrop';
  static override readonly schema = schema;

  protected override change(x: Value, options: CallOptions): Value {
    const { height, width } = this.options;
    const contains = (x.shape[1] as number) >= height && (x.shape[2] as number) >= width;
    return options.training && contains ? this.augment(x) : fitCenter(x, height, width);
  }

  protected augment(x: Value): Value {
    const { height, width } = this.options;
    // a number just below `rest + 1` may have been rounded up to it
    const start = (rest: number): Value => minimum(floor(this.draw(x, [0, rest + 1], [1, 1])), rest);
    const [top, left] = [start((x.shape[1] as number) - height), start((x.shape[2] as number) - width)];
    return cropImages(x, top, left, height, width);
  }
}

/** A window of every image, at a random place while training. @see {@link RandomCrop} */
export const randomCrop = (options: z.input<typeof schema>): RandomCrop => new RandomCrop(options);
registerLayer(RandomCrop, [
  { options: { height: 2, width: 3 }, inputs: [[null, 4, 3, 2]], output: [null, 2, 3, 2] },
  {
    options: { height: 4, width: 2, dataFormat: 'channelsFirst' },
    inputs: [[null, 3, 3, 5]],
    output: [null, 3, 4, 2],
  },
]);
