import { allocate, type DType, type TensorData } from '../core/dtype.ts';
import { formatShape, type Shape, sameShape, sizeOf } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { ShapeError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import { add } from '../ops/binary.ts';
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

/** What is added to a weight that itself stays as it is: a low-rank update, say. */
export interface Adapter {
  /** The weights that make it up. */
  readonly weights: readonly Weight[];
  /** What is added, inside the computation that is being built. */
  readonly value: Value;
  /** The sum of a tensor and what is added now. */
  addTo(tensor: Tensor): Tensor;
  /** Those of the weights that are 0 where nothing is added. */
  readonly cleared: readonly Weight[];
}

/** More does not fit into the one memory of all parameters. */
const largestWeight = 2 ** 30;

/** Weights up to this number of elements are made whatever the size of a file. */
const freeElements = 2 ** 24;

let blank: { readonly limit: number; left: number } | undefined;

/**
 * Runs `body` with new weights left at 0, as is enough where a file is about to fill them.
 * @param stored - elements that the file may hold: all new weights together may have these and {@link freeElements}, so that
 * a hostile file cannot take all memory
 * @throws {@link ShapeError} beyond that
 */
export function withBlankWeights<T>(stored: number, body: () => T): T {
  const outer = blank;
  const limit = freeElements + stored;
  blank = { limit, left: limit };
  try {
    return body();
  } finally {
    blank = outer;
  }
}

let changes = 0;

/** A number that grows whenever any weight is made or changed. */
export const weightChanges = (): number => changes;

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
  #adapter: Adapter | undefined;
  #version = 0;
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
    this.changed();
  }

  #initial(initializer: Initializer): Tensor {
    const size = sizeOf(this.shape);
    if (size > largestWeight) {
      throw new ShapeError(
        `weight "${this.path}": expected at most ${largestWeight} elements, which is 4 GiB. ` +
          `Received ${formatShape(this.shape)}. Make its layer smaller.`,
        { argument: this.path, expected: `at most ${largestWeight}`, received: formatShape(this.shape) },
      );
    }
    if (blank === undefined) return initializer.create(this.shape).cast(this.dtype);
    blank.left -= size;
    if (blank.left >= 0) return new Tensor(this.dtype, this.shape, allocate(this.dtype, size));
    throw new ShapeError(
      `weight "${this.path}": expected at most ${blank.limit} elements in all weights. ` +
        `Received ${formatShape(this.shape)}.`,
      { argument: this.path, expected: `at most ${blank.limit}`, received: formatShape(this.shape) },
    );
  }

  /** What is added to it wherever it is read. */
  get adapter(): Adapter | undefined {
    return this.#adapter;
  }

  set adapter(adapter: Adapter | undefined) {
    this.#adapter = adapter;
    this.changed();
  }

  /** Grows whenever the weight gets another value. */
  get version(): number {
    return this.#version;
  }

  /** The weight inside the computation that is being built, with its adapter's part. */
  get value(): Value {
    const trace = currentTrace(`weight "${this.path}"`);
    const own = trace.weight(this);
    return this.adapter && !trace.merged && !trace.replaces(this) ? add(own, this.adapter.value) : own;
  }

  /** Sets what the weight will hold after this training step. */
  assign(value: Value): void {
    currentTrace(`weight "${this.path}"`).assign(this, value);
  }

  /** The memory that holds the weight now; who writes to it calls {@link changed}. */
  get storage(): Tensor {
    return this.#tensor;
  }

  /** The weight with its adapter's part, as files have it. */
  get merged(): Tensor {
    return this.adapter?.addTo(this.#tensor) ?? this.#tensor;
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
    this.changed();
  }

  /** Sets all elements to 0. */
  clear(): void {
    (this.#tensor.data as Float32Array).fill(0);
    this.changed();
  }

  /** Says that its memory was written to: what was made of the value before is out of date. */
  changed(): void {
    this.#version++;
    changes++;
  }

  /** Moves the weight into other memory, e.g. a view of the trainer's arena. */
  moveTo(data: TensorData): void {
    (data as Float32Array).set(this.#tensor.data as Float32Array);
    this.#tensor = new Tensor(this.dtype, this.shape, data);
  }
}

/** Weights without those of their adapters: what files hold, {@link Weight.merged}. */
export function withoutAdapters(weights: readonly Weight[]): readonly Weight[] {
  const adapters = new Set(weights.flatMap((weight) => weight.adapter?.weights ?? []));
  return weights.filter((weight) => !adapters.has(weight));
}

/** Puts the value of a file into a weight; an adapter starts anew from it. */
export function restoreWeight(weight: Weight, value: Tensor): void {
  weight.write(value);
  resetAdapter(weight);
}

/** Makes what is added to a weight 0. */
export function resetAdapter({ adapter }: Weight): void {
  for (const part of adapter?.cleared ?? []) part.clear();
}
