import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { PartialShape } from '../core/shape.ts';
import type { Value } from '../ir/graph.ts';
import { conv } from '../ops/conv.ts';
import { reshape, transpose } from '../ops/index.ts';
import { spatialOf, type WindowAttrs } from '../ops/window.ts';
import { activate } from './activate.ts';
import { activationOption } from './activations.ts';
import { layerOptions, type Values } from './layer.ts';
import { Adaptable } from './lora.ts';
import {
  biasOptions,
  biasWeight,
  constraintOption,
  dataFormatOption,
  initializerOption,
  perAxis,
  regularizerOption,
} from './options.ts';
import { channelsOf, inChannelsFirst, type PaddingSchema, padsOf } from './spatial.ts';
import type { Weight } from './weight.ts';

/** Options of every convolution over `rank` spatial axes. */
export const convolutionOptions = <P extends PaddingSchema>(rank: number, padding: P) =>
  layerOptions.extend({
    /** Sizes of the window; one number counts for all axes. */
    kernelSize: perAxis(rank),
    /** Steps between two places of the window. */
    strides: perAxis(rank).prefault(1),
    padding,
    dataFormat: dataFormatOption,
    /** Distance of two neighbouring taps of the window. */
    dilationRate: perAxis(rank).prefault(1),
    activation: activationOption(),
    useBias: z.boolean().default(true),
    ...biasOptions,
  });

/** Initializer, regularizer and constraint of a depthwise kernel. */
export const depthwiseOptions = deferred(() => ({
  depthwiseInitializer: initializerOption('glorotUniform'),
  depthwiseRegularizer: regularizerOption(),
  depthwiseConstraint: constraintOption(),
}));

type ConvolutionOptions = z.output<ReturnType<typeof convolutionOptions<PaddingSchema>>>;

interface Steps {
  readonly strides: readonly number[];
  readonly dilationRate: readonly number[];
}

/** Options are compared with each other only once each of them is right. */
export const onceValid = { when: ({ issues }: z.core.ParsePayload) => issues.length === 0 };

/** Refuses a window that skips places as well as taps. */
export function checkSteps({ strides, dilationRate }: Steps, context: z.RefinementCtx): void {
  if (Math.max(...strides) === 1 || Math.max(...dilationRate) === 1) return;
  const received = `strides [${strides.join(',')}] and dilationRate [${dilationRate.join(',')}]`;
  context.addIssue({
    code: 'custom',
    path: ['dilationRate'],
    message: `strides above 1 cannot be combined with dilation rates above 1. Received ${received}`,
  });
}

/** What convolutions have in common: channels-first computation, a bias for every filter, an activation. */
export abstract class Convolution<S extends z.ZodType<ConvolutionOptions>> extends Adaptable<S> {
  #bias: Weight | undefined;

  /** The convolution itself, of channels-first data. */
  protected abstract convolve(x: Value): Value;

  call([x]: Values): Value {
    const { kernelSize, dataFormat, activation } = this.options;
    const y = inChannelsFirst(x, kernelSize.length, dataFormat, (first) => this.convolve(first));
    return activate(activation, y);
  }

  /** Number of channels of the input. @throws {@link ShapeError} */
  protected channelsOf(shape: PartialShape): number {
    return channelsOf(shape, this.options.kernelSize.length, this.options.dataFormat);
  }

  /** Creates the weight `bias`, if there is one. */
  protected addBias(filters: number): void {
    if (this.options.useBias) this.#bias = this.addWeight('bias', [filters], biasWeight(this.options));
  }

  /** The bias as the ops take it. */
  protected get bias(): { readonly bias?: Value } {
    return this.#bias ? { bias: this.#bias.value } : {};
  }

  /** How the window moves over channels-first data. */
  protected windowOf(x: Value): WindowAttrs {
    const { kernelSize, strides, padding, dilationRate: dilations } = this.options;
    return { strides, dilations, pads: padsOf(padding, spatialOf(x.shape), kernelSize, strides, dilations) };
  }
}

/** `[...kernel, a, b]`, Keras's order of axes, as `[b, a, ...kernel]`, the ops'. */
export function kernelFirst(kernel: Value): Value {
  const rank = kernel.rank - 2;
  return transpose(kernel, [rank + 1, rank, ...Array(rank).keys()]);
}

/**
 * Convolves every channel apart from the others, with `multiplier` filters for each.
 * @param kernel - `[...kernel, channels, multiplier]`
 * @returns `[batch, channels * multiplier, ...places]`, the results of one channel side by side
 */
export function depthwise(x: Value, kernel: Value, options: WindowAttrs & { readonly bias?: Value }): Value {
  const rank = kernel.rank - 2;
  const [channels, multiplier] = kernel.shape.slice(rank) as [number, number];
  const apart = transpose(kernel, [rank, rank + 1, ...Array(rank).keys()]);
  const w = reshape(apart, [channels * multiplier, 1, ...kernel.shape.slice(0, rank)]);
  return conv(x, w, { ...options, group: channels });
}
