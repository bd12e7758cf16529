import * as z from 'zod';
import { deferred } from '../core/deferred.ts';

/** Coefficients of cosine windows: `sum(a[k] * cos(2 pi k t / period) * (-1)^k)`. */
const cosineWindows = {
  boxcar: [1],
  hann: [0.5, 0.5],
  hamming: [0.54, 0.46],
  blackman: [0.42, 0.5, 0.08],
} as const;

/** How signals are cut out of longer ones, and scaled. */
export const stftOptions = deferred(() => ({
  /** Name of a window, its values, or `null` for none. */
  window: z
    .union([z.enum(['boxcar', 'hann', 'hamming', 'blackman']), z.array(z.number())])
    .nullable()
    .default('hann'),
  /** Divides by the root of the sum of the window's squares, or by its sum. */
  scaling: z.enum(['density', 'spectrum']).nullable().default('density'),
  /** Whether the window is one period of an endless one. */
  periodic: z.boolean().default(false),
}));

/** Values of a window that is known by name. */
export function cosineWindow(name: keyof typeof cosineWindows, frame: number, periodic: boolean): number[] {
  if (frame === 1) return [1];
  const period = periodic ? frame : frame - 1;
  return Array.from({ length: frame }, (_, t) =>
    cosineWindows[name].reduce(
      (sum, a, k) => sum + (-1) ** k * a * Math.cos((2 * Math.PI * k * t) / period),
      0,
    ),
  );
}
