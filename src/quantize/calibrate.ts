import { type ActivationScale, activationScale } from './quantized-tensors.ts';

/** How the range of an activation is chosen from what it is on calibration data. */
export type CalibrationMethod = 'minmax' | 'percentile' | 'entropy';

const bins = 2048;

/**
 * The range of values that 8 bits are to represent: all of it, without the outermost 0.01 % on each side, or what keeps
 * the distribution best.
 */
export function calibrate(values: Float32Array, method: CalibrationMethod): ActivationScale {
  const sorted = values.toSorted();
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] ?? 0;
  if (method === 'minmax') return activationScale(at(0), at(1));
  if (method === 'percentile') return activationScale(at(1e-4), at(1 - 1e-4));
  const limit = entropyLimit(values);
  return activationScale(Math.max(at(0), -limit), Math.min(at(1), limit));
}

/**
 * The bound on `|x|` whose histogram in 128 levels diverges least, in the sense of Kullback and Leibler, from that of the
 * clipped values.
 * @source Migacz 2017, "8-bit inference with TensorRT"
 */
function entropyLimit(values: Float32Array): number {
  const most = values.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
  if (most === 0) return 0;
  const histogram = new Float64Array(bins);
  for (const v of values) {
    const bin = Math.min(bins - 1, Math.floor((Math.abs(v) / most) * bins));
    if (v !== 0) histogram[bin] = (histogram[bin] as number) + 1;
  }
  let [best, least] = [bins, Number.POSITIVE_INFINITY];
  for (let size = 128; size <= bins; size += 16) {
    const divergence = divergenceOf(histogram, size);
    if (divergence < least) [best, least] = [size, divergence];
  }
  return (best / bins) * most;
}

/** `sum(p log(p / q))`, `p` the first bins with the rest added to the last, `q` the same in 128 levels. */
function divergenceOf(histogram: Float64Array, size: number): number {
  const kept = histogram.slice(0, size);
  const clipped = kept.slice();
  clipped[size - 1] = (clipped[size - 1] as number) + histogram.slice(size).reduce((a, b) => a + b, 0);
  const total = clipped.reduce((a, b) => a + b, 0);
  const keptTotal = kept.reduce((a, b) => a + b, 0);
  let divergence = 0;
  for (let level = 0; level < 128; level++) {
    const [from, to] = [Math.floor((level * size) / 128), Math.floor(((level + 1) * size) / 128)];
    const part = kept.subarray(from, to);
    const occupied = part.filter((n) => n > 0).length;
    const mean = occupied === 0 ? 0 : part.reduce((a, b) => a + b, 0) / occupied;
    for (let i = from; i < to; i++) {
      const p = (clipped[i] as number) / total;
      if (p === 0) continue;
      const q = (kept[i] as number) > 0 ? mean / keptTotal : 1e-9;
      divergence += p * Math.log(p / q);
    }
  }
  return divergence;
}
