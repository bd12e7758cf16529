import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { formatShape, type Shape } from '../core/shape.ts';
import { ShapeError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import { conv } from '../ops/conv.ts';
import { add, concat, mul, reshape } from '../ops/index.ts';
import { windowPlaces } from '../ops/window.ts';
import { activationOption } from './activations.ts';
import { checkSteps, kernelFirst, onceValid } from './convolution.ts';
import { type CallOptions, layerOptions, type PartialShapes } from './layer.ts';
import { forgetOptions, lstmUpdate, UnitForgetBias } from './lstm-gates.ts';
import {
  biasOptions,
  biasWeight,
  dataFormatOption,
  kernelOptions,
  kernelWeight,
  perAxis,
  positiveInteger,
} from './options.ts';
import { optionsOf, Recurrent, rnnOptions } from './recurrent.ts';
import {
  type CellRun,
  cellDropoutOptions,
  dropoutMasks,
  RecurrentCell,
  recurrentOptions,
  recurrentWeight,
} from './recurrent-cell.ts';
import { registerLayer } from './registry.ts';
import { channelsOf, inChannelsFirst, paddingOption, padsOf, spatialAxesOf } from './spatial.ts';
import type { Weight } from './weight.ts';

const optionsWith = <S extends z.ZodType<number[]>, O extends z.ZodType<number[]>>(sizes: S, ones: O) => ({
  /** Number of channels of the output, and of each state. */
  filters: positiveInteger,
  /** Sizes of the window; one number counts for all axes. */
  kernelSize: sizes,
  /** Steps between two places of the window on the input. */
  strides: ones,
  padding: paddingOption,
  dataFormat: dataFormatOption,
  /** Distance of two neighbouring taps of the window on the input. */
  dilationRate: ones,
  activation: activationOption('tanh'),
  useBias: z.boolean().default(true),
  ...forgetOptions,
  ...kernelOptions,
  ...recurrentOptions,
  ...biasOptions,
  ...cellDropoutOptions,
});
const sizes = z.array(positiveInteger);
const cellSchema = deferred(() => layerOptions.extend(optionsWith(sizes, sizes)));

/** One step of a ConvLSTM: the step of an LSTM, with convolutions in place of products. */
class ConvLSTMCell extends RecurrentCell<typeof cellSchema> {
  static override readonly className = 'ConvLSTMCell';
  static override readonly schema = cellSchema;
  #kernel!: Weight;
  #recurrent!: Weight;
  #bias: Weight | undefined;
  #stateShape: Shape = [];

  override build([shape]: PartialShapes): void {
    const o = this.options;
    const channels = channelsOf(shape, this.#rank, o.dataFormat);
    this.#stateShape = this.#outputShape(shape.slice(1));
    this.#kernel = this.addWeight('kernel', [...o.kernelSize, channels, 4 * o.filters], kernelWeight(o));
    this.#recurrent = this.addWeight(
      'recurrent_kernel',
      [...o.kernelSize, o.filters, 4 * o.filters],
      recurrentWeight(o),
    );
    if (!o.useBias) return;
    const weight = biasWeight(o);
    const initializer = o.unitForgetBias ? new UnitForgetBias(weight.initializer) : weight.initializer;
    this.#bias = this.addWeight('bias', [4 * o.filters], { ...weight, initializer });
  }

  get #rank(): number {
    return this.options.kernelSize.length;
  }

  /** Axis of the channels, counted from the last. */
  get #channelAxis(): number {
    return this.options.dataFormat === 'channelsFirst' ? -1 - this.#rank : -1;
  }

  /** Shape of the output of one sample. @throws {@link ShapeError} where the places are not known */
  #outputShape(sample: readonly (number | null)[]): Shape {
    const { dataFormat, kernelSize, filters, strides, padding, dilationRate: dilations } = this.options;
    const spatial = spatialAxesOf(this.#rank, dataFormat).map((axis) => sample[axis - 1] ?? null);
    if (!spatial.every((n) => n !== null)) {
      throw new ShapeError(
        `all sizes but those of batch and time must be known. Received ${formatShape(sample)} for a step.`,
        { received: formatShape(sample) },
      );
    }
    const pads = padsOf(padding, spatial, kernelSize, strides, dilations);
    const places = windowPlaces(spatial, kernelSize, { strides, dilations, pads });
    return dataFormat === 'channelsFirst' ? [filters, ...places] : [...places, filters];
  }

  override get stateShapes(): readonly Shape[] {
    return [this.#stateShape, this.#stateShape];
  }

  begin(shape: Shape, options: CallOptions): CellRun {
    const { strides, padding, dilationRate: dilations } = this.options;
    const state = [shape[0] as number, ...this.#stateShape];
    const masks = dropoutMasks(this.options, options, { input: shape, state }, 4);
    const [kernel, recurrent, bias] = [this.#kernel.value, this.#recurrent.value, this.#bias?.value];
    const ones = strides.map(() => 1);
    return {
      project: (x) => this.#convolve(x, kernel, masks.input, { strides, dilations, padding }, bias),
      step: (x, states) => {
        const [h, c] = states as readonly [Value, Value];
        const steady = { strides: ones, dilations: ones, padding: 'same' } as const;
        const sums = add(x, this.#convolve(h, recurrent, masks.state, steady));
        const [output, carry] = lstmUpdate(sums, c, this.#channelAxis, this.options);
        return [output, output, carry];
      },
    };
  }

  /**
   * The convolutions of the four gates, side by side.
   * @param x - `[..., batch, ...sample]`
   * @param masks - of dropout, one for each gate; a gate then sees its own form of `x`
   */
  #convolve(x: Value, kernel: Value, masks: readonly Value[], window: Window, bias?: Value): Value {
    const { kernelSize, dataFormat } = this.options;
    const { strides, dilations, padding } = window;
    const seen =
      masks.length === 0
        ? x
        : concat(
            masks.map((mask) => mul(x, mask)),
            this.#channelAxis,
          );
    const before = x.rank - this.#rank - 1;
    const samples = reshape(seen, [-1, ...seen.shape.slice(before)]);
    const y = inChannelsFirst(samples, this.#rank, dataFormat, (first) =>
      conv(first, kernelFirst(kernel), {
        strides,
        dilations,
        pads: padsOf(padding, first.shape.slice(2), kernelSize, strides, dilations),
        group: Math.max(1, masks.length),
        ...(bias && { bias }),
      }),
    );
    return reshape(y, [...x.shape.slice(0, before), ...y.shape.slice(1)]);
  }
}

interface Window {
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padding: 'valid' | 'same';
}

const schemaOf = (rank: number) =>
  rnnOptions.extend(optionsWith(perAxis(rank), perAxis(rank).prefault(1))).superRefine(checkSteps, onceValid);
const schema1d = deferred(() => schemaOf(1));
const schema2d = deferred(() => schemaOf(2));
const schema3d = deferred(() => schemaOf(3));

/** An LSTM over sequences of images (or rows, or volumes): convolutions in place of products. */
abstract class ConvLSTM extends Recurrent<typeof schema2d> {
  protected makeCell(): ConvLSTMCell {
    return new ConvLSTMCell(optionsOf(cellSchema, this.options, 'conv_lstm_cell'));
  }
}

/**
 * An LSTM over sequences of rows: its sums are convolutions over one axis.
 *
 * Input `[batch, time, steps, channels]`, output `[batch, places, filters]`, of every step with `returnSequences`.
 * Weights: `kernel [size, channels, 4 * filters]`, `recurrent_kernel [size, filters, 4 * filters]`, `bias [4 * filters]`.
 * @source Shi et al. 2015; keras/src/layers/rnn/conv_lstm1d.py
 */
export class ConvLSTM1D extends ConvLSTM {
  static override readonly className = 'ConvLSTM1D';
  static override readonly schema = schema1d;
}
/** An LSTM over sequences of rows. @see {@link ConvLSTM1D} */
export const convLstm1d = (options: z.input<typeof schema1d>): ConvLSTM1D => new ConvLSTM1D(options);
registerLayer(ConvLSTM1D, [
  { options: { filters: 2, kernelSize: 2 }, inputs: [[null, 3, 4, 2]], output: [null, 3, 2] },
  {
    options: {
      filters: 2,
      kernelSize: 3,
      padding: 'same',
      returnSequences: true,
      dropout: 0.5,
      recurrentDropout: 0.5,
    },
    inputs: [[null, null, 4, 2]],
    output: [null, null, 4, 2],
  },
]);

/**
 * An LSTM over sequences of images: its sums are convolutions over two axes.
 *
 * Input `[batch, time, height, width, channels]`, output `[batch, height', width', filters]`, of every step with
 * `returnSequences`. Weights: `kernel [...kernelSize, channels, 4 * filters]`,
 * `recurrent_kernel [...kernelSize, filters, 4 * filters]`, `bias [4 * filters]`.
 * @source Shi et al. 2015; keras/src/layers/rnn/conv_lstm2d.py
 */
export class ConvLSTM2D extends ConvLSTM {
  static override readonly className = 'ConvLSTM2D';
  static override readonly schema = schema2d;
}
/** An LSTM over sequences of images. @see {@link ConvLSTM2D} */
export const convLstm2d = (options: z.input<typeof schema2d>): ConvLSTM2D => new ConvLSTM2D(options);
registerLayer(ConvLSTM2D, [
  {
    options: { filters: 2, kernelSize: 2, dataFormat: 'channelsFirst', returnState: true },
    inputs: [[null, 2, 1, 3, 3]],
  },
]);

/**
 * An LSTM over sequences of volumes: its sums are convolutions over three axes.
 *
 * Input `[batch, time, depth, height, width, channels]`; otherwise as {@link ConvLSTM2D}.
 * @source Shi et al. 2015; keras/src/layers/rnn/conv_lstm3d.py
 */
export class ConvLSTM3D extends ConvLSTM {
  static override readonly className = 'ConvLSTM3D';
  static override readonly schema = schema3d;
}
/** An LSTM over sequences of volumes. @see {@link ConvLSTM3D} */
export const convLstm3d = (options: z.input<typeof schema3d>): ConvLSTM3D => new ConvLSTM3D(options);
registerLayer(ConvLSTM3D, [
  { options: { filters: 1, kernelSize: 2 }, inputs: [[null, 2, 2, 3, 3, 1]], output: [null, 1, 2, 2, 1] },
]);
