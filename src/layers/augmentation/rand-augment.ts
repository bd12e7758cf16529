import type * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import type { Value } from '../../ir/graph.ts';
import { equal, floor, minimum, mul, where } from '../../ops/index.ts';
import type { Layer } from '../layer.ts';
import { positiveInteger } from '../options.ts';
import { registerLayer } from '../registry.ts';
import { AutoContrast } from './auto-contrast.ts';
import { Equalization } from './equalization.ts';
import {
  factorOption,
  RandomImageLayer,
  type Range,
  randomImageOptions,
  rangeOf,
  samplingOptions,
  valueRangeOption,
} from './image-layer.ts';
import { RandomBrightness } from './random-brightness.ts';
import { RandomColorDegeneration } from './random-color-degeneration.ts';
import { RandomContrast } from './random-contrast.ts';
import { RandomPosterization } from './random-posterization.ts';
import { RandomRotation } from './random-rotation.ts';
import { RandomSharpness } from './random-sharpness.ts';
import { RandomShear } from './random-shear.ts';
import { RandomTranslation } from './random-translation.ts';
import { Solarization } from './solarization.ts';

const schema = deferred(() =>
  randomImageOptions.extend({
    valueRange: valueRangeOption,
    /** How many changes every image gets. */
    numOps: positiveInteger.default(2),
    /** How strong the changes are. */
    factor: factorOption(0, 1).default(0.5),
    interpolation: samplingOptions.interpolation,
  }),
);

/**
 * Every image changed `numOps` times while training, each time in one of eleven ways; otherwise the identity. In Keras the
 * images of a batch are all changed in the same ways.
 * @source Cubuk et al., "RandAugment: practical automated data augmentation with a reduced search space", NeurIPS 2020
 */
export class RandAugment extends RandomImageLayer<typeof schema> {
  static override readonly className = 'RandAugment';
  static override readonly schema = schema;
  readonly #ways: readonly Layer[];

  constructor(options: z.input<typeof schema>) {
    super(options);
    const { factor, ...common } = this.options;
    this.#ways = [...warps(rangeOf(factor, 0), common), ...shades(rangeOf(factor, 0), common)];
  }

  protected augment(x: Value): Value {
    let y = x;
    for (let i = 0; i < this.options.numOps; i++) y = oneOf(this.#ways, y, this.draw(x, [0, 1]));
    return y;
  }
}

/** What the layers inside such a layer have in common. */
interface Common {
  readonly valueRange: [number, number];
  readonly interpolation: 'nearest' | 'bilinear';
  readonly seed: number | null;
}

/** The changes that AugMix has without `allOps`. */
export function warps([low, high]: Range, { valueRange, interpolation, seed }: Common): Layer[] {
  const factor: [number, number] = [low, high];
  const place = { interpolation, seed };
  return [
    new RandomShear({ ...place, name: 'shear', xFactor: factor, yFactor: factor }),
    new RandomTranslation({ ...place, name: 'translation', heightFactor: factor, widthFactor: factor }),
    new RandomRotation({ ...place, name: 'rotation', factor }),
    new RandomPosterization({
      name: 'posterization',
      seed,
      factor: Math.max(1, Math.floor(8 * high)),
      valueRange,
    }),
    new Solarization({
      name: 'solarization',
      seed,
      additionFactor: factor,
      thresholdFactor: factor,
      valueRange,
    }),
    new AutoContrast({ name: 'auto_contrast', valueRange }),
    new Equalization({ name: 'equalization', valueRange }),
  ];
}

/** The other changes. */
export function shades([low, high]: Range, { valueRange, seed }: Common): Layer[] {
  const common = { factor: [low, high] as [number, number], valueRange, seed };
  return [
    new RandomBrightness({ ...common, name: 'brightness' }),
    new RandomColorDegeneration({ ...common, name: 'color_degeneration' }),
    new RandomContrast({ ...common, name: 'contrast' }),
    new RandomSharpness({ ...common, name: 'sharpness' }),
  ];
}

/** Every image as one of the layers changes it: that at `choice`, from 0 to 1; beyond the layers it stays. */
export function oneOf(layers: readonly Layer[], x: Value, choice: Value, count = layers.length): Value {
  const chosen = minimum(floor(mul(choice, count)), count - 1);
  return layers.reduce(
    (y, layer, i) => where(equal(chosen, i), layer.invoke([x], { training: true })[0] as Value, y),
    x,
  );
}

/** Every image changed in ways chosen at random while training. @see {@link RandAugment} */
export const randAugment = (options: z.input<typeof schema> = {}): RandAugment => new RandAugment(options);
registerLayer(RandAugment, [{ options: { valueRange: [-4, 4] }, inputs: [[null, 3, 4, 3]] }]);
