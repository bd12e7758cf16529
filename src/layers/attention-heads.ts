import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { DType } from '../core/dtype.ts';
import { formatShape, type Shape } from '../core/shape.ts';
import { tensor } from '../core/tensor.ts';
import { ShapeError } from '../errors.ts';
import { constant, type Value } from '../ir/graph.ts';
import {
  abs,
  add,
  cast,
  einsum,
  expandDims,
  greaterEqual,
  less,
  logicalAnd,
  mul,
  reduceMax,
  reshape,
  sub,
  transpose,
  where,
} from '../ops/index.ts';
import { scalarConstant } from '../ops/support.ts';
import { maskedSoftmax } from './masks.ts';
import { randomBernoulli } from './trace.ts';

/** Options of attention weights that are dropped while training. */
export const dropoutOptions = deferred(() => ({
  /** Fraction of the attention weights that is dropped while training. */
  dropout: z.number().min(0).lt(1).default(0),
  seed: z.int().nullable().default(null),
}));

/** Dropout: each element is 0 with probability `dropout`, else scaled by `1 / (1 - dropout)`. */
export const dropElements = (
  x: Value,
  { dropout, seed }: { readonly dropout: number; readonly seed: number | null },
): Value =>
  dropout === 0 ? x : mul(x, randomBernoulli(x.shape, 1 - dropout, 1 / (1 - dropout), seed ?? undefined));

/** Far below every score. */
const lowest = -1e9;

/** Where one of two sequences stands against the other: row `i` and column `j` of `[1, rows, columns]`. */
const positions = (rows: number, columns: number): [Value, Value] => {
  const count = (n: number, shape: Shape): Value =>
    constant(
      tensor(
        Array.from({ length: n }, (_, i) => i),
        shape,
        'int32',
      ),
    );
  return [count(rows, [1, rows, 1]), count(columns, [1, 1, columns])];
};

/** Booleans `[1, rows, columns]`: position `i` sees position `j` when `j <= i`. */
export const causalMask = (rows: number, columns: number): Value => greaterEqual(...positions(rows, columns));

/** Booleans `[1, rows, columns]`: position `i` sees position `j` when `|i - j| < size`. */
export const windowMask = (rows: number, columns: number, size: number): Value =>
  less(abs(sub(...positions(rows, columns))), size);

/** What is added to scores: 0 where `mask` lets pass, else `low`. */
export const hiding = (mask: Value, dtype: DType, low: number): Value =>
  where(mask, scalarConstant(0, dtype), low);

/** What all of the masks let pass. */
export const everyMask = (masks: readonly (Value | undefined)[]): Value | undefined =>
  masks
    .filter((mask) => mask !== undefined)
    .reduce<Value | undefined>((a, b) => (a ? logicalAnd(a, b) : b), undefined);

/** What the queries may see, as far as call and masks tell. */
export interface Sight {
  readonly query: Value | undefined;
  readonly value: Value | undefined;
  readonly key: Value | undefined;
  readonly explicit: Value | undefined;
  readonly causal: boolean;
  readonly window: number | null;
}

/**
 * One mask of all there are: `[batch, rows, columns]`, or the shape of the explicit one.
 * @param rows, columns - lengths of the sequences of queries and of values
 */
export const sightMask = (sight: Sight, rows: number, columns: number): Value | undefined =>
  everyMask([
    sight.query && expandDims(sight.query, -1),
    sight.value && expandDims(sight.value, -2),
    sight.key && expandDims(sight.key, -2),
    sight.causal ? causalMask(rows, columns) : undefined,
    sight.window === null ? undefined : windowMask(rows, columns, sight.window),
    sight.explicit && cast(sight.explicit, 'bool'),
  ]);

/** Scaled queries, keys and values of all heads: `[batch, ..., heads, channels]`. */
export interface Heads {
  readonly query: Value;
  readonly key: Value;
  readonly value: Value;
  /** Axes along which queries see keys. */
  readonly axes: readonly number[];
  /** Which query sees which key, as booleans `[batch, queries, keys]`, or with axes between batch and queries. */
  readonly mask: Value | undefined;
  /** What a query that sees nothing gets: the mean of all values, or zeros. */
  readonly blind: 'mean' | 'zeros';
  readonly drop: (weights: Value) => Value;
}

/**
 * Dot-product attention: `softmax(query key^T + mask) value`, for each head.
 * @returns contexts, in the layout of the queries, and weights `[batch, ..., heads, queries, keys]` before `drop`
 */
export function attend(heads: Heads): { readonly context: Value; readonly weights: Value } {
  const { query, key, value, axes, blind } = heads;
  const layout = layoutOf(query.rank, axes);
  const mask = heads.mask && alignMask(heads.mask, layout.scores.length, 2 * axes.length);
  const keyAxes = axes.map((_, i) => layout.scores.length - axes.length + i);
  const sees = mask && reduceMax(cast(mask, query.dtype), keyAxes, true);
  // a query of zeros scores all keys alike; its gradient is zero, too
  const queries = sees && blind === 'mean' ? mul(query, asQueries(sees, layout.order)) : query;
  const scores = einsum(`${layout.query},${layout.key}->${layout.scores}`, [queries, key]);
  const weights = maskedSoftmax(mask ? add(scores, hiding(mask, scores.dtype, lowest)) : scores, keyAxes);
  const context = einsum(`${layout.scores},${layout.key}->${layout.query}`, [heads.drop(weights), value]);
  if (sees === undefined || blind === 'mean') return { context, weights };
  return { context: mul(context, asQueries(sees, layout.order)), weights: mul(weights, sees) };
}

/** Letters of the axes, of queries, of keys, and of scores: those that do not attend, then queries, then keys. */
function layoutOf(rank: number, axes: readonly number[]) {
  const letter = (i: number): string => String.fromCharCode(97 + i);
  const all = Array.from({ length: rank }, (_, i) => i);
  const inKey = (axis: number): string => letter(axes.includes(axis) ? rank + axes.indexOf(axis) : axis);
  const rows = [...all.slice(0, -1).filter((axis) => !axes.includes(axis)), ...axes];
  return {
    query: all.map(letter).join(''),
    key: all.map(inKey).join(''),
    scores: [...rows.map(letter), ...axes.map(inKey)].join(''),
    /** Where each axis of the queries, but the last, is among those of the scores. */
    order: all.slice(0, -1).map((axis) => rows.indexOf(axis)),
  };
}

/** One number per row of the scores, in the layout of the queries. */
function asQueries(rows: Value, order: readonly number[]): Value {
  const each = reshape(rows, rows.shape.slice(0, order.length));
  return expandDims(transpose(each, order), -1);
}

/** A mask with axes of size 1 put in, before the `last` ones, until it has the rank of the scores. */
function alignMask(mask: Value, rank: number, last: number): Value {
  const lead = mask.rank - last;
  if (lead < 0 || mask.rank > rank) {
    throw new ShapeError(
      `expected a mask of ${last} to ${rank} axes, [batch, queries, keys]. Received ${formatShape(mask.shape)}.`,
      { argument: 'attentionMask', expected: `${last} to ${rank} axes`, received: formatShape(mask.shape) },
    );
  }
  const ones = new Array<number>(rank - mask.rank).fill(1);
  return reshape(mask, mask.shape.toSpliced(lead, 0, ...ones));
}
