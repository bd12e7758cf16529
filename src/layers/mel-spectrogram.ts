import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { formatShape, sizeOf } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { ShapeError } from '../errors.ts';
import { constant, type Value } from '../ir/graph.ts';
import {
  add,
  conv,
  log,
  matmul,
  maximum,
  mul,
  pad,
  pow,
  reduceMax,
  reshape,
  split,
  sqrt,
  square,
  sub,
} from '../ops/index.ts';
import { Layer, layerOptions, type Values } from './layer.ts';
import { positiveInteger } from './options.ts';
import { registerLayer } from './registry.ts';
import { cosineWindow } from './windows.ts';

const schema = deferred(() =>
  layerOptions
    .extend({
      /** Samples that are transformed. */
      fftLength: positiveInteger.default(2048),
      /** Samples from one frame to the next. */
      sequenceStride: positiveInteger.default(512),
      /** Samples under the window; `null`: `fftLength`. */
      sequenceLength: positiveInteger.nullable().default(null),
      window: z.enum(['hann', 'hamming']).default('hann'),
      /** Samples in a second. */
      samplingRate: positiveInteger.default(16000),
      numMelBins: positiveInteger.default(128),
      /** Lowest and highest frequency, in hertz; `null`: half the sampling rate. */
      minFreq: z.number().nonnegative().default(20),
      maxFreq: z.number().positive().nullable().default(null),
      /** Whether to give decibels: `10 log10(y / refPower)`. */
      powerToDb: z.boolean().default(true),
      /** Decibels below the loudest of the batch that are told apart. */
      topDb: z.number().positive().default(80),
      /** 2 for power, 1 for magnitude. */
      magExp: z.number().positive().default(2),
      minPower: z.number().positive().default(1e-10),
      refPower: z.number().default(1),
    })
    .refine((o) => (o.sequenceLength ?? o.fftLength) <= o.fftLength, {
      error: 'expected at most fftLength',
      path: ['sequenceLength'],
    }),
);

/**
 * Loudness of signals by pitch: `[batch, time]`, or `[time]`, becomes `[..., numMelBins, frames]`.
 * @source keras/src/layers/preprocessing/mel_spectrogram.py
 */
export class MelSpectrogram extends Layer<typeof schema> {
  static override readonly className = 'MelSpectrogram';
  static override readonly schema = schema;

  /** @throws {@link ShapeError} when a signal is not longer than half a frame */
  call([x]: Values): Value {
    const { fftLength, powerToDb, magExp } = this.options;
    const around = Math.floor(fftLength / 2);
    const time = x.shape.at(-1) ?? 0;
    if (time <= around) {
      throw new ShapeError(
        `expected signals [..., time] of more than ${around} samples, half of fftLength. ` +
          `Received ${formatShape(x.shape)}.`,
        { expected: `more than ${around} samples`, received: formatShape(x.shape) },
      );
    }
    const signals = reshape(x, [sizeOf(x.shape.slice(0, -1)), 1, time]);
    const padded = pad(
      signals,
      [
        [0, 0],
        [0, 0],
        [around, around],
      ],
      'reflect',
    );
    const waves = conv(padded, constant(this.#waves().cast(x.dtype)), {
      strides: [this.options.sequenceStride],
    });
    const [real, imag] = split(waves, 2, 1) as unknown as readonly [Value, Value];
    const power = pow(sqrt(add(square(real), square(imag))), magExp);
    const mel = matmul(constant(this.#bands().cast(x.dtype)), power);
    const y = powerToDb ? this.#decibels(mel) : mel;
    return reshape(y, [...x.shape.slice(0, -1), ...y.shape.slice(1)]);
  }

  /** Windowed cosines, then sines, of all frequencies: `[2 * frequencies, 1, fftLength]`. */
  #waves(): Tensor {
    const { fftLength, sequenceLength, window } = this.options;
    const length = sequenceLength ?? fftLength;
    const before = Math.floor((fftLength - length) / 2);
    const weights = cosineWindow(window, length, true);
    const count = Math.floor(fftLength / 2) + 1;
    const data = new Float32Array(2 * count * fftLength);
    for (let f = 0; f < count; f++) {
      weights.forEach((weight, t) => {
        const at = before + t;
        // whole turns taken away, for exactness
        const angle = (-2 * Math.PI * ((f * at) % fftLength)) / fftLength;
        data[f * fftLength + at] = weight * Math.cos(angle);
        data[(count + f) * fftLength + at] = weight * Math.sin(angle);
      });
    }
    return new Tensor('float32', [2 * count, 1, fftLength], data);
  }

  /** What each frequency counts for each pitch: triangles, equally wide on the mel scale. */
  #bands(): Tensor {
    const { fftLength, samplingRate, numMelBins, minFreq, maxFreq } = this.options;
    const count = Math.floor(fftLength / 2) + 1;
    const [low, high] = [melOf(minFreq), melOf(maxFreq ?? Math.floor(samplingRate / 2))];
    const width = (high - low) / (numMelBins + 1);
    const data = Float32Array.from({ length: numMelBins * count }, (_, i) => {
      const [band, bin] = [Math.floor(i / count), i % count];
      if (bin === 0) return 0;
      const mel = melOf((bin * samplingRate) / 2 / (count - 1));
      return Math.max(0, 1 - Math.abs(mel - low - (band + 1) * width) / width);
    });
    return new Tensor('float32', [numMelBins, count], data);
  }

  #decibels(x: Value): Value {
    const { minPower, refPower, topDb } = this.options;
    const decibels = 10 / Math.LN10;
    const reference = decibels * Math.log(Math.max(Math.abs(refPower), minPower));
    const y = sub(mul(log(maximum(x, minPower)), decibels), reference);
    return maximum(y, sub(reduceMax(y), topDb));
  }
}

/** Pitch of a frequency. @source O'Shaughnessy, "Speech communication", 1987 */
const melOf = (hertz: number): number => 1127 * Math.log(1 + hertz / 700);

/** Loudness of signals by pitch. @see {@link MelSpectrogram} */
export const melSpectrogram = (options: z.input<typeof schema> = {}): MelSpectrogram =>
  new MelSpectrogram(options);
registerLayer(MelSpectrogram, [
  { options: { fftLength: 8, sequenceStride: 4, numMelBins: 3 }, inputs: [[null, 12]], output: [null, 3, 4] },
]);
