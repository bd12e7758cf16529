import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { formatShape, normalizeAxis } from '../core/shape.ts';
import { scalar } from '../core/tensor.ts';
import { ShapeError } from '../errors.ts';
import { constant, type Value } from '../ir/graph.ts';
import * as ops from '../ops/index.ts';
import { Layer, layerOptions, type Values } from './layer.ts';
import { anyMask, maskOf } from './masks.ts';
import { registerLayer } from './registry.ts';

type MergeOptions = z.input<typeof layerOptions>;

/**
 * Layers that combine inputs element by element. Sizes broadcast; inputs with fewer axes get axes of size 1
 * after the batch.
 */
abstract class Merge extends Layer<typeof layerOptions> {
  static override readonly schema = layerOptions;

  protected override get supportsMasking(): boolean {
    return true;
  }

  protected override get arity(): { readonly min: number; readonly max: number } {
    return { min: 1, max: Number.POSITIVE_INFINITY };
  }

  /** What counts in any of the inputs. */
  protected override computeMask(inputs: Values): readonly (Value | undefined)[] {
    return [anyMask(inputs)];
  }

  /** Combines inputs of equal rank. */
  protected abstract merge(inputs: Values): Value;

  call(inputs: Values): Value {
    const rank = Math.max(...inputs.map((x) => x.rank));
    const [first] = inputs;
    if (inputs.some((x) => x.rank === 0 || x.shape[0] !== first.shape[0])) {
      throw new ShapeError(`inputs of different batch sizes cannot be merged: ${shapesOf(inputs)}.`, {
        expected: 'equal batch sizes',
        received: shapesOf(inputs),
      });
    }
    const aligned = inputs.map((x) => {
      const missing = new Array<number>(rank - x.rank).fill(1);
      return ops.reshape(x, x.shape.toSpliced(1, 0, ...missing));
    });
    return this.merge(aligned as unknown as Values);
  }
}

const shapesOf = (inputs: Values): string => inputs.map((x) => formatShape(x.shape)).join(', ');
const two = { min: 2, max: 2 } as const;
const elementwiseSamples = [
  {
    inputs: [
      [null, 3],
      [null, 3],
    ],
    output: [null, 3],
  },
  {
    inputs: [
      [null, 2, 3],
      [null, 1, 3],
      [null, 3],
    ],
    output: [null, 2, 3],
  },
] as const;

/** Sum of the inputs: `y = a + b + ...`. @source keras/src/layers/merging/add.py */
export class Add extends Merge {
  static override readonly className = 'Add';
  protected merge(inputs: Values): Value {
    return inputs.reduce((a, b) => ops.add(a, b));
  }
}
/** Sum of the inputs: `y = a + b + ...`. */
export const add = (options: MergeOptions = {}): Add => new Add(options);
registerLayer(Add, elementwiseSamples);

/** Difference of two inputs: `y = a - b`. @source keras/src/layers/merging/subtract.py */
export class Subtract extends Merge {
  static override readonly className = 'Subtract';
  protected override get arity(): typeof two {
    return two;
  }
  protected merge(inputs: Values): Value {
    return inputs.reduce((a, b) => ops.sub(a, b));
  }
}
/** Difference of two inputs: `y = a - b`. */
export const subtract = (options: MergeOptions = {}): Subtract => new Subtract(options);
registerLayer(Subtract, [
  {
    inputs: [
      [null, 3],
      [null, 2, 3],
    ],
    output: [null, 2, 3],
  },
]);

/**
 * Product of the inputs, element by element: `y = a * b * ...`.
 * @source keras/src/layers/merging/multiply.py
 */
export class Multiply extends Merge {
  static override readonly className = 'Multiply';

  /** Where an input does not count it is a factor of 1; where none counts the product is 0. */
  override call(inputs: Values): Value {
    const factors = inputs.map((x) => {
      const mask = maskOf(x);
      return mask ? ops.where(ops.expandDims(mask, -1), x, 1) : x;
    });
    const product = super.call(factors as unknown as Values);
    const mask = anyMask(inputs);
    return mask ? ops.where(ops.expandDims(mask, -1), product, 0) : product;
  }

  protected merge(inputs: Values): Value {
    return inputs.reduce((a, b) => ops.mul(a, b));
  }
}
/** Product of the inputs, element by element: `y = a * b * ...`. */
export const multiply = (options: MergeOptions = {}): Multiply => new Multiply(options);
registerLayer(Multiply, elementwiseSamples);

/** Mean of the `n` inputs: `y = (a + b + ...) / n`. @source keras/src/layers/merging/average.py */
export class Average extends Merge {
  static override readonly className = 'Average';
  protected merge(inputs: Values): Value {
    return ops.div(
      inputs.reduce((a, b) => ops.add(a, b)),
      inputs.length,
    );
  }
}
/** Mean of the inputs. */
export const average = (options: MergeOptions = {}): Average => new Average(options);
registerLayer(Average, elementwiseSamples);

/** Largest of the inputs, element by element. @source keras/src/layers/merging/maximum.py */
export class Maximum extends Merge {
  static override readonly className = 'Maximum';
  protected merge(inputs: Values): Value {
    return inputs.reduce((a, b) => ops.maximum(a, b));
  }
}
/** Largest of the inputs, element by element. */
export const maximum = (options: MergeOptions = {}): Maximum => new Maximum(options);
registerLayer(Maximum, elementwiseSamples);

/** Smallest of the inputs, element by element. @source keras/src/layers/merging/minimum.py */
export class Minimum extends Merge {
  static override readonly className = 'Minimum';
  protected merge(inputs: Values): Value {
    return inputs.reduce((a, b) => ops.minimum(a, b));
  }
}
/** Smallest of the inputs, element by element. */
export const minimum = (options: MergeOptions = {}): Minimum => new Minimum(options);
registerLayer(Minimum, elementwiseSamples);

const concatenateSchema = deferred(() =>
  layerOptions.extend({
    /** Axis along which the inputs follow each other; all other sizes must be equal. */
    axis: z.int().default(-1),
  }),
);
/** The inputs one after the other along `axis`. @source keras/src/layers/merging/concatenate.py */
export class Concatenate extends Layer<typeof concatenateSchema> {
  static override readonly className = 'Concatenate';
  static override readonly schema = concatenateSchema;

  protected override get supportsMasking(): boolean {
    return true;
  }

  protected override get arity(): { readonly min: number; readonly max: number } {
    return { min: 1, max: Number.POSITIVE_INFINITY };
  }

  /** The masks one after the other, too; along the last axis, what counts in any of the inputs. */
  protected override computeMask(inputs: Values): readonly (Value | undefined)[] {
    const [{ rank }] = inputs;
    const axis = normalizeAxis(this.options.axis, rank, 'axis');
    if (axis === rank - 1) return [anyMask(inputs)];
    if (inputs.every((x) => maskOf(x) === undefined)) return [];
    const always = constant(scalar(1, 'bool'));
    return [
      ops.concat(
        inputs.map((x) => maskOf(x) ?? ops.broadcastTo(always, x.shape.slice(0, -1))),
        axis,
      ),
    ];
  }

  call(inputs: Values): Value {
    return ops.concat(inputs, this.options.axis);
  }
}
/** The inputs one after the other along `axis`. */
export const concatenate = (options: z.input<typeof concatenateSchema> = {}): Concatenate =>
  new Concatenate(options);
registerLayer(Concatenate, [
  {
    inputs: [
      [null, 3],
      [null, 2],
      [null, 1],
    ],
    output: [null, 6],
  },
  {
    options: { axis: 1 },
    inputs: [
      [null, 2, 3],
      [null, 1, 3],
    ],
    output: [null, 3, 3],
  },
]);
