import { formatShape, type Shape, sizeOf, stridesOf } from '../core/shape.ts';
import { ConfigError, ShapeError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import { forEachIndex } from '../ir/ndarray.ts';
import type { OnnxNode } from '../ir/onnx-node.ts';
import { apply, attrs, defineOp } from '../ir/op.ts';
import { bools, integers, normal } from '../ir/samples.ts';
import { add } from './binary.ts';
import { concat } from './concat.ts';
import { reduceSum } from './reduce.ts';
import { reshape, transpose } from './shape.ts';
import { flip, slice } from './slice.ts';
import { anything } from './support.ts';

const padModes = ['constant', 'reflect', 'edge'] as const;
/** What padding is filled with: one number, the mirrored inside (ends not repeated), or the end elements. */
export type PadMode = (typeof padModes)[number];

interface PadAttrs {
  /** Elements added before and after each axis; negative amounts cut. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly mode: PadMode;
  /** The number that fills, in mode `constant`. */
  readonly value: number;
}

/**
 * Adds elements before and after the axes of `x`; negative amounts (mode `constant` only) cut elements off.
 * @param amounts - `[before, after]` for every axis
 * @throws {@link ShapeError} when amounts do not fit the shape; reflection adds less than the size of the axis
 * @source ONNX Pad-13
 */
export function pad(
  x: Value,
  amounts: readonly (readonly [number, number])[],
  mode: PadMode = 'constant',
  value = 0,
): Value {
  const before = amounts.map(([n]) => n);
  const after = amounts.map(([, n]) => n);
  const cuts = mode === 'constant' && [...before, ...after].every((n) => n <= 0) && before.length === x.rank;
  if (!cuts) return apply(padOp, { x }, { before, after, mode, value });
  return slice(
    x,
    before.map((n) => -n),
    after.map((n, axis) => Math.max(0, (x.shape[axis] as number) + n)),
  );
}
/** Whether numbers were put around what the value holds. */
export const isFilledAround = ({ node }: Value): boolean =>
  node.kind === padOp.op && node.attrs.mode === 'constant';

/** A value with zeros before and after it, along one axis only. */
export interface ZeroMargins {
  readonly inner: Value;
  readonly axis: number;
  readonly before: number;
  readonly after: number;
}

/** What zeros were put around, where `x` is that and nothing else. */
export function zeroMargins({ node }: Value): ZeroMargins | undefined {
  if (node.kind !== padOp.op) return undefined;
  const [inner] = node.inputs as readonly [Value];
  const { before, after, mode, value } = node.attrs as unknown as PadAttrs;
  const padded = inner.shape.flatMap((_, axis) => (before[axis] === 0 && after[axis] === 0 ? [] : [axis]));
  const [axis, ...others] = padded;
  if (axis === undefined || others.length > 0 || mode !== 'constant' || value !== 0) return undefined;
  const [first, last] = [before[axis] as number, after[axis] as number];
  return first < 0 || last < 0 ? undefined : { inner, axis, before: first, after: last };
}

/** `x + y` where each is zero wherever the other is not, and they lie side by side: as the derivatives of slices do. */
export function joinedMargins(x: Value, y: Value): Value | undefined {
  const [a, b] = [zeroMargins(x), zeroMargins(y)];
  if (a === undefined || b === undefined || a.axis !== b.axis) return undefined;
  const { axis } = a;
  const [left, right] = a.before < b.before ? [a, b] : [b, a];
  if (left.before + (left.inner.shape[axis] as number) !== right.before) return undefined;
  return withMargins(concat([left.inner, right.inner], axis), axis, {
    before: left.before,
    after: right.after,
  });
}

/** `x` with zeros around it along `axis`; -1 is the last. */
export function withMargins(
  x: Value,
  axis: number,
  { before, after }: Pick<ZeroMargins, 'before' | 'after'>,
): Value {
  const none = x.shape.map((): [number, number] => [0, 0]);
  return pad(x, none.with(axis, [before, after]));
}

const padOp = defineOp({
  name: 'pad',
  inputs: { x: anything },
  attrs: attrs<PadAttrs>(),
  infer: ({ x }, a) => {
    checkAmounts(x.shape, a);
    return {
      dtype: x.dtype,
      shape: x.shape.map((n, i) => n + (a.before[i] as number) + (a.after[i] as number)),
    };
  },
  lower: ({ x }, { before, after, mode, value }, emit) => {
    const pads = emit.constant([...before, ...after], 'int64');
    const filling = mode === 'constant' && value !== 0 ? [emit.constant([value], x.type.dtype, [])] : [];
    return emit.op('Pad', [x, pads, ...filling], { mode: { string: mode } });
  },
  vjp: ({ x }, dy, { before, after, mode }) => {
    const margins = before.map((n, axis): [number, number] => [n, after[axis] as number]);
    if (mode === 'constant')
      return {
        x: pad(
          dy,
          margins.map(([b, a]): [number, number] => [-b, -a]),
        ),
      };
    return {
      x: margins.reduce((g, margin, axis) => fold(g, axis, margin, x.shape[axis] as number, mode), dy),
    };
  },
  reference: ({ x }, { before, mode, value }, y) => {
    const strides = stridesOf(x.shape);
    const result = new Float64Array(sizeOf(y.shape)).fill(value);
    forEachIndex(y.shape, (flat, index) => {
      let from = 0;
      for (let axis = 0; axis < index.length; axis++) {
        const n = x.shape[axis] as number;
        const at = source((index[axis] as number) - (before[axis] as number), n, mode);
        if (at < 0 || at >= n) return;
        from += at * (strides[axis] as number);
      }
      result[flat] = x.data[from] as number;
    });
    return result;
  },
  simplify: ({ x }, { before, after }) => ([...before, ...after].every((n) => n === 0) ? x : undefined),
  sinkTranspose: ({ x }, { before, after, mode, value }, permutation) => {
    const amounts = x.shape.map((): readonly [number, number] => [0, 0]);
    permutation.forEach((axis, i) => {
      amounts[axis] = [before[i] as number, after[i] as number];
    });
    return transpose(pad(x, amounts, mode, value), permutation);
  },
  samples: [
    { inputs: { x: normal([2, 3]) }, attrs: { before: [1, 0], after: [2, 1], mode: 'constant', value: 0 } },
    {
      inputs: { x: normal([3, 4]) },
      attrs: { before: [-1, 2], after: [1, -3], mode: 'constant', value: 0.5 },
    },
    { inputs: { x: normal([3, 4]) }, attrs: { before: [2, 0], after: [1, 3], mode: 'reflect', value: 0 } },
    { inputs: { x: normal([2, 3]) }, attrs: { before: [2, 0], after: [0, 4], mode: 'edge', value: 0 } },
    { inputs: { x: integers([3], 5) }, attrs: { before: [1], after: [1], mode: 'constant', value: 7 } },
    { inputs: { x: bools([3]) }, attrs: { before: [1], after: [0], mode: 'constant', value: 1 } },
  ],
  errors: [
    {
      inputs: { x: normal([2]) },
      attrs: { before: [1, 1], after: [0, 0], mode: 'edge', value: 0 },
      throws: ShapeError,
    },
    {
      inputs: { x: normal([2]) },
      attrs: { before: [2], after: [0], mode: 'reflect', value: 0 },
      throws: ShapeError,
    },
    {
      inputs: { x: normal([2]) },
      attrs: { before: [-1], after: [0], mode: 'edge', value: 0 },
      throws: ShapeError,
    },
    {
      inputs: { x: normal([2]) },
      attrs: { before: [-3], after: [0], mode: 'constant', value: 0 },
      throws: ShapeError,
    },
  ],
  onnx: { Pad: readPad },
});

function checkAmounts(shape: Shape, { before, after, mode }: PadAttrs): void {
  if (!padModes.includes(mode)) {
    throw new ConfigError(`pad: mode must be one of ${padModes.join(', ')}. Received "${mode}".`, {
      op: 'pad',
      argument: 'mode',
      received: mode,
    });
  }
  const fits = shape.every((n, axis) => {
    const [b, a] = [before[axis] as number, after[axis] as number];
    if (!Number.isInteger(b) || !Number.isInteger(a)) return false;
    if (mode === 'constant') return b >= -n && a >= -n && n + a + b >= 0;
    return (
      b >= 0 && a >= 0 && Math.max(a, b) <= (mode === 'reflect' ? Math.max(0, n - 1) : n === 0 ? 0 : Infinity)
    );
  });
  if (fits && before.length === shape.length && after.length === shape.length) return;
  throw new ShapeError(
    `pad: amounts before [${before.join(',')}] and after [${after.join(',')}] do not fit ${formatShape(shape)} in ` +
      `mode "${mode}".`,
    { op: 'pad', argument: 'amounts', received: formatShape(shape) },
  );
}

/** Where along an axis of `n` elements position `at` of the padded axis is read; outside `[0, n)` is filled. */
function source(at: number, n: number, mode: PadMode): number {
  if (mode === 'constant') return at;
  if (mode === 'edge') return Math.min(Math.max(at, 0), n - 1);
  const mirrored = Math.abs(at);
  return mirrored < n ? mirrored : 2 * (n - 1) - mirrored;
}

/** Adds the margins of one axis to the elements that they repeat: the adjoint of reflecting or repeating ends. */
function fold(dy: Value, axis: number, [before, after]: [number, number], n: number, mode: PadMode): Value {
  if (before === 0 && after === 0) return dy;
  const part = (from: number, to: number): Value => slice(dy, [from], [to], [axis]);
  const at = (x: Value, place: number): Value =>
    pad(
      x,
      x.shape.map((size, i) => (i === axis ? [place, n - place - size] : [0, 0])),
    );
  const repeated = (x: Value): Value => (mode === 'edge' ? reduceSum(x, [axis], true) : flip(x, [axis]));
  const parts = [part(before, before + n)];
  if (before > 0) parts.push(at(repeated(part(0, before)), mode === 'edge' ? 0 : 1));
  if (after > 0)
    parts.push(at(repeated(part(before + n, before + n + after)), n - 1 - (mode === 'edge' ? 0 : after)));
  return parts.reduce(add);
}

/** Amounts are an attribute before opset 11; `axes` came with opset 18. */
function readPad(node: OnnxNode): Value {
  const x = node.input(0);
  const mode = padModes.find((m) => m === node.string('mode', 'constant'));
  if (mode === undefined) return node.unsupported(`mode "${node.string('mode')}"`);
  const pads = node.opset < 11 ? node.ints('pads', node.ints('paddings', [])) : node.constantInts(1);
  if (pads === undefined) return node.unsupported('padding without amounts');
  const value = node.opset < 11 ? node.float('value', 0) : Number(node.constant(2)?.data[0] ?? 0);
  const axes =
    node.constantInts(3)?.map((axis) => (axis < 0 ? axis + x.rank : axis)) ?? x.shape.map((_, i) => i);
  const amounts = x.shape.map((_, axis): [number, number] => {
    const i = axes.indexOf(axis);
    return i < 0 ? [0, 0] : [pads[i] as number, pads[i + axes.length] as number];
  });
  return pad(x, amounts, mode, value);
}

/**
 * Repeats the whole of `x` along its axes.
 * @param repeats - how often, for every axis
 * @throws {@link ShapeError} when there is not one whole number for each axis
 * @source ONNX Tile-13
 */
export function tile(x: Value, repeats: readonly number[]): Value {
  return apply(tileOp, { x }, { repeats });
}
const tileOp = defineOp({
  name: 'tile',
  inputs: { x: anything },
  attrs: attrs<{ readonly repeats: readonly number[] }>(),
  infer: ({ x }, { repeats }) => {
    if (repeats.length === x.shape.length && repeats.every((n) => Number.isInteger(n) && n >= 0)) {
      return { dtype: x.dtype, shape: x.shape.map((n, i) => n * (repeats[i] as number)) };
    }
    throw new ShapeError(
      `tile: repeats [${repeats.join(',')}] must be a whole number for each axis of ${formatShape(x.shape)}.`,
      { op: 'tile', argument: 'repeats', received: `[${repeats.join(',')}]` },
    );
  },
  lower: ({ x }, { repeats }, emit) => emit.op('Tile', [x, emit.constant(repeats, 'int64')]),
  // the copies lie along axes 0, 2, 4, ... of [repeats[0], size[0], repeats[1], size[1], ...]
  vjp: ({ x }, dy, { repeats }) => {
    const apart = reshape(
      dy,
      x.shape.flatMap((n, axis) => [repeats[axis] as number, n]),
    );
    return {
      x: reduceSum(
        apart,
        x.shape.map((_, axis) => 2 * axis),
      ),
    };
  },
  reference: ({ x }, _attrs, y) => {
    const strides = stridesOf(x.shape);
    const result = new Float64Array(sizeOf(y.shape));
    forEachIndex(y.shape, (flat, index) => {
      const from = index.reduce(
        (sum, k, i) => sum + (k % (x.shape[i] as number)) * (strides[i] as number),
        0,
      );
      result[flat] = x.data[from] as number;
    });
    return result;
  },
  simplify: ({ x }, { repeats }) => (repeats.every((n) => n === 1) ? x : undefined),
  sinkTranspose: ({ x }, { repeats }, permutation) => {
    const inner = [...repeats];
    permutation.forEach((axis, i) => {
      inner[axis] = repeats[i] as number;
    });
    return transpose(tile(x, inner), permutation);
  },
  samples: [
    { inputs: { x: normal([2, 3]) }, attrs: { repeats: [3, 2] } },
    { inputs: { x: normal([2, 1, 2]) }, attrs: { repeats: [1, 4, 1] } },
    { inputs: { x: integers([2], 5) }, attrs: { repeats: [2] } },
  ],
  errors: [{ inputs: { x: normal([2, 3]) }, attrs: { repeats: [2] }, throws: ShapeError }],
  onnx: {
    Tile: (node) => tile(node.input(0), node.constantInts(1) ?? node.unsupported('a tile without repeats')),
  },
});
