import * as z from 'zod';
import { parseOptions } from '../core/configured.ts';
import { deferred } from '../core/deferred.ts';
import type { PartialShape } from '../core/shape.ts';
import type { Tensor, TensorLike } from '../core/tensor.ts';
import { ConfigError, ShapeError } from '../errors.ts';
import { activationOption } from '../layers/activations.ts';
import { input } from '../layers/input.ts';
import { positiveInteger } from '../layers/options.ts';
import type { SymbolicTensor } from '../layers/symbolic.ts';
import { withBlankWeights } from '../layers/weight.ts';
import { Functional } from '../models/functional.ts';
import { type PixelRange, preprocess } from './imagenet.ts';
import { fileOf, weightsOption } from './weights.ts';

const size = positiveInteger.nullable();

/** Options of every application. */
export const applicationOptions = deferred(() =>
  z.strictObject({
    /** Whether the classifier is part of the model; without it the last features come out. */
    includeTop: z.boolean().default(true),
    /** Where the weights come from; `null` for random ones. */
    weights: weightsOption.nullable().default(null),
    /** `[height, width, channels]`; without the classifier height and width may be `null`, for any size. */
    inputShape: z.tuple([size, size, positiveInteger]).nullable().default(null),
    /** What becomes of the features without the classifier: the mean or maximum of each channel, or `null`: the image. */
    pooling: z.enum(['avg', 'max']).nullable().default(null),
    /** Number of classes. */
    classes: positiveInteger.default(1000),
    /** Activation of the classifier; `null` for logits. */
    classifierActivation: activationOption('softmax'),
    /** Name of the model; Keras's by default. */
    name: z.string().optional(),
  }),
);

/** What all applications are told. */
export type ApplicationOptions = z.output<typeof applicationOptions>;

/** An application: makes the model. */
export interface Application<O> {
  /**
   * Makes the model and, where `weights` says so, loads its weights.
   * @throws {@link ConfigError} for wrong options
   * @throws {@link ShapeError} for an input shape that is too small, or not known where it has to be
   */
  (options?: O): Promise<Functional<Tensor>>;
  /** Pixels from 0 to 255, `[..., height, width, 3]`, as the published weights expect them. */
  preprocessInput(pixels: TensorLike): Tensor;
}

/** What is particular to one application. */
export interface Blueprint<S extends z.ZodType<ApplicationOptions>> {
  readonly schema: S;
  /** Name of the model, as Keras gives it. */
  readonly name: string | ((options: z.output<S>, inputShape: PartialShape) => string);
  /** Height and width where `inputShape` is left out. */
  readonly size: number;
  /** Smallest height and width. Default 32. */
  readonly smallest?: number;
  /** When height and width must be known: `top`, where the classifier is there (the default), `always` or `never`. */
  readonly fixedSize?: 'top' | 'always' | 'never';
  readonly pixels: PixelRange;
  /** The layers. */
  readonly wire: (image: SymbolicTensor, options: z.output<S>) => SymbolicTensor;
}

/** An application from its description. */
export function application<S extends z.ZodType<ApplicationOptions>>(
  blueprint: Blueprint<S>,
): Application<z.input<S>> {
  const make = async (given?: z.input<S>): Promise<Functional<Tensor>> => {
    const label = typeof blueprint.name === 'string' ? blueprint.name : 'application';
    const options = parseOptions(blueprint.schema, given, label);
    const { weights } = options;
    if (weights === null) return assemble(blueprint, options);
    checkActivation(options, label);
    const file = await fileOf(weights);
    const model = withBlankWeights(Number.POSITIVE_INFINITY, () => assemble(blueprint, options));
    await model.loadWeights(file);
    return model;
  };
  return Object.assign(make, {
    preprocessInput: (pixels: TensorLike): Tensor => preprocess(pixels, blueprint.pixels),
  });
}

function assemble<S extends z.ZodType<ApplicationOptions>>(
  blueprint: Blueprint<S>,
  options: z.output<S>,
): Functional<Tensor> {
  const shape = inputShapeOf(blueprint, options);
  const name = options.name ?? nameOf(blueprint, options, shape);
  const inputs = input({ shape });
  return new Functional<Tensor>({ name, inputs, outputs: blueprint.wire(inputs, options) });
}

const nameOf = <S extends z.ZodType<ApplicationOptions>>(
  { name }: Blueprint<S>,
  options: z.output<S>,
  shape: PartialShape,
): string => (typeof name === 'string' ? name : name(options, shape));

/** @source keras/src/applications/imagenet_utils.py, `obtain_input_shape` */
function inputShapeOf<S extends z.ZodType<ApplicationOptions>>(
  { size, smallest = 32, fixedSize = 'top' }: Blueprint<S>,
  { inputShape, includeTop }: ApplicationOptions,
): (number | null)[] {
  const fixed = fixedSize === 'always' || (fixedSize === 'top' && includeTop);
  if (inputShape === null) return fixed ? [size, size, 3] : [null, null, 3];
  const [height, width] = inputShape;
  if (fixedSize === 'top' && fixed && (height === null || width === null)) {
    throw new ShapeError(
      `inputShape: expected a known height and width, as the classifier is part of the model. Received [${inputShape.map((n) => n ?? 'null').join(', ')}]. ` +
        'Give both, or pass { includeTop: false }.',
      { argument: 'inputShape', received: JSON.stringify(inputShape) },
    );
  }
  if ((height ?? smallest) < smallest || (width ?? smallest) < smallest) {
    throw new ShapeError(
      `inputShape: expected images of at least ${smallest} x ${smallest}. Received ${height} x ${width}.`,
      { argument: 'inputShape', expected: `at least ${smallest}`, received: JSON.stringify(inputShape) },
    );
  }
  return inputShape;
}

/** Published weights end in scores for softmax. */
function checkActivation({ includeTop, classifierActivation }: ApplicationOptions, label: string): void {
  if (!includeTop || ['softmax', 'linear'].includes(classifierActivation)) return;
  throw new ConfigError(
    `${label}: option "classifierActivation": expected "softmax" or null, as weights are loaded. Received "${classifierActivation}".`,
    { op: label, argument: 'classifierActivation', received: classifierActivation },
  );
}
