import type * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import type { Value } from '../../ir/graph.ts';
import type { Layer } from '../layer.ts';
import { registerLayer } from '../registry.ts';
import { factorOption, RandomImageLayer, randomImageOptions, valueRangeOption } from './image-layer.ts';
import { RandomBrightness } from './random-brightness.ts';
import { RandomContrast } from './random-contrast.ts';
import { RandomHue } from './random-hue.ts';
import { RandomSaturation } from './random-saturation.ts';

const schema = deferred(() =>
  randomImageOptions.extend({
    valueRange: valueRangeOption,
    /** The factors of {@link RandomBrightness} and the other three; `null` leaves that one out. */
    brightnessFactor: factorOption(-1, 1).nullable().default(null),
    contrastFactor: factorOption(0, 1).nullable().default(null),
    saturationFactor: factorOption(0, 1).nullable().default(null),
    hueFactor: factorOption(0, 1).nullable().default(null),
  }),
);

/**
 * Brightness, contrast, saturation and hue of every image changed while training, one after the other; otherwise the
 * identity.
 * @source keras/src/layers/preprocessing/image_preprocessing/random_color_jitter.py
 */
export class RandomColorJitter extends RandomImageLayer<typeof schema> {
  static override readonly className = 'RandomColorJitter';
  static override readonly schema = schema;
  readonly #steps: readonly Layer[];

  constructor(options: z.input<typeof schema>) {
    super(options);
    const { brightnessFactor, contrastFactor, saturationFactor, hueFactor, valueRange, seed } = this.options;
    const common = { valueRange: [...valueRange] as [number, number], seed };
    this.#steps = [
      brightnessFactor !== null &&
        new RandomBrightness({ ...common, name: 'brightness', factor: brightnessFactor }),
      contrastFactor !== null && new RandomContrast({ ...common, name: 'contrast', factor: contrastFactor }),
      saturationFactor !== null &&
        new RandomSaturation({ ...common, name: 'saturation', factor: saturationFactor }),
      hueFactor !== null && new RandomHue({ ...common, name: 'hue', factor: hueFactor }),
    ].filter((layer) => layer !== false);
  }

  protected augment(x: Value): Value {
    return this.#steps.reduce((y, layer) => layer.invoke([y], { training: true })[0] as Value, x);
  }
}

/** Brightness, contrast, saturation and hue changed while training. @see {@link RandomColorJitter} */
export const randomColorJitter = (options: z.input<typeof schema> = {}): RandomColorJitter =>
  new RandomColorJitter(options);
registerLayer(RandomColorJitter, [
  {
    options: {
      brightnessFactor: 0.2,
      contrastFactor: [0.1, 0.3],
      saturationFactor: 0.5,
      hueFactor: 0.1,
      valueRange: [-4, 4],
    },
    inputs: [[null, 3, 2, 3]],
  },
]);
