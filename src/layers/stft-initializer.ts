import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { formatShape, type Shape } from '../core/shape.ts';
import { ShapeError } from '../errors.ts';
import { Initializer, initializers } from './initializer.ts';
import { cosineWindow, stftOptions } from './windows.ts';

const schema = deferred(() =>
  z.strictObject({
    /** The part of `exp(-2 pi i t f / F)`: its cosine or its sine. */
    side: z.enum(['real', 'imag']).default('real'),
    ...stftOptions,
  }),
);

/**
 * Kernel of a convolution that computes short-time Fourier transforms: `[frame, 1, frequencies]`, of which the transform
 * has `2 * (frequencies - 1)`.
 * @source keras/src/initializers/constant_initializers.py
 */
export class STFT extends Initializer<typeof schema> {
  static override readonly className = 'STFT';
  static override readonly schema = schema;

  /** @throws {@link ShapeError} when the shape is not `[frame, 1, frequencies]`, or the window is not as long */
  generate(shape: Shape): Float32Array {
    const [frame, channels, frequencies] = shape;
    if (shape.length !== 3 || frame === undefined || channels !== 1 || frequencies === undefined) {
      throw wrongShape('a kernel [frame, 1, frequencies]', formatShape(shape));
    }
    const window = this.#window(frame);
    const wave = this.options.side === 'real' ? Math.cos : Math.sin;
    return Float32Array.from({ length: frame * frequencies }, (_, i) => {
      const [t, f] = [Math.floor(i / frequencies), i % frequencies];
      return (window[t] as number) * wave((-Math.PI * t * f) / (frequencies - 1));
    });
  }

  #window(frame: number): readonly number[] {
    const { window, scaling, periodic } = this.options;
    if (window === null) return new Array<number>(frame).fill(1);
    const values = typeof window === 'string' ? cosineWindow(window, frame, periodic) : window;
    if (values.length !== frame) throw wrongShape(`a window of ${frame} values`, `${values.length}`);
    const sum = (f: (v: number) => number): number => values.reduce((total, v) => total + f(v), 0);
    const scale = scaling === null ? 1 : scaling === 'density' ? Math.sqrt(sum((v) => v * v)) : sum(Math.abs);
    return values.map((v) => v / scale);
  }
}
/** Kernel of a convolution that computes short-time Fourier transforms. @see {@link STFT} */
export const stft = (options: z.input<typeof schema> = {}): STFT => new STFT(options);
initializers.register(STFT, 'stftInitializer');

const wrongShape = (expected: string, received: string): ShapeError =>
  new ShapeError(`initializer "stft": expected ${expected}. Received ${received}.`, {
    op: 'stft',
    expected,
    received,
  });
