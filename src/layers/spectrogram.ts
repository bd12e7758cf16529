import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { Value } from '../ir/graph.ts';
import {
  add,
  atan,
  cast,
  concat,
  conv,
  div,
  equal,
  greaterEqual,
  less,
  log,
  maximum,
  mul,
  pad,
  reshape,
  sign,
  sqrt,
  square,
  sub,
  transpose,
  where,
} from '../ops/index.ts';
import { Layer, layerOptions, type PartialShapes, type Values } from './layer.ts';
import { dataFormatOption, positiveInteger } from './options.ts';
import { registerLayer } from './registry.ts';
import { channelsOf, paddingOption, padsOf } from './spatial.ts';
import { stft } from './stft-initializer.ts';
import type { Weight } from './weight.ts';
import { stftOptions } from './windows.ts';

const schema = deferred(() =>
  layerOptions
    .extend({
      /** What is told of each frequency: `log`, `magnitude`, `psd` (power), `angle`, its parts, or both (`stft`). */
      mode: z.enum(['log', 'magnitude', 'psd', 'real', 'imag', 'angle', 'stft']).default('log'),
      /** Samples in a frame. */
      frameLength: positiveInteger.default(256),
      /** Samples from one frame to the next; `null` for half a frame. */
      frameStep: positiveInteger.nullable().default(null),
      /** Samples that are transformed, which sets the frequencies; `null`: the next power of two. */
      fftLength: positiveInteger.nullable().default(null),
      window: stftOptions.window,
      periodic: stftOptions.periodic,
      scaling: stftOptions.scaling,
      padding: paddingOption,
      /** Keeps channels on an axis of their own: images of time and frequency. */
      expandDims: z.boolean().default(false),
      dataFormat: dataFormatOption,
    })
    .refine((o) => (o.frameStep ?? 1) <= o.frameLength, {
      error: 'expected at most frameLength',
      path: ['frameStep'],
    })
    .refine((o) => (o.fftLength ?? o.frameLength) >= o.frameLength, {
      error: 'expected at least frameLength',
      path: ['fftLength'],
    }),
);

/** What logarithms and roots are taken of, at least. */
const epsilon = 1e-7;

/**
 * Frequencies in the frames of a signal: `[batch, time, channels]` becomes `[batch, frames, channels * frequencies]`, with
 * `expandDims` `[batch, frames, frequencies, channels]`.
 *
 * Weights: `real_kernel` and `imag_kernel`, `[frameLength, 1, frequencies]`, which begin as windowed waves; modes `real`
 * and `imag` have one of them.
 * @source keras/src/layers/preprocessing/stft_spectrogram.py
 */
export class STFTSpectrogram extends Layer<typeof schema> {
  static override readonly className = 'STFTSpectrogram';
  static override readonly schema = schema;
  #real: Weight | undefined;
  #imag: Weight | undefined;

  override build([shape]: PartialShapes): void {
    const { mode, frameLength, fftLength, window, scaling, periodic, dataFormat } = this.options;
    channelsOf(shape, 1, dataFormat);
    const length = fftLength ?? 2 ** Math.ceil(Math.log2(frameLength));
    const kernel = (side: 'real' | 'imag'): Weight =>
      this.addWeight(`${side}_kernel`, [frameLength, 1, Math.floor(length / 2) + 1], {
        initializer: stft({ side, window, scaling, periodic }),
      });
    if (mode !== 'imag') this.#real = kernel('real');
    if (mode !== 'real') this.#imag = kernel('imag');
  }

  call([x]: Values): Value {
    const { mode, expandDims, dataFormat } = this.options;
    const first = dataFormat === 'channelsFirst';
    const parts = [this.#real, this.#imag]
      .filter((kernel) => kernel !== undefined)
      .map(({ value }) => this.#waves(first ? x : transpose(x, [0, 2, 1]), value));
    const y = told(mode, parts);
    const [batch, channels, frequencies, frames] = y.shape as readonly [number, number, number, number];
    if (expandDims) return transpose(y, first ? [0, 1, 3, 2] : [0, 3, 2, 1]);
    const flat = reshape(y, [batch, channels * frequencies, frames]);
    return first ? flat : transpose(flat, [0, 2, 1]);
  }

  /** `[batch, channels, frequencies, frames]` of `[batch, channels, time]`. */
  #waves(x: Value, kernel: Value): Value {
    const { frameLength, frameStep, padding } = this.options;
    const [batch, channels, time] = x.shape as readonly [number, number, number];
    const strides = [frameStep ?? Math.max(Math.floor(frameLength / 2), 1)];
    const y = conv(reshape(x, [batch * channels, 1, time]), transpose(kernel, [2, 1, 0]), {
      strides,
      pads: padsOf(padding, [time], [frameLength], strides),
    });
    return reshape(y, [batch, channels, ...y.shape.slice(1)]);
  }
}

/** What a mode makes of the real and the imaginary part; frequencies are on axis 2. */
function told(mode: z.output<typeof schema>['mode'], [one, other]: readonly Value[]): Value {
  const [real, imag] = [one as Value, other as Value];
  if (mode === 'real' || mode === 'imag') return real;
  if (mode === 'stft') return concat([real, imag], 2);
  if (mode === 'angle') return angleOf(imag, real);
  const power = add(square(real), square(imag));
  if (mode === 'psd') return add(power, twice(power));
  const magnitude = sqrt(maximum(power, epsilon));
  return mode === 'magnitude' ? magnitude : log(maximum(magnitude, epsilon));
}

/** The power of frequencies that stand for a negative one too: all but the first and the last. */
const twice = (power: Value): Value => {
  const cut = [0, 0] as const;
  return pad(pad(power, [cut, cut, [-1, -1], cut]), [cut, cut, [1, 1], cut]);
};

/** The angle of `(x, y)`, from `-pi` to `pi`. */
function angleOf(y: Value, x: Value): Value {
  const upright = mul(sign(y), Math.PI / 2);
  const slope = atan(div(y, where(equal(x, 0), 1, x)));
  const turned = add(slope, sub(mul(cast(greaterEqual(y, 0), y.dtype), 2 * Math.PI), Math.PI));
  return where(equal(x, 0), upright, where(less(x, 0), turned, slope));
}

/** Frequencies in the frames of a signal. @see {@link STFTSpectrogram} */
export const stftSpectrogram = (options: z.input<typeof schema> = {}): STFTSpectrogram =>
  new STFTSpectrogram(options);
registerLayer(STFTSpectrogram, [
  { options: { frameLength: 4 }, inputs: [[null, 9, 2]], output: [null, 3, 6] },
  {
    options: { mode: 'angle', frameLength: 6, frameStep: 2, padding: 'same', expandDims: true },
    inputs: [[null, 8, 2]],
    output: [null, 4, 5, 2],
  },
  {
    options: { mode: 'real', frameLength: 4, fftLength: 10, window: 'boxcar', dataFormat: 'channelsFirst' },
    inputs: [[null, 2, null]],
  },
]);
