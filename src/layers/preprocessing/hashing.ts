import * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import { Tensor, type TensorLike } from '../../core/tensor.ts';
import type { Value } from '../../ir/graph.ts';
import { Layer, layerOptions } from '../layer.ts';
import { positiveInteger } from '../options.ts';
import { registerLayer } from '../registry.ts';
import { refuseGraph } from './adaptive.ts';
import { binDtype, binDtypeOption, bucketOf, saltOption } from './buckets.ts';
import { encodeCells } from './encode.ts';
import { integerCells } from './integers.ts';
import { type Cells, isTexts, type Texts, textCells } from './texts.ts';

const schema = deferred(() =>
  layerOptions.extend({
    /** Number of bins, the one of `maskValue` included. */
    numBins: positiveInteger,
    /** Value of bin 0, which then holds nothing else. */
    maskValue: z.union([z.string(), z.int()]).nullable().default(null),
    /** Key of SipHash; FarmHash without. */
    salt: saltOption,
    /** `int` gives the number of the bin, the others encode it: see {@link CategoryEncoding}. */
    outputMode: z.enum(['int', 'oneHot', 'multiHot', 'count']).default('int'),
    dtype: binDtypeOption,
  }),
);

/**
 * Texts or whole numbers into a fixed number of bins, by a hash: no vocabulary, but several values may share a bin.
 * The bins are those of Keras and TensorFlow. On the host only: see {@link transform}.
 * @source keras/src/layers/preprocessing/hashing.py
 */
export class Hashing extends Layer<typeof schema> {
  static override readonly className = 'Hashing';
  static override readonly schema = schema;

  override get currentOptions(): Readonly<Record<string, unknown>> {
    return { ...super.currentOptions, dtype: binDtype(this.options) };
  }

  call(): Value {
    return refuseGraph(this as unknown as Layer, 'texts');
  }

  /** The bins of texts or whole numbers; numbers are hashed as their decimal digits. */
  transform(data: Texts | TensorLike): Tensor {
    const { outputMode, numBins } = this.options;
    const cells: Cells<string> = isTexts(data)
      ? textCells(data, this.name)
      : decimal(integerCells(data, this.name));
    const bins = Int32Array.from(cells.values, (value) => this.#bin(value));
    const dtype = binDtype(this.options);
    if (outputMode === 'int') return new Tensor('int32', cells.shape, bins).cast(dtype);
    return encodeCells({ shape: cells.shape, values: bins }, outputMode, numBins).cast(dtype);
  }

  #bin(value: string): number {
    const { maskValue, numBins, salt } = this.options;
    if (maskValue === null || numBins === 1) return bucketOf(value, numBins, salt);
    return value === String(maskValue) ? 0 : 1 + bucketOf(value, numBins - 1, salt);
  }
}

const decimal = ({ shape, values }: Cells<bigint>): Cells<string> => ({ shape, values: values.map(String) });

/** Texts or whole numbers into bins by a hash. @see {@link Hashing} */
export const hashing = (options: z.input<typeof schema>): Hashing => new Hashing(options);
registerLayer(Hashing);
