import { type Shape, sizeOf, stridesOf } from '../../core/shape.ts';
import { Tensor } from '../../core/tensor.ts';

/**
 * Mean and population variance of numbers that come in batches, in float64.
 * @source Chan, Golub & LeVeque 1979: `M2 = M2a + M2b + (mean_b - mean_a)^2 na nb / (na + nb)`
 */
export class Moments {
  readonly shape: Shape;
  readonly #mean: Float64Array;
  /** Sums of squared distances from the mean. */
  readonly #squares: Float64Array;
  #count = 0;

  /** @param shape - one mean for each of these positions */
  constructor(shape: Shape) {
    this.shape = shape;
    this.#mean = new Float64Array(sizeOf(shape));
    this.#squares = new Float64Array(sizeOf(shape));
  }

  /** @param kept - axes of `x` that make up the positions, ascending */
  add(x: Tensor, kept: readonly number[]): void {
    const positions = positionsOf(x.shape, kept);
    const count = x.size / Math.max(1, this.#mean.length);
    if (count === 0) return;
    const mean = new Float64Array(this.#mean.length);
    const squares = new Float64Array(this.#mean.length);
    for (let i = 0; i < x.size; i++) {
      const at = positions[i] as number;
      mean[at] = (mean[at] as number) + Number(x.data[i]) / count;
    }
    for (let i = 0; i < x.size; i++) {
      const at = positions[i] as number;
      squares[at] = (squares[at] as number) + (Number(x.data[i]) - (mean[at] as number)) ** 2;
    }
    const total = this.#count + count;
    for (let at = 0; at < mean.length; at++) {
      const step = (mean[at] as number) - (this.#mean[at] as number);
      const both = (squares[at] as number) + (this.#squares[at] as number);
      this.#squares[at] = both + (step * step * this.#count * count) / total;
      this.#mean[at] = (this.#mean[at] as number) + (step * count) / total;
    }
    this.#count = total;
  }

  mean(): Tensor {
    return new Tensor('float32', this.shape, Float32Array.from(this.#mean));
  }

  variance(): Tensor {
    return new Tensor(
      'float32',
      this.shape,
      Float32Array.from(this.#squares, (sum) => sum / this.#count),
    );
  }
}

/** For each element its position among the kept axes. */
function positionsOf(shape: Shape, kept: readonly number[]): Uint32Array {
  const sizes = kept.map((axis) => shape[axis] as number);
  const [strides, steps] = [stridesOf(shape), stridesOf(sizes)];
  return Uint32Array.from({ length: sizeOf(shape) }, (_, flat) =>
    kept.reduce((at, axis, i) => {
      const along = Math.floor(flat / (strides[axis] as number)) % (shape[axis] as number);
      return at + along * (steps[i] as number);
    }, 0),
  );
}
