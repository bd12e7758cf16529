import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { allocate } from '../core/dtype.ts';
import { snakeCase } from '../core/registry.ts';
import { formatShape } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { ConfigError, DataError } from '../errors.ts';
import * as layers from '../layers/index.ts';
import { layerOptions } from '../layers/layer.ts';
import { AdaptiveLayer, type Learner, refuseGraph } from '../layers/preprocessing/adaptive.ts';
import { encodeCells } from '../layers/preprocessing/encode.ts';
import { type Columns, type FeatureColumn, featureColumn, presentRows } from './feature-columns.ts';
import {
  type Cross,
  cardinality,
  crossOption,
  type Feature,
  featureOption,
  isAdaptable,
  makeFeature,
  preprocess,
} from './features.ts';

const count = z.int().min(1);
const schema = deferred(() =>
  layerOptions.extend({
    /** What becomes of each column: a kind of feature, or one with options. */
    features: z.record(z.string(), featureOption).refine((features) => Object.keys(features).length > 0, {
      error: 'expected at least one feature',
    }),
    /** `concat` gives one tensor `[rows, numbers]`, `dict` one for each feature. */
    outputMode: z.enum(['concat', 'dict']).default('concat'),
    /** Features whose combinations are features, too. */
    crosses: z.array(crossOption).default([]),
    /** Bins of a cross that does not say. */
    crossingDim: count.default(32),
    /** Bins of hashed features that do not say. */
    hashingDim: count.default(32),
    /** Bins of discretized features that do not say. */
    numDiscretizationBins: count.default(32),
  }),
);

/** Options of {@link FeatureSpace}. */
export type FeatureSpaceOptions = z.input<typeof schema>;
type Outputs = Readonly<Record<string, Tensor>>;

/** A feature's values, and the rows in which they are missing. */
interface Encoded {
  readonly values: Tensor;
  readonly missing: readonly boolean[];
}

/**
 * Prepares the columns of a table for a model: numbers normalized, rescaled or put into bins, categories looked up or
 * hashed, and combinations of them.
 *
 * A missing value (`null`, `undefined`, NaN) is not learned from and becomes zeros: the mean of a normalized number, no
 * category at all. Results are ordered by name, crosses last.
 * @source keras/src/layers/preprocessing/feature_space.py
 */
export class FeatureSpace<Output extends Tensor | Outputs = Tensor> extends AdaptiveLayer<
  typeof schema,
  Columns
> {
  static override readonly className = 'FeatureSpace';
  static override readonly schema = schema;
  readonly features: ReadonlyMap<string, Feature>;
  /** By name: `city_X_rooms`. */
  readonly crosses: ReadonlyMap<string, Cross>;
  #isAdapted: boolean;

  constructor(options: FeatureSpaceOptions) {
    super(options);
    const entries = Object.entries(this.options.features);
    this.features = new Map(entries.map(([name, option]) => [name, makeFeature(option, name, this.options)]));
    this.crosses = new Map(this.options.crosses.map((option) => this.#makeCross(option)));
    this.#isAdapted = !this.adaptable;
    this.#trackPreprocessors();
  }

  /** Whether the space has learned what it needs. */
  get isAdapted(): boolean {
    return this.#isAdapted;
  }

  override get adaptable(): boolean {
    return [...this.features.values()].some(({ preprocessor }) => isAdaptable(preprocessor));
  }

  call(): never {
    return refuseGraph(this, 'columns of a table');
  }

  /**
   * The columns as numbers for a model.
   * @param columns - all features of the space, of one length; others are ignored
   * @throws {@link DataError} naming the column, and the row, of a value that does not fit
   * @throws {@link ConfigError} before `adapt`
   */
  transform(columns: Columns): Output {
    this.#requireAdapted();
    const encoded = new Map(
      [...this.features].map(([name, feature]) => [name, this.#encode(name, feature, columns)]),
    );
    const rows = this.#rowsOf(encoded);
    const results = [...this.features.keys()].sort().map((name) => {
      const feature = this.features.get(name) as Feature;
      return [name, this.#finish(name, feature, encoded.get(name) as Encoded)] as const;
    });
    const crossed = [...this.crosses]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, cross]) => {
        return [name, this.#cross(name, cross, encoded)] as const;
      });
    const all = [...results, ...crossed];
    // the type of the result follows from the option, of which the type parameter tells
    if (this.options.outputMode === 'dict') return Object.fromEntries(all) as Output;
    return this.#concat(all, rows) as Output;
  }

  learner(): Learner<Columns> {
    const learners = [...this.features].flatMap(([name, feature]) =>
      isAdaptable(feature.preprocessor) ? [{ name, feature, learner: feature.preprocessor.learner() }] : [],
    );
    return {
      add: (columns) => {
        for (const { name, feature, learner } of learners) {
          learner.add(presentRows(this.#column(name, feature, columns)));
        }
      },
      finish: () => {
        for (const { learner } of learners) learner.finish();
        this.#isAdapted = true;
      },
    };
  }

  /** Writes the space with what it has learned to a `.keras` file, which Keras 3 reads. */
  async save(path: string): Promise<void> {
    this.#requireAdapted();
    const { writeFeatureFile } = await import('./feature-file.ts');
    await writeFeatureFile(path, this);
  }

  /** A space from a `.keras` file, of this library or of Keras 3. @throws {@link FormatError} when it is corrupt */
  static async load(path: string): Promise<FeatureSpace<Tensor | Outputs>> {
    const { readFeatureFile } = await import('./feature-file.ts');
    return readFeatureFile(path, (options) => {
      const space = new FeatureSpace<Tensor | Outputs>(options as FeatureSpaceOptions);
      space.#isAdapted = true;
      return space;
    });
  }

  /** Layers are numbered by class, as Keras's files have them. */
  #trackPreprocessors(): void {
    const counts = new Map<string, number>();
    for (const { preprocessor } of this.features.values()) {
      if (preprocessor === undefined) continue;
      const kind = snakeCase(preprocessor.className);
      const number = counts.get(kind) ?? 0;
      counts.set(kind, number + 1);
      this.track(preprocessor, `preprocessors/${kind}${number === 0 ? '' : `_${number}`}`);
    }
  }

  #makeCross(option: z.output<typeof crossOption>): [string, Cross] {
    const { crossingDim } = this.options;
    const cross: Cross =
      'features' in option
        ? { ...option, crossingDim: option.crossingDim ?? crossingDim }
        : { features: option, crossingDim, outputMode: 'oneHot' };
    const strange = cross.features.find(
      (name) => (this.features.get(name)?.outputMode ?? 'float') === 'float',
    );
    if (strange === undefined) return [cross.features.join('_X_'), cross];
    const known = [...this.features].flatMap(([name, { outputMode }]) =>
      outputMode === 'float' ? [] : [name],
    );
    throw new ConfigError(
      `${this.name}: crosses: expected features that are categories: ${known.join(', ') || 'there are none'}. ` +
        `Received "${strange}".`,
      { op: this.name, argument: 'crosses', expected: known.join(', '), received: strange },
    );
  }

  #requireAdapted(): void {
    if (this.#isAdapted) return;
    throw new ConfigError(`${this.name}: call adapt(columns) before the feature space is used.`, {
      op: this.name,
    });
  }

  #column(name: string, { dtype }: Feature, columns: Columns): FeatureColumn {
    const column = Object.hasOwn(columns, name) ? columns[name] : undefined;
    if (column !== undefined) return featureColumn(column, dtype, name);
    const received = Object.keys(columns).join(', ');
    throw new DataError(`${this.name}: expected a column "${name}". Received ${received}.`, {
      op: this.name,
      argument: name,
      received,
    });
  }

  #encode(name: string, feature: Feature, columns: Columns): Encoded {
    const { data, missing } = this.#column(name, feature, columns);
    return { values: preprocess(feature, data, name), missing };
  }

  #rowsOf(encoded: ReadonlyMap<string, Encoded>): number {
    const lengths = [...encoded].map(([name, { missing }]) => ({ name, length: missing.length }));
    const [first] = lengths;
    const odd = lengths.find(({ length }) => length !== first?.length);
    if (odd === undefined) return first?.length ?? 0;
    const received = `${odd.length} in "${odd.name}"`;
    throw new DataError(
      `${this.name}: expected columns of one length, ${first?.length} as in "${first?.name}". Received ${received}.`,
      { op: this.name, argument: odd.name, expected: String(first?.length), received },
    );
  }

  /** A feature as the model gets it. */
  #finish(name: string, { outputMode, preprocessor }: Feature, { values, missing }: Encoded): Tensor {
    if (outputMode === 'oneHot') return multiHot(values, missing, cardinality(preprocessor, name));
    const hasZero = preprocessor instanceof layers.Hashing || preprocessor instanceof layers.Discretization;
    if (outputMode === 'int' && hasZero) this.#refuseMissing(name, missing);
    return withoutRows(values, missing);
  }

  #cross(
    name: string,
    { features, crossingDim, outputMode }: Cross,
    encoded: ReadonlyMap<string, Encoded>,
  ): Tensor {
    const inputs = features.map((feature) => encoded.get(feature) as Encoded);
    const bins = layers
      .hashedCrossing({ numBins: crossingDim })
      .transform(inputs.map(({ values }) => values));
    const missing = inputs[0]?.missing.map((_, row) => inputs.some((input) => input.missing[row])) ?? [];
    if (outputMode === 'oneHot') return multiHot(bins, missing, crossingDim);
    this.#refuseMissing(name, missing);
    return bins;
  }

  /** Where 0 is a category like any other, missing values cannot be 0. */
  #refuseMissing(name: string, missing: readonly boolean[]): void {
    const row = missing.indexOf(true);
    if (row === -1) return;
    throw new DataError(
      `${this.name}: feature "${name}" has no value in row ${row}, and with outputMode "int" no number for that. ` +
        'Use outputMode "oneHot", or complete the row.',
      { op: this.name, argument: name, received: 'missing value' },
    );
  }

  #concat(parts: readonly (readonly [string, Tensor])[], rows: number): Tensor {
    const whole = parts.find(([, { dtype, rank }]) => dtype !== 'float32' || rank !== 2);
    if (whole !== undefined) {
      const [name, { dtype, shape }] = whole;
      const received = `${dtype}${formatShape(shape)}`;
      throw new ConfigError(
        `${this.name}: expected float32 features of two axes to put side by side. Received ${received} of "${name}". ` +
          'Encode it, or use outputMode: "dict".',
        { op: this.name, argument: name, received },
      );
    }
    const width = parts.reduce((sum, [, { shape }]) => sum + (shape[1] as number), 0);
    const data = new Float32Array(rows * width);
    let offset = 0;
    for (const [, part] of parts) {
      const size = part.shape[1] as number;
      for (let row = 0; row < rows; row++) {
        data.set((part.data as Float32Array).subarray(row * size, (row + 1) * size), row * width + offset);
      }
      offset += size;
    }
    return new Tensor('float32', [rows, width], data);
  }
}

/** One-hot categories; rows that are missing stay zeros. */
function multiHot(indices: Tensor, missing: readonly boolean[], depth: number): Tensor {
  const width = indices.size / Math.max(1, missing.length);
  const values = Float64Array.from(indices.data as ArrayLike<number | bigint>, Number);
  for (const [row, isMissing] of missing.entries()) {
    if (isMissing) values.fill(-1, row * width, (row + 1) * width);
  }
  return encodeCells({ shape: [missing.length, width], values }, 'multiHot', depth);
}

/** Values with zeros in the missing rows. */
function withoutRows(values: Tensor, missing: readonly boolean[]): Tensor {
  if (!missing.includes(true)) return values;
  const { dtype, shape, data } = values;
  const kept = data.slice();
  const width = data.length / missing.length;
  for (const [row, isMissing] of missing.entries()) {
    if (isMissing) kept.set(allocate(dtype, width) as never, row * width);
  }
  return new Tensor(dtype, shape, kept);
}

/**
 * Prepares the columns of a table for a model.
 * @example
 * const space = featureSpace({
 *   features: { age: 'floatNormalized', city: 'stringCategorical' },
 *   crosses: [['city', 'rooms']],
 * });
 * const x = space.adapt(columns).transform(columns);
 * @see {@link FeatureSpace}
 */
export function featureSpace(
  options: FeatureSpaceOptions & { readonly outputMode: 'dict' },
): FeatureSpace<Outputs>;
export function featureSpace(options: FeatureSpaceOptions): FeatureSpace;
export function featureSpace(options: FeatureSpaceOptions): FeatureSpace<Tensor | Outputs> {
  return new FeatureSpace(options);
}

/**
 * A feature space from a `.keras` file, of this library or of Keras 3.
 * @throws {@link FormatError} when the file is corrupt or holds something else
 */
export const loadFeatureSpace = (path: string): Promise<FeatureSpace<Tensor | Outputs>> =>
  FeatureSpace.load(path);
