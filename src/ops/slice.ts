import {
  formatShape,
  normalizeAxes,
  normalizeAxis,
  type Shape,
  sameShape,
  sizeOf,
  stridesOf,
} from '../core/shape.ts';
import { ConfigError, ShapeError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import { forEachIndex } from '../ir/ndarray.ts';
import type { OnnxNode } from '../ir/onnx-node.ts';
import { apply, attrs, defineOp } from '../ir/op.ts';
import { integers, normal } from '../ir/samples.ts';
import { concat } from './concat.ts';
import { pad } from './pad.ts';
import { reshape, transpose } from './shape.ts';
import { anything } from './support.ts';

/** One entry per axis: element `k` of the result's axis is element `starts + k * steps` of the axis of `x`. */
interface SliceAttrs {
  readonly starts: readonly number[];
  readonly sizes: readonly number[];
  readonly steps: readonly number[];
}

/**
 * Elements `starts[i]`, `starts[i] + steps[i]`, ... before `ends[i]` of each axis `axes[i]`, as in NumPy: negative
 * positions count from the end, positions beyond an end are clamped, negative steps walk backwards.
 * @param axes - the first ones by default
 * @param steps - 1 by default
 * @throws {@link ConfigError} when the lists differ in length or a step is 0
 * @source ONNX Slice-13
 */
export function slice(
  x: Value,
  starts: readonly number[],
  ends: readonly number[],
  axes: readonly number[] = starts.map((_, i) => i),
  steps: readonly number[] = starts.map(() => 1),
): Value {
  if (ends.length !== starts.length || axes.length !== starts.length || steps.length !== starts.length) {
    const received = [starts, ends, axes, steps].map((list) => list.length).join(', ');
    throw new ConfigError(
      `slice: starts, ends, axes and steps must be equally long. Received lengths ${received}.`,
      {
        op: 'slice',
        received,
      },
    );
  }
  const from = x.shape.map(() => 0);
  const sizes = [...x.shape];
  const by = x.shape.map(() => 1);
  axes.forEach((axis, i) => {
    const at = normalizeAxis(axis, x.rank, 'slice');
    const range = clampRange(
      starts[i] as number,
      ends[i] as number,
      steps[i] as number,
      x.shape[at] as number,
    );
    from[at] = range.start;
    sizes[at] = range.size;
    by[at] = steps[i] as number;
  });
  return sliceBy(x, { starts: from, sizes, steps: by });
}

/** Start and number of elements of Python's `start:end:step` on an axis of `length` elements. */
function clampRange(
  start: number,
  end: number,
  step: number,
  length: number,
): { start: number; size: number } {
  if (!Number.isInteger(step) || step === 0) {
    throw new ConfigError(`slice: a step must be a whole number other than 0. Received ${step}.`, {
      op: 'slice',
      argument: 'steps',
      received: String(step),
    });
  }
  const [low, high] = step > 0 ? [0, length] : [-1, length - 1];
  const clamp = (v: number): number => Math.min(Math.max(v < 0 ? v + length : v, low), high);
  const first = clamp(start);
  const size = Math.max(0, Math.ceil((clamp(end) - first) / step));
  return { start: size === 0 ? 0 : first, size };
}

const sliceBy = (x: Value, a: SliceAttrs): Value => (isWhole(x.shape, a) ? x : apply(sliceOp, { x }, a));

const isWhole = (shape: Shape, { sizes, steps }: SliceAttrs): boolean =>
  sameShape(sizes, shape) && steps.every((step, axis) => step === 1 || (shape[axis] as number) <= 1);

const sliceOp = defineOp({
  name: 'slice',
  inputs: { x: anything },
  attrs: attrs<SliceAttrs>(),
  infer: ({ x }, { starts, sizes, steps }) => {
    const inside = x.shape.every((n, axis) => {
      const [start, size, step] = [starts[axis] as number, sizes[axis] as number, steps[axis] as number];
      const last = start + (size - 1) * step;
      return step !== 0 && (size === 0 || (size > 0 && start >= 0 && start < n && last >= 0 && last < n));
    });
    if (inside && sizes.length === x.shape.length) return { dtype: x.dtype, shape: sizes };
    throw new ShapeError(
      `slice: [${sizes.join(',')}] elements from [${starts.join(',')}] in steps of [${steps.join(',')}] do not lie ` +
        `inside ${formatShape(x.shape)}.`,
      { op: 'slice', received: formatShape(x.shape) },
    );
  },
  lower: ({ x }, { starts, sizes, steps }, emit) => {
    const cut = x.type.shape.flatMap((n, axis) => (sizes[axis] === n && steps[axis] === 1 ? [] : [axis]));
    const ends = cut.map((axis) => {
      const end = (starts[axis] as number) + (sizes[axis] as number) * (steps[axis] as number);
      return end < 0 ? -(x.type.shape[axis] as number) - 1 : end; // -1 would mean the last element
    });
    const list = (values: readonly number[]): string => emit.constant(values, 'int64');
    const of = (values: readonly number[]): string => list(cut.map((axis) => values[axis] as number));
    const unit = cut.every((axis) => steps[axis] === 1);
    return emit.op('Slice', [x, of(starts), list(ends), list(cut), ...(unit ? [] : [of(steps)])]);
  },
  vjp: ({ x }, dy, a) => ({ x: spread(dy, a, x.shape) }),
  reference: ({ x }, { starts, sizes, steps }) => {
    const strides = stridesOf(x.shape);
    const result = new Float64Array(sizeOf(sizes));
    forEachIndex(sizes, (flat, index) => {
      const from = index.reduce(
        (sum, k, axis) =>
          sum + ((starts[axis] as number) + k * (steps[axis] as number)) * (strides[axis] as number),
        0,
      );
      result[flat] = x.data[from] as number;
    });
    return result;
  },
  simplify: ({ x }, a): Value | undefined => {
    if (isWhole(x.shape, a)) return x;
    if (x.node.kind !== sliceOp.op) return undefined;
    // where the inner slice starts, and how far apart its elements are
    const [origins, strides] = [
      x.node.attrs.starts as readonly number[],
      x.node.attrs.steps as readonly number[],
    ];
    const starts = a.starts.map((start, i) => (origins[i] as number) + start * (strides[i] as number));
    const steps = a.steps.map((step, i) => step * (strides[i] as number));
    return sizeOf(a.sizes) === 0 ? undefined : sliceBy(x.node.inputs[0] as Value, { ...a, starts, steps });
  },
  sinkTranspose: ({ x }, a, permutation) => {
    const back = (values: readonly number[]): number[] => {
      const result = [...values];
      permutation.forEach((axis, i) => {
        result[axis] = values[i] as number;
      });
      return result;
    };
    const inner = { starts: back(a.starts), sizes: back(a.sizes), steps: back(a.steps) };
    return transpose(sliceBy(x, inner), permutation);
  },
  samples: [
    { inputs: { x: normal([4, 3]) }, attrs: { starts: [1, 0], sizes: [2, 3], steps: [1, 1] } },
    { inputs: { x: normal([5, 4]) }, attrs: { starts: [4, 3], sizes: [5, 2], steps: [-1, -2] } },
    { inputs: { x: normal([2, 7]) }, attrs: { starts: [0, 1], sizes: [2, 3], steps: [1, 2] } },
    { inputs: { x: normal([2, 7]) }, attrs: { starts: [1, 0], sizes: [1, 3], steps: [1, 3] } },
    { inputs: { x: normal([7]) }, attrs: { starts: [5], sizes: [2], steps: [-3] } },
    { inputs: { x: normal([3, 2]) }, attrs: { starts: [0, 0], sizes: [0, 2], steps: [1, 1] } },
    { inputs: { x: integers([6], 9) }, attrs: { starts: [0], sizes: [3], steps: [2] } },
  ],
  errors: [
    { inputs: { x: normal([4]) }, attrs: { starts: [2], sizes: [3], steps: [1] }, throws: ShapeError },
    { inputs: { x: normal([4]) }, attrs: { starts: [1], sizes: [3], steps: [-1] }, throws: ShapeError },
    { inputs: { x: normal([4]) }, attrs: { starts: [0], sizes: [1], steps: [0] }, throws: ShapeError },
    { inputs: { x: normal([4, 2]) }, attrs: { starts: [0], sizes: [1], steps: [1] }, throws: ShapeError },
  ],
  onnx: { Slice: readSlice },
});

/**
 * Zeros of `shape` with `x` where a slice takes its elements from: the adjoint of the slice. Steps are undone by
 * padding each element to a block of `step` elements.
 */
function spread(x: Value, { starts, sizes, steps }: SliceAttrs, shape: Shape): Value {
  const walked = flip(
    x,
    steps.flatMap((step, axis) => (step < 0 ? [axis] : [])),
  );
  const blocks = steps.map((step, axis) => (sizes[axis] === 1 ? 1 : Math.abs(step)));
  const wide = dilate(walked, blocks);
  const margins = shape.map((n, axis): [number, number] => {
    const start = starts[axis] as number;
    const first =
      (steps[axis] as number) < 0 ? start + ((sizes[axis] as number) - 1) * (steps[axis] as number) : start;
    return sizes[axis] === 0 ? [0, n] : [first, n - first - (wide.shape[axis] as number)];
  });
  return pad(wide, margins);
}

/** Puts `blocks[axis] - 1` zeros after every element along each axis. */
function dilate(x: Value, blocks: readonly number[]): Value {
  if (blocks.every((block) => block === 1)) return x;
  // each dilated axis n becomes [n, 1], then [n, block], then n * block
  const apart = x.shape.flatMap((n, axis) => (blocks[axis] === 1 ? [n] : [n, 1]));
  const margins = blocks.flatMap((block): [number, number][] =>
    block === 1
      ? [[0, 0]]
      : [
          [0, 0],
          [0, block - 1],
        ],
  );
  const wide = x.shape.map((n, axis) => n * (blocks[axis] as number));
  return reshape(pad(reshape(x, apart), margins), wide);
}

/** Before opset 10 the positions were attributes. */
function readSlice(node: OnnxNode): Value {
  const x = node.input(0);
  if (node.opset < 10) {
    const starts = node.ints('starts');
    return slice(x, starts, node.ints('ends'), node.has('axes') ? node.ints('axes') : undefined);
  }
  const [starts, ends] = [node.constantInts(1), node.constantInts(2)];
  if (starts === undefined || ends === undefined) return node.unsupported('a slice without starts and ends');
  return slice(x, starts, ends, node.constantInts(3), node.constantInts(4));
}

/** Reverses the order of elements along `axes`, all by default. */
export function flip(x: Value, axes?: readonly number[]): Value {
  const flipped = normalizeAxes(axes, x.rank, 'flip');
  return sliceBy(x, {
    starts: x.shape.map((n, axis) => (flipped.includes(axis) && n > 0 ? n - 1 : 0)),
    sizes: x.shape,
    steps: x.shape.map((_, axis) => (flipped.includes(axis) ? -1 : 1)),
  });
}

/** Moves elements `shift` places up along `axis`; what falls off the end comes back at the start. */
export function roll(x: Value, shift: number, axis = 0): Value {
  const at = normalizeAxis(axis, x.rank, 'roll');
  const length = x.shape[at] as number;
  const cut = length === 0 ? 0 : length - (((shift % length) + length) % length);
  if (cut === length || length === 0) return x;
  return concat([slice(x, [cut], [length], [at]), slice(x, [0], [cut], [at])], at);
}
