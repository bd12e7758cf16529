import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { formatShape, type PartialShape } from '../core/shape.ts';
import { tensor } from '../core/tensor.ts';
import { ShapeError } from '../errors.ts';
import { constant, type Value } from '../ir/graph.ts';
import { broadcastTo, cumSum, gather, slice, sub } from '../ops/index.ts';
import { scalarConstant } from '../ops/support.ts';
import { expectRank, knownSize, Layer, layerOptions, type PartialShapes, type Values } from './layer.ts';
import { initializerOption, positiveInteger } from './options.ts';
import { registerLayer } from './registry.ts';
import { currentTrace } from './trace.ts';
import type { Weight } from './weight.ts';

const layout = '[batch, time, features]';
const schema = deferred(() =>
  layerOptions.extend({
    /** Longest sequence. */
    sequenceLength: positiveInteger,
    initializer: initializerOption('glorotUniform'),
  }),
);

/**
 * A trained vector for each position, to be added to the input: `[batch, time, features]` in and out. The time may be
 * unknown, up to `sequenceLength` then.
 *
 * Weights: `embeddings [sequenceLength, features]`. Keras has it in the package KerasHub.
 * @source keras_hub/src/layers/modeling/position_embedding.py
 */
export class PositionEmbedding extends Layer<typeof schema> {
  static override readonly className = 'PositionEmbedding';
  static override readonly schema = schema;
  #embeddings!: Weight;

  protected override get supportsMasking(): boolean {
    return true;
  }

  override build([shape]: PartialShapes): void {
    expectRank(shape, 3, layout);
    const { sequenceLength, initializer } = this.options;
    this.#checkTime(shape);
    const size = knownSize(shape, -1, 'number of features');
    this.#embeddings = this.addWeight('embeddings', [sequenceLength, size], { initializer });
  }

  call([x]: Values): Value {
    const [, time] = x.shape as [number, number, number];
    const table = this.#embeddings.value;
    if (currentTrace('positionEmbedding').anySize) {
      // holds for every length, and in a file that is run a longer sequence is out of bounds
      const positions = sub(cumSum(broadcastTo(scalarConstant(1, 'int32'), [time]), 0), 1);
      return broadcastTo(gather(table, positions), x.shape);
    }
    this.#checkTime(x.shape);
    return broadcastTo(slice(table, [0], [time], [0]), x.shape);
  }

  #checkTime(shape: PartialShape): void {
    const { sequenceLength } = this.options;
    const [, time] = shape;
    if (typeof time !== 'number' || time <= sequenceLength) return;
    throw new ShapeError(
      `expected at most ${sequenceLength} steps, the sequenceLength. Received ${formatShape(shape)}.`,
      { expected: `at most ${sequenceLength} steps`, received: String(time) },
    );
  }
}

/** A trained vector for each position. @example `add().apply([x, positionEmbedding({ sequenceLength: 64 }).apply(x)])` */
export const positionEmbedding = (options: z.input<typeof schema>): PositionEmbedding =>
  new PositionEmbedding(options);
registerLayer(PositionEmbedding, [
  { options: { sequenceLength: 4 }, inputs: [[null, 3, 2]], output: [null, 3, 2] },
  { options: { sequenceLength: 6 }, inputs: [[null, null, 2]], output: [null, null, 2] },
]);

const sineSchema = deferred(() =>
  layerOptions.extend({
    /** Longest wavelength, over `2 pi`. */
    maxWavelength: z.number().positive().default(10_000),
  }),
);

/**
 * A fixed vector for each position `t`, to be added to the input: `sin(t w)` at even features `i`, `cos(t w)` at odd ones,
 * where `w = maxWavelength^(-2 floor(i / 2) / features)`. Keras has it in the package KerasHub.
 * @source Vaswani et al. 2017; keras_hub/src/layers/modeling/sine_position_encoding.py
 */
export class SinePositionEncoding extends Layer<typeof sineSchema> {
  static override readonly className = 'SinePositionEncoding';
  static override readonly schema = sineSchema;

  protected override get supportsMasking(): boolean {
    return true;
  }

  override build([shape]: PartialShapes): void {
    expectRank(shape, 3, layout);
  }

  call([x]: Values): Value {
    const [, time, size] = x.shape as [number, number, number];
    const { maxWavelength } = this.options;
    const waves = Array.from({ length: time * size }, (_, k) => {
      const i = k % size;
      const angle = Math.floor(k / size) * maxWavelength ** ((-2 * Math.floor(i / 2)) / size);
      return i % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
    });
    return broadcastTo(constant(tensor(waves, [1, time, size])), x.shape);
  }
}

/** A fixed vector of sines for each position. @see {@link SinePositionEncoding} */
export const sinePositionEncoding = (options: z.input<typeof sineSchema> = {}): SinePositionEncoding =>
  new SinePositionEncoding(options);
registerLayer(SinePositionEncoding, [
  { inputs: [[null, 3, 4]], output: [null, 3, 4] },
  { options: { maxWavelength: 100 }, inputs: [[null, 2, 3]] },
]);
