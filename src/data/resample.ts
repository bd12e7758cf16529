/** Pixels of a picture, row by row, the channels of a pixel side by side. */
export interface Picture {
  readonly data: Uint8Array | Float32Array;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** How much a pixel counts by its distance, and up to which distance it does. */
interface Kernel {
  readonly radius: number;
  weight(x: number): number;
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

/** Cubic splines. @source Mitchell and Netravali 1988, "Reconstruction filters in computer graphics" */
const cubic =
  (b: number, c: number) =>
  (signed: number): number => {
    const x = Math.abs(signed);
    const near = (12 - 9 * b - 6 * c) * x ** 3 + (-18 + 12 * b + 6 * c) * x ** 2 + (6 - 2 * b);
    const far = (-b - 6 * c) * x ** 3 + (6 * b + 30 * c) * x ** 2 + (-12 * b - 48 * c) * x + (8 * b + 24 * c);
    return (x < 1 ? near : x < 2 ? far : 0) / 6;
  };

const lanczos = (radius: number): Kernel => ({ radius, weight: (x) => sinc(x) * sinc(x / radius) });

/** Kernels by the names that TensorFlow and Pillow give them; `nearest` and `area` go by other rules. */
const kernels = {
  bilinear: { radius: 1, weight: (x) => 1 - Math.abs(x) },
  bicubic: { radius: 2, weight: cubic(0, 0.5) },
  mitchellcubic: { radius: 2, weight: cubic(1 / 3, 1 / 3) },
  lanczos3: lanczos(3),
  lanczos5: lanczos(5),
  gaussian: { radius: 1.5, weight: (x) => (Math.abs(x) < 1.5 ? Math.exp(-2 * x * x) : 0) },
  box: { radius: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  hamming: { radius: 1, weight: (x) => sinc(x) * (0.54 + 0.46 * Math.cos(Math.PI * x)) },
} satisfies Record<string, Kernel>;

export type Interpolation = keyof typeof kernels | 'nearest' | 'area';

/** The pixels along an axis that make one, and their shares. */
interface Taps {
  readonly start: number;
  readonly weights: readonly number[];
}

/**
 * A picture of another size. Centres of pixels lie at halves, both passes go along one axis.
 * @param antialias - where the picture shrinks the kernel widens, so that all pixels count
 * @param finish - is done to each number after each pass, e.g. rounding
 * @source tensorflow/core/kernels/image/scale_and_translate_op.cc, Pillow's Resample.c
 */
export function resample(
  { data, height, width, channels }: Picture,
  [newHeight, newWidth]: readonly [height: number, width: number],
  interpolation: Interpolation,
  { antialias = false, finish = (x: number): number => x } = {},
): Picture {
  const across = tapsOf(width, newWidth, interpolation, antialias);
  const down = tapsOf(height, newHeight, interpolation, antialias);
  const rows = weigh(data, height, width, channels, across, finish);
  const all = weigh(rows, 1, height, newWidth * channels, down, finish);
  return { data: all, height: newHeight, width: newWidth, channels };
}

/** Weighted sums along the middle axis of `[outer, size, inner]`. */
function weigh(
  data: Picture['data'],
  outer: number,
  size: number,
  inner: number,
  taps: readonly Taps[],
  finish: (x: number) => number,
): Picture['data'] {
  if (taps.length === size && taps.every(({ start, weights }, i) => start === i && weights.length === 1))
    return data;
  const result = new Float32Array(outer * taps.length * inner);
  for (let o = 0; o < outer; o++) {
    for (let t = 0; t < taps.length; t++) {
      const { start, weights } = taps[t] as Taps;
      const to = (o * taps.length + t) * inner;
      for (let i = 0; i < inner; i++) {
        let sum = 0;
        let at = (o * size + start) * inner + i;
        for (let k = 0; k < weights.length; k++, at += inner)
          sum += (weights[k] as number) * (data[at] as number);
        result[to + i] = finish(sum);
      }
    }
  }
  return result;
}

function tapsOf(from: number, to: number, interpolation: Interpolation, antialias: boolean): Taps[] {
  const scale = from / to;
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale;
    if (interpolation === 'nearest') return { start: Math.min(from - 1, Math.floor(centre)), weights: [1] };
    if (interpolation === 'area') return overlaps(i * scale, Math.min(from, (i + 1) * scale));
    const { radius, weight }: Kernel = kernels[interpolation];
    const spread = antialias ? Math.max(1, scale) : 1;
    const first = Math.max(0, Math.ceil(centre - radius * spread - 0.5));
    const last = Math.min(from - 1, Math.floor(centre + radius * spread - 0.5));
    return shares(first, last, (pixel) => weight((pixel + 0.5 - centre) / spread));
  });
}

/** The share of each pixel in the stretch from `low` to `high`. */
const overlaps = (low: number, high: number): Taps =>
  shares(Math.floor(low), Math.ceil(high) - 1, (pixel) => Math.min(high, pixel + 1) - Math.max(low, pixel));

/** Weights that sum to 1, without those at the ends that are 0. */
function shares(first: number, last: number, weight: (pixel: number) => number): Taps {
  let [start, end] = [first, last];
  while (start < end && Math.abs(weight(start)) < 1e-9) start++;
  while (end > start && Math.abs(weight(end)) < 1e-9) end--;
  const weights = Array.from({ length: end - start + 1 }, (_, k) => weight(start + k));
  const sum = weights.reduce((total, w) => total + w, 0);
  return { start, weights: weights.map((w) => w / sum) };
}
