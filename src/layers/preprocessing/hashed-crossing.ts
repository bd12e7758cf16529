import * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import { formatShape, sameShape } from '../../core/shape.ts';
import { Tensor, type TensorLike } from '../../core/tensor.ts';
import { ShapeError } from '../../errors.ts';
import type { Value } from '../../ir/graph.ts';
import { Layer, layerOptions } from '../layer.ts';
import { positiveInteger } from '../options.ts';
import { registerLayer } from '../registry.ts';
import { refuseGraph } from './adaptive.ts';
import { binDtype, binDtypeOption, fingerprintOf } from './buckets.ts';
import { encodeCells } from './encode.ts';
import { concatFingerprints } from './farmhash.ts';
import { integerCells } from './integers.ts';
import { isTexts, type Texts, textCells } from './texts.ts';

const schema = deferred(() =>
  layerOptions.extend({
    /** Number of bins. */
    numBins: positiveInteger,
    outputMode: z.enum(['int', 'oneHot']).default('int'),
    dtype: binDtypeOption,
  }),
);

/** Where TensorFlow's crosses begin. */
const hashKey = 0xdecafcaffen;

/**
 * Combinations of categories into bins: `hash(feature1, feature2, ...) % numBins`, the bins of Keras and TensorFlow.
 * Features are texts or whole numbers of shape `[batch]` or `[batch, 1]`. On the host only: see {@link transform}.
 * @source keras/src/layers/preprocessing/hashed_crossing.py; TensorFlow's `sparse.cross_hashed`
 */
export class HashedCrossing extends Layer<typeof schema> {
  static override readonly className = 'HashedCrossing';
  static override readonly schema = schema;

  override get currentOptions(): Readonly<Record<string, unknown>> {
    return { ...super.currentOptions, dtype: binDtype(this.options) };
  }

  call(): Value {
    return refuseGraph(this as unknown as Layer, 'texts');
  }

  /**
   * The bins of the combinations.
   * @param features - two or more, of one shape
   * @throws {@link ShapeError} when shapes differ or are not `[batch]` or `[batch, 1]`
   */
  transform(features: readonly (Texts | TensorLike)[]): Tensor {
    const { outputMode, numBins } = this.options;
    const columns = features.map((data) => this.#column(data));
    const shapes = columns.map(({ shape }) => shape);
    const [shape] = shapes;
    if (
      shape === undefined ||
      shapes.length < 2 ||
      !shapes.every((s) => isColumn(s) && sameShape(s, shape))
    ) {
      const received = shapes.map(formatShape).join(', ') || 'none';
      throw new ShapeError(
        `${this.className} "${this.name}": expected two or more features of one shape, [batch] or [batch,1]. ` +
          `Received ${received}.`,
        { op: this.name, expected: 'features [batch] or [batch,1]', received },
      );
    }
    const count = columns[0]?.values.length ?? 0;
    const bins = Int32Array.from({ length: count }, (_, i) => {
      const hash = columns.reduce((at, { values }) => concatFingerprints(at, values[i] as bigint), hashKey);
      return Number(hash % BigInt(numBins));
    });
    const dtype = binDtype(this.options);
    if (outputMode === 'int') return new Tensor('int32', shape, bins).cast(dtype);
    return encodeCells({ shape, values: bins }, 'oneHot', numBins).cast(dtype);
  }

  /** Fingerprints of texts; whole numbers stand for themselves. */
  #column(data: Texts | TensorLike): {
    readonly shape: readonly number[];
    readonly values: readonly bigint[];
  } {
    if (!isTexts(data)) {
      const { shape, values } = integerCells(data, this.name);
      return { shape, values: values.map((value) => BigInt.asUintN(64, value)) };
    }
    const { shape, values } = textCells(data, this.name);
    return { shape, values: values.map(fingerprintOf) };
  }
}

const isColumn = (shape: readonly number[]): boolean =>
  shape.length === 1 || (shape.length === 2 && shape[1] === 1);

/** Combinations of categories into bins by a hash. @see {@link HashedCrossing} */
export const hashedCrossing = (options: z.input<typeof schema>): HashedCrossing =>
  new HashedCrossing(options);
registerLayer(HashedCrossing);
