import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { Value } from '../ir/graph.ts';
import { add, expandDims, matmul, mul, reduceSum, softmax, tanh, where } from '../ops/index.ts';
import { causalMask, dropElements, dropoutOptions, everyMask, hiding } from './attention-heads.ts';
import type { CallSignature } from './call-arguments.ts';
import { initializers } from './initializers.ts';
import {
  type CallOptions,
  knownSize,
  Layer,
  layerOptions,
  type PartialShapes,
  type Values,
} from './layer.ts';
import { maskOf } from './masks.ts';
import { registerLayer } from './registry.ts';
import type { Weight } from './weight.ts';

const options = deferred(() =>
  layerOptions.extend({
    /** Multiplies by a trained weight `scale`. */
    useScale: z.boolean(),
    ...dropoutOptions,
  }),
);

/**
 * Attention of one sequence to another: `y = softmax(score(query, key)) value`.
 *
 * Inputs `query [batch, Tq, dim]`, `value [batch, Tv, dim]` and, if it is not `value`, `key [batch, Tv, dim]`. Values that
 * the mask of `value` leaves out get no weight; outputs that the mask of `query` leaves out are 0. Call arguments:
 * `useCausalMask` (no looking ahead), `returnAttentionScores` (the weights `[batch, Tq, Tv]` are a second output),
 * `queryMask`, `valueMask`.
 */
abstract class SequenceAttention<S extends z.ZodType<z.output<typeof options>>> extends Layer<S> {
  protected override get arity(): { readonly min: number; readonly max: number } {
    return { min: 2, max: 3 };
  }

  protected override get supportsMasking(): boolean {
    return true;
  }

  override get signature(): CallSignature {
    return { masks: ['queryMask', 'valueMask'], flags: ['useCausalMask', 'returnAttentionScores'] };
  }

  /** How well each query and key go together: `[batch, Tq, Tv]`. */
  protected abstract scores(query: Value, key: Value): Value;

  call([query, value = query, key = value]: Values, { training, flags }: CallOptions): Value | Value[] {
    const raw = this.scores(query, key);
    const [rows, columns] = raw.shape.slice(-2) as [number, number];
    const valueMask = maskOf(value);
    const mask = everyMask([
      valueMask && expandDims(valueMask, -2),
      flags?.useCausalMask ? causalMask(rows, columns) : undefined,
    ]);
    const weights = softmax(mask ? add(raw, hiding(mask, raw.dtype, -1e9)) : raw);
    const kept = training ? dropElements(weights, this.options) : weights;
    const y = matmul(kept, value);
    const queryMask = maskOf(query);
    const masked = queryMask ? where(expandDims(queryMask, -1), y, 0) : y;
    return flags?.returnAttentionScores ? [masked, kept] : masked;
  }
}

const schema = deferred(() =>
  options.extend({
    useScale: z.boolean().default(false),
    /** `dot`: `query key^T`; `concat`: `w * sum(tanh(scale * (query + key)))`. */
    scoreMode: z.enum(['dot', 'concat']).default('dot'),
  }),
);

/**
 * Dot-product attention (Luong) of one sequence to another: `y = softmax(scale * query key^T) value`.
 *
 * Takes `[query, value]` or `[query, value, key]` of shapes `[batch, Tq, dim]` and `[batch, Tv, dim]`, and the call
 * arguments `useCausalMask`, `returnAttentionScores`, `queryMask` and `valueMask`.
 * Weights: `scale []` with `useScale`, `concat_score_weight []` with `scoreMode: 'concat'`.
 * @source Luong et al., EMNLP 2015; keras/src/layers/attention/attention.py
 */
export class Attention extends SequenceAttention<typeof schema> {
  static override readonly className = 'Attention';
  static override readonly schema = schema;
  #scale: Weight | undefined;
  #concatWeight: Weight | undefined;

  override build(): void {
    const initializer = initializers.make('ones');
    if (this.options.useScale) this.#scale = this.addWeight('scale', [], { initializer });
    if (this.options.scoreMode === 'concat') {
      this.#concatWeight = this.addWeight('concat_score_weight', [], { initializer });
    }
  }

  protected scores(query: Value, key: Value): Value {
    const scale = this.#scale?.value;
    if (this.#concatWeight === undefined) {
      const y = matmul(query, key, { transposeB: true });
      return scale ? mul(y, scale) : y;
    }
    const sum = pairSum(query, key);
    return mul(this.#concatWeight.value, reduceSum(tanh(scale ? mul(scale, sum) : sum), [-1]));
  }
}

/** `query + key` of each pair: `[batch, Tq, Tv, dim]`. */
const pairSum = (query: Value, key: Value): Value => add(expandDims(query, -2), expandDims(key, -3));

/** Dot-product attention of a sequence to another. @see {@link Attention} */
export const attention = (options: z.input<typeof schema> = {}): Attention => new Attention(options);
const pair = [
  [null, 3, 2],
  [null, 4, 2],
] as const;
registerLayer(Attention, [
  { inputs: pair, output: [null, 3, 2] },
  { options: { useScale: true, scoreMode: 'concat', dropout: 0.5 }, inputs: [...pair, pair[1]] },
]);

const additiveSchema = deferred(() => options.extend({ useScale: z.boolean().default(true) }));

/**
 * Additive attention (Bahdanau) of one sequence to another: `y = softmax(sum(scale * tanh(query + key))) value`.
 *
 * Takes what {@link Attention} takes.
 * Weights: `scale [dim]` with `useScale`.
 * @source Bahdanau et al., ICLR 2015; keras/src/layers/attention/additive_attention.py
 */
export class AdditiveAttention extends SequenceAttention<typeof additiveSchema> {
  static override readonly className = 'AdditiveAttention';
  static override readonly schema = additiveSchema;
  #scale: Weight | undefined;

  override build([query]: PartialShapes): void {
    if (!this.options.useScale) return;
    const initializer = initializers.make('glorotUniform');
    this.#scale = this.addWeight('scale', [knownSize(query, -1, 'size of the last axis')], { initializer });
  }

  protected scores(query: Value, key: Value): Value {
    const matches = tanh(pairSum(query, key));
    return reduceSum(this.#scale ? mul(this.#scale.value, matches) : matches, [-1]);
  }
}

/** Additive attention of a sequence to another. @see {@link AdditiveAttention} */
export const additiveAttention = (options: z.input<typeof additiveSchema> = {}): AdditiveAttention =>
  new AdditiveAttention(options);
registerLayer(AdditiveAttention, [
  { inputs: pair, output: [null, 3, 2] },
  { options: { useScale: false, dropout: 0.5, seed: 1 }, inputs: [...pair, pair[1]] },
]);
