import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { Random } from '../core/random.ts';
import { normalizeAxis, type Shape, sizeOf } from '../core/shape.ts';
import { drawn, Initializer, initializers, seedOption } from './initializer.ts';

const axes = z.array(z.int()).nullable().default(null);
const fanSchema = deferred(() =>
  z
    .strictObject({
      seed: seedOption,
      /**
       * Axes whose sizes multiply to the fan-in; `null` for the usual rule of dense and convolution kernels.
       */
      inputAxes: axes,
      /** Axes whose sizes multiply to the fan-out. */
      outputAxes: axes,
    })
    .refine((o) => (o.inputAxes === null) === (o.outputAxes === null), {
      path: ['inputAxes'],
      message: 'give both inputAxes and outputAxes, or neither',
    }),
);
const scalingSchema = deferred(() =>
  fanSchema.safeExtend({
    scale: z.number().positive().default(1),
    mode: z.enum(['fanIn', 'fanOut', 'fanAvg']).default('fanIn'),
    /** `normal` is another name of `truncatedNormal`. */
    distribution: z
      .enum(['truncatedNormal', 'untruncatedNormal', 'uniform', 'normal'])
      .transform((name) => (name === 'normal' ? 'truncatedNormal' : name))
      .default('truncatedNormal'),
  }),
);
type FanOptions = z.output<typeof fanSchema>;
/** How the numbers are drawn, and which fan their variance is divided by. */
type Scaling = Pick<z.output<typeof scalingSchema>, 'scale' | 'mode' | 'distribution'>;

/** Standard deviation of a standard normal that is cut off at -2 and 2. */
const truncatedDeviation = 0.87962566103423978;

/** Numbers of mean 0 and variance `scale / fan`. */
function scaled(
  shape: Shape,
  random: Random,
  fanOptions: FanOptions,
  { scale, mode, distribution }: Scaling,
): Float32Array {
  const { fanIn, fanOut } = fansOf(shape, fanOptions);
  const fan = { fanIn, fanOut, fanAvg: (fanIn + fanOut) / 2 }[mode];
  const variance = scale / Math.max(1, fan);
  if (distribution === 'uniform') {
    const limit = Math.sqrt(3 * variance);
    return drawn(shape, () => limit * (2 * random.uniform() - 1));
  }
  const deviation = Math.sqrt(variance);
  return distribution === 'truncatedNormal'
    ? drawn(shape, () => (deviation / truncatedDeviation) * random.truncatedNormal())
    : drawn(shape, () => deviation * random.normal());
}

/**
 * How many inputs a unit has, and how many outputs an input feeds; leading axes are those of a kernel's
 * window.
 */
function fansOf(shape: Shape, { inputAxes, outputAxes }: FanOptions): { fanIn: number; fanOut: number } {
  const sizeAlong = (chosen: readonly number[]): number =>
    sizeOf(chosen.map((axis) => shape[normalizeAxis(axis, shape.length, 'varianceScaling')] as number));
  if (inputAxes && outputAxes) return { fanIn: sizeAlong(inputAxes), fanOut: sizeAlong(outputAxes) };
  if (shape.length < 2) return { fanIn: sizeOf(shape), fanOut: sizeOf(shape) };
  const window = sizeOf(shape.slice(0, -2));
  return { fanIn: window * sizeAlong([-2]), fanOut: window * sizeAlong([-1]) };
}

/**
 * Mean 0, variance `scale / fan`, where `mode` says which fan and `distribution` how the numbers are drawn.
 * @source keras/src/initializers/random_initializers.py
 */
export class VarianceScaling extends Initializer<typeof scalingSchema> {
  static override readonly className = 'VarianceScaling';
  static override readonly schema = scalingSchema;
  generate(shape: Shape, random: Random): Float32Array {
    return scaled(shape, random, this.options, this.options);
  }
}
/** Mean 0, variance `scale / fan`. @see {@link VarianceScaling} */
export const varianceScaling = (options: z.input<typeof scalingSchema> = {}): VarianceScaling =>
  new VarianceScaling(options);
initializers.register(VarianceScaling);

type FanInput = z.input<typeof fanSchema>;

/** A {@link VarianceScaling} with a fixed rule. */
abstract class FixedScaling extends Initializer<typeof fanSchema> {
  static override readonly schema = fanSchema;
  protected abstract readonly scaling: Scaling;
  generate(shape: Shape, random: Random): Float32Array {
    return scaled(shape, random, this.options, this.scaling);
  }
}

/** Uniform within `sqrt(6 / (fanIn + fanOut))`. @source Glorot and Bengio, AISTATS 2010 */
export class GlorotUniform extends FixedScaling {
  static override readonly className = 'GlorotUniform';
  protected readonly scaling: Scaling = { scale: 1, mode: 'fanAvg', distribution: 'uniform' };
}
/** Uniform within `sqrt(6 / (fanIn + fanOut))`. */
export const glorotUniform = (options: FanInput = {}): GlorotUniform => new GlorotUniform(options);
initializers.register(GlorotUniform);

/** Truncated normal of variance `2 / (fanIn + fanOut)`. @source Glorot and Bengio, AISTATS 2010 */
export class GlorotNormal extends FixedScaling {
  static override readonly className = 'GlorotNormal';
  protected readonly scaling: Scaling = { scale: 1, mode: 'fanAvg', distribution: 'truncatedNormal' };
}
/** Truncated normal of variance `2 / (fanIn + fanOut)`. */
export const glorotNormal = (options: FanInput = {}): GlorotNormal => new GlorotNormal(options);
initializers.register(GlorotNormal);

/** Uniform within `sqrt(6 / fanIn)`. @source He et al., ICCV 2015 */
export class HeUniform extends FixedScaling {
  static override readonly className = 'HeUniform';
  protected readonly scaling: Scaling = { scale: 2, mode: 'fanIn', distribution: 'uniform' };
}
/** Uniform within `sqrt(6 / fanIn)`. */
export const heUniform = (options: FanInput = {}): HeUniform => new HeUniform(options);
initializers.register(HeUniform);

/** Truncated normal of variance `2 / fanIn`. @source He et al., ICCV 2015 */
export class HeNormal extends FixedScaling {
  static override readonly className = 'HeNormal';
  protected readonly scaling: Scaling = { scale: 2, mode: 'fanIn', distribution: 'truncatedNormal' };
}
/** Truncated normal of variance `2 / fanIn`. */
export const heNormal = (options: FanInput = {}): HeNormal => new HeNormal(options);
initializers.register(HeNormal);

/** Uniform within `sqrt(3 / fanIn)`. @source LeCun et al., "Efficient BackProp", 1998 */
export class LecunUniform extends FixedScaling {
  static override readonly className = 'LecunUniform';
  protected readonly scaling: Scaling = { scale: 1, mode: 'fanIn', distribution: 'uniform' };
}
/** Uniform within `sqrt(3 / fanIn)`. */
export const lecunUniform = (options: FanInput = {}): LecunUniform => new LecunUniform(options);
initializers.register(LecunUniform);

/** Truncated normal of variance `1 / fanIn`. @source LeCun et al., "Efficient BackProp", 1998 */
export class LecunNormal extends FixedScaling {
  static override readonly className = 'LecunNormal';
  protected readonly scaling: Scaling = { scale: 1, mode: 'fanIn', distribution: 'truncatedNormal' };
}
/** Truncated normal of variance `1 / fanIn`. */
export const lecunNormal = (options: FanInput = {}): LecunNormal => new LecunNormal(options);
initializers.register(LecunNormal);
