import { allocate, type DType, type TensorData } from '../core/dtype.ts';
import { formatShape, type Shape, sameShape, sizeOf } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { ShapeError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import type { Constraint } from './constraints.ts';
import type { Initializer } from './initializers.ts';
import type { Regularizer } from './regularizers.ts';
import { currentTrace } from './trace.ts';

/** What {@link Weight} is made of. */
export interface WeightOptions {
  readonly initializer: Initializer;
  /** Whether the optimizer may change it; `false` for state such as moving averages. Default `true`. */
  readonly trainable?: boolean;
  readonly regularizer?: Regularizer | null;
  readonly constraint?: Constraint | null;
  readonly dtype?: DType;
}

let blank: { readonly limit: number; left: number } | undefined;

/**
 * Runs `body` with new weights left at 0, as is enough where a file is about to fill them.
 * @param limit - elements that all new weights may have together, so that a hostile file cannot take all memory
 * @throws {@link ShapeError} beyond the limit
 */
export function withBlankWeights<T>(limit: number, body: () => T): T {
  const outer = blank;
  blank = { limit, left: limit };
  try {
    return body();
  } finally {
    blank = outer;
  }
}

/** A named tensor that a layer owns: trained, or updated by the layer itself. */
export class Weight {
  readonly name: string;
  /** `layer/kernel`, below the names of the models that hold the layer. */
  readonly path: string;
  readonly shape: Shape;
  readonly dtype: DType;
  readonly regularizer: Regularizer | undefined;
  readonly constraint: Constraint | undefined;
  /** Whether the optimizer may ever change it. */
  readonly learnable: boolean;
  /** Whether the optimizer changes it now: `learnable`, and its layer is not frozen. */
  trainable: boolean;
  #tensor: Tensor;

  constructor(name: string, path: string, shape: Shape, options: WeightOptions) {
    this.name = name;
    this.path = path;
    this.shape = shape;
    this.dtype = options.dtype ?? 'float32';
    this.learnable = options.trainable ?? true;
    this.trainable = this.learnable;
    this.regularizer = options.regularizer ?? undefined;
    this.constraint = options.constraint ?? undefined;
    this.#tensor = this.#initial(options.initializer);
  }

  #initial(initializer: Initializer): Tensor {
    if (blank === undefined) return initializer.create(this.shape).cast(this.dtype);
    const size = sizeOf(this.shape);
    blank.left -= size;
    if (blank.left >= 0) return new Tensor(this.dtype, this.shape, allocate(this.dtype, size));
    throw new ShapeError(
      `weight "${this.path}": expected at most ${blank.limit} elements in all weights. ` +
        `Received ${formatShape(this.shape)}.`,
      { argument: this.path, expected: `at most ${blank.limit}`, received: formatShape(this.shape) },
    );
  }

  /** The weight inside the computation that is being built. */
  get value(): Value {
    return currentTrace(`weight "${this.path}"`).weight(this);
  }

  /** Sets what the weight will hold after this training step. */
  assign(value: Value): void {
    currentTrace(`weight "${this.path}"`).assign(this, value);
  }

  /** The memory that holds the weight now. */
  get storage(): Tensor {
    return this.#tensor;
  }

  /** A copy of the weight. */
  read(): Tensor {
    return new Tensor(this.dtype, this.shape, this.#tensor.data.slice());
  }

  /** @throws {@link ShapeError} when the shape differs */
  write(value: Tensor): void {
    if (!sameShape(value.shape, this.shape)) {
      throw new ShapeError(
        `weight "${this.path}": expected shape ${formatShape(this.shape)}. Received ${formatShape(value.shape)}.`,
        { argument: this.path, expected: formatShape(this.shape), received: formatShape(value.shape) },
      );
    }
    (this.#tensor.data as Float32Array).set(value.cast(this.dtype).data as Float32Array);
  }

  /** Moves the weight into other memory, e.g. a view of the trainer's arena. */
  moveTo(data: TensorData): void {
    (data as Float32Array).set(this.#tensor.data as Float32Array);
    this.#tensor = new Tensor(this.dtype, this.shape, data);
  }
}
