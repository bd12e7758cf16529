import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { PartialShape } from '../core/shape.ts';
import type { Value } from '../ir/graph.ts';
import { expectKeysOfValues, HeadsLayer, headOptions, type Projections } from './heads-layer.ts';
import type { CallOptions, PartialShapes, Values } from './layer.ts';
import { positiveInteger } from './options.ts';
import { registerLayer } from './registry.ts';

const schema = deferred(() =>
  headOptions.extend({
    numHeads: positiveInteger,
    /** Size of each head's queries and keys. */
    keyDim: positiveInteger,
    /** Size of each head's values; `keyDim` where left out. */
    valueDim: positiveInteger.nullable().default(null),
    /** Sizes of the output after batch and time; the last of the query where left out. */
    outputShape: z
      .union([positiveInteger.transform((n) => [n]), z.array(positiveInteger)])
      .nullable()
      .default(null),
    /** Axes along which queries see keys; all but batch and features where left out. */
    attentionAxes: z
      .union([z.int().transform((axis) => [axis]), z.array(z.int())])
      .nullable()
      .default(null),
  }),
);

/**
 * Multi-head attention: for each head `softmax(q k^T / sqrt(keyDim)) v`, where `q`, `k`, `v` are projections of
 * query, key and value; a projection of all heads' results is the output.
 *
 * Takes `[query, value]` or `[query, value, key]` of shapes `[batch, T, dim]` and `[batch, S, dim]`; output
 * `[batch, T, dim]`. Masks of the inputs are heeded. Call arguments: `attentionMask [batch, T, S]` (what each query sees),
 * `useCausalMask`, `returnAttentionScores` (the weights `[batch, heads, T, S]` are a second output), `queryMask`,
 * `valueMask`, `keyMask`.
 * Weights: `kernel [dim, heads, size]` and `bias [heads, size]` of `query`, `key`, (`gate`,) `value`; `kernel [heads,
 * valueDim, dim]`, `bias [dim]` of `attention_output`.
 * @source Vaswani et al. 2017; keras/src/layers/attention/multi_head_attention.py
 */
export class MultiHeadAttention extends HeadsLayer<typeof schema> {
  static override readonly className = 'MultiHeadAttention';
  static override readonly schema = schema;
  #layers!: Projections;

  override build([query, value = query, key = value]: PartialShapes): void {
    expectKeysOfValues(value, key);
    const { numHeads, keyDim, useGate, outputShape } = this.options;
    const heads = (
      name: string,
      attribute: string,
      shape: PartialShape,
      size: number,
      activation?: string,
    ) => {
      const { equation, outer } = projection(shape.length - 1, 1, 2);
      const options = { bias: outer, ...(activation && { activation }) };
      return this.project(
        name,
        attribute,
        shape,
        equation,
        [...open(shape.length - 2), numHeads, size],
        options,
      );
    };
    const sizes = outputShape ?? [query.at(-1) as number];
    const { equation, outer } = projection(query.length - 1, 2, sizes.length);
    this.#layers = {
      query: heads('query', 'query_dense', query, keyDim),
      key: heads('key', 'key_dense', key, keyDim),
      gate: useGate ? heads('gate', '_gate_dense', query, this.#valueDim, 'sigmoid') : undefined,
      value: heads('value', 'value_dense', value, this.#valueDim),
      output: this.project(
        'attention_output',
        'output_dense',
        [...query.slice(0, -1), numHeads, this.#valueDim],
        equation,
        [...open(query.length - 2), ...sizes],
        { bias: outer },
      ),
    };
  }

  get #valueDim(): number {
    return this.options.valueDim ?? this.options.keyDim;
  }

  call(inputs: Values, options: CallOptions): Value | Value[] {
    const [{ rank }] = inputs;
    const { keyDim, attentionAxes } = this.options;
    const axes =
      attentionAxes?.map((axis) => (axis < 0 ? axis + rank : axis)) ?? open(rank - 2).map((_, i) => i + 1);
    return this.through(this.#layers, inputs, options, { size: keyDim, axes });
  }

  override getConfig(): Record<string, unknown> {
    return { ...super.getConfig(), valueDim: this.#valueDim };
  }
}

const open = (count: number): null[] => new Array<null>(count).fill(null);

/** Equation of a product that keeps `free` axes, sums over `summed` and adds `added`; letters of the added ones. */
function projection(free: number, summed: number, added: number): { equation: string; outer: string } {
  const letters = 'abcdefghijklmnopqrstuvwxyz';
  const kept = letters.slice(0, free);
  const inner = letters.slice(free, free + summed);
  const outer = letters.slice(free + summed, free + summed + added);
  return { equation: `${kept}${inner},${inner}${outer}->${kept}${outer}`, outer };
}

/** Attention in several heads. @see {@link MultiHeadAttention} */
export const multiHeadAttention = (options: z.input<typeof schema>): MultiHeadAttention =>
  new MultiHeadAttention(options);
const pair = [
  [null, 3, 4],
  [null, 2, 5],
] as const;
registerLayer(MultiHeadAttention, [
  { options: { numHeads: 2, keyDim: 3 }, inputs: pair, output: [null, 3, 4] },
  {
    options: { numHeads: 2, keyDim: 3, valueDim: 2, outputShape: 6, useBias: false, dropout: 0.5 },
    inputs: [...pair, [null, 2, 3]],
    output: [null, 3, 6],
  },
  {
    options: { numHeads: 1, keyDim: 2, attentionAxes: 2, useGate: true, slidingWindow: 2 },
    inputs: [
      [null, 2, 3, 4],
      [null, 2, 3, 4],
    ],
  },
]);
