import type * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { formatShape, type PartialShape } from '../core/shape.ts';
import { ShapeError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import { broadcastTo, expandDims, reshape } from '../ops/index.ts';
import { expectKeysOfValues, HeadsLayer, headOptions, type Projections } from './heads-layer.ts';
import { type CallOptions, expectRank, knownSize, type PartialShapes, type Values } from './layer.ts';
import { positiveInteger } from './options.ts';
import { registerLayer } from './registry.ts';

const schema = deferred(() =>
  headOptions
    .extend({
      /** Size of each head. */
      headDim: positiveInteger,
      numQueryHeads: positiveInteger,
      /** Heads of keys and values: each serves `numQueryHeads / numKeyValueHeads` of the queries' heads. */
      numKeyValueHeads: positiveInteger,
    })
    .refine(({ numQueryHeads, numKeyValueHeads }) => numQueryHeads % numKeyValueHeads === 0, {
      path: ['numQueryHeads'],
      error: 'expected a multiple of numKeyValueHeads',
    }),
);

/**
 * Multi-head attention in which several heads of queries share a head of keys and values.
 *
 * Takes inputs and call arguments of {@link MultiHeadAttention}; query and value have the same last size.
 * Weights: `kernel [dim, heads, headDim]` and `bias [heads, headDim]` of `query`, `key`, (`gate`,) `value`;
 * `kernel [heads, headDim, dim]`, `bias [dim]` of `attention_output`.
 * @source Ainslie et al. 2023; keras/src/layers/attention/grouped_query_attention.py
 */
export class GroupedQueryAttention extends HeadsLayer<typeof schema> {
  static override readonly className = 'GroupedQueryAttention';
  static override readonly schema = schema;
  #layers!: Projections;

  override build([query, value = query, key = value]: PartialShapes): void {
    for (const shape of [query, value, key]) expectRank(shape, 3, '[batch, time, features]');
    expectKeysOfValues(value, key);
    const size = knownSize(query, -1, 'size of the last axis');
    if (value.at(-1) !== size) {
      throw new ShapeError(
        `query and value must agree in the last size. Received ${formatShape(query)} and ${formatShape(value)}.`,
        { argument: 'value', expected: String(size), received: formatShape(value) },
      );
    }
    const { headDim, numQueryHeads, numKeyValueHeads, useGate } = this.options;
    const heads = (name: string, shape: PartialShape, count: number, activation?: string) =>
      this.project(name, `_${name}_dense`, shape, 'abc,cde->abde', [null, count, headDim], {
        bias: 'de',
        ...(activation && { activation }),
      });
    this.#layers = {
      query: heads('query', query, numQueryHeads),
      key: heads('key', key, numKeyValueHeads),
      gate: useGate ? heads('gate', query, numQueryHeads, 'sigmoid') : undefined,
      value: heads('value', value, numKeyValueHeads),
      output: this.project(
        'attention_output',
        '_output_dense',
        [...query.slice(0, -1), numQueryHeads, headDim],
        'abcd,cde->abe',
        [null, size],
        { bias: 'e' },
      ),
    };
  }

  call(inputs: Values, options: CallOptions): Value | Value[] {
    const spread = (x: Value): Value => this.#repeat(x);
    return this.through(this.#layers, inputs, options, { size: this.options.headDim, axes: [1], spread });
  }

  /** Each head as often as the queries' heads need it: `[batch, time, numQueryHeads, headDim]`. */
  #repeat(x: Value): Value {
    const { numQueryHeads, numKeyValueHeads, headDim } = this.options;
    const [batch, time] = x.shape as [number, number];
    const each = [batch, time, numKeyValueHeads, numQueryHeads / numKeyValueHeads, headDim];
    return reshape(broadcastTo(expandDims(x, 3), each), [batch, time, numQueryHeads, headDim]);
  }
}

/** Multi-head attention with fewer heads of keys and values. @see {@link GroupedQueryAttention} */
export const groupedQueryAttention = (options: z.input<typeof schema>): GroupedQueryAttention =>
  new GroupedQueryAttention(options);
const pair = [
  [null, 3, 4],
  [null, 2, 4],
] as const;
registerLayer(
  GroupedQueryAttention,
  [
    {
      options: { headDim: 3, numQueryHeads: 4, numKeyValueHeads: 2 },
      inputs: pair,
      output: [null, 3, 4],
    },
    {
      options: { headDim: 2, numQueryHeads: 2, numKeyValueHeads: 1, useGate: true, dropout: 0.5 },
      inputs: [...pair, [null, 2, 5]],
    },
  ],
  'groupQueryAttention',
);
