/** Values in ascending order, each standing for `weights` elements. */
interface Summary {
  readonly values: Float32Array;
  readonly weights: Float32Array;
}

/**
 * Quantiles of numbers that come in batches, in memory that does not grow: a summary of at most about `1 / epsilon`
 * values. Arithmetic and rounding are Keras's, so that the same data gives the same boundaries.
 * @source keras/src/layers/preprocessing/discretization.py: summarize, merge_summaries, compress_summary
 */
export class QuantileSketch {
  readonly #epsilon: number;
  #summary: Summary = { values: new Float32Array(), weights: new Float32Array() };

  constructor(epsilon: number) {
    this.#epsilon = epsilon;
  }

  add(numbers: Float32Array): void {
    const batch = summarize(numbers, this.#epsilon);
    this.#summary = compress(merge(batch, this.#summary), this.#epsilon);
  }

  /** The `bins - 1` values that part the numbers into bins of equal weight; fewer where there were fewer numbers. */
  quantiles(bins: number): number[] {
    return [...compress(this.#summary, 1 / bins).values.subarray(0, -1)];
  }
}

/** Every `step`-th of the sorted numbers. */
function summarize(numbers: Float32Array, epsilon: number): Summary {
  const sorted = numbers.toSorted();
  const step = Math.max(sorted.length * epsilon, 1);
  const values = sorted.filter(
    (_, i) => i >= Math.floor(step - 1) && (i - Math.floor(step - 1)) % Math.floor(step) === 0,
  );
  return { values, weights: new Float32Array(values.length).fill(step) };
}

function merge(a: Summary, b: Summary): Summary {
  const values = [...a.values, ...b.values];
  const weights = [...a.weights, ...b.weights];
  const order = values.map((_, i) => i).sort((i, j) => (values[i] as number) - (values[j] as number));
  return {
    values: Float32Array.from(order, (i) => values[i] as number),
    weights: Float32Array.from(order, (i) => weights[i] as number),
  };
}

/** The values at every `epsilon` of the total weight, interpolated. */
function compress(summary: Summary, epsilon: number): Summary {
  if (summary.values.length * epsilon < 1) return summary;
  const sums = summary.weights.slice();
  for (let i = 1; i < sums.length; i++) sums[i] = (sums[i] as number) + (sums[i - 1] as number);
  const total = sums.at(-1) as number;
  const shares = sums.map((sum) => sum / total);
  const wanted = Float64Array.from({ length: Math.ceil(1 / epsilon) }, (_, i) => epsilon + i * epsilon);
  const reached = wanted.map((share) => interpolate(share, shares, sums));
  return {
    values: Float32Array.from(wanted, (share) => interpolate(share, shares, summary.values)),
    weights: Float32Array.from(reached, (sum, i) => sum - (reached[i - 1] ?? 0)),
  };
}

/** `f(x)` between the points `(xs, ys)`, constant beyond them. */
function interpolate(x: number, xs: Float32Array, ys: Float32Array): number {
  const right = xs.findIndex((at) => at > x);
  if (right === -1) return ys.at(-1) as number;
  if (right === 0) return ys[0] as number;
  const [x0, x1, y0, y1] = [xs[right - 1], xs[right], ys[right - 1], ys[right]] as [
    number,
    number,
    number,
    number,
  ];
  return y0 + ((y1 - y0) / (x1 - x0)) * (x - x0);
}
