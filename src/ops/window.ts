import { formatShape, type Shape, sizeOf, stridesOf } from '../core/shape.ts';
import { ConfigError, ShapeError } from '../errors.ts';
import { forEachIndex } from '../ir/ndarray.ts';
import type { OnnxNode } from '../ir/onnx-node.ts';

/** How a window of taps moves over the spatial axes: convolutions and pooling share it. */
export interface WindowAttrs {
  /** Steps between two places of the window, per spatial axis. */
  readonly strides: readonly number[];
  /** Elements added before every spatial axis, then those added after every one. */
  readonly pads: readonly number[];
  /** Distance of two neighbouring taps, per spatial axis. */
  readonly dilations: readonly number[];
}

/** {@link WindowAttrs} as a caller gives them: one number counts for every axis (and side). */
export interface WindowOptions {
  readonly strides?: number | readonly number[];
  readonly pads?: number | readonly number[];
  readonly dilations?: number | readonly number[];
}

/** One number as a list of `count`; a list as it is. */
export const perAxis = (value: number | readonly number[], count: number): readonly number[] =>
  typeof value === 'number' ? new Array<number>(count).fill(value) : value;

/** Options with defaults: steps of 1, no padding, neighbouring taps. */
export const windowAttrs = (
  { strides = 1, pads = 0, dilations = 1 }: WindowOptions,
  spatial: number,
): WindowAttrs => ({
  strides: perAxis(strides, spatial),
  pads: perAxis(pads, 2 * spatial),
  dilations: perAxis(dilations, spatial),
});

/** Elements from the first to the last tap. */
const reach = (kernel: number, dilation: number): number => (kernel - 1) * dilation + 1;

/** Steps of the window along one axis beyond its first place, possibly a fraction of a step more. */
const travel = (size: number, kernel: Shape, axis: number, { strides, pads, dilations }: WindowAttrs) => {
  const padded = size + (pads[axis] as number) + (pads[kernel.length + axis] as number);
  return (padded - reach(kernel[axis] as number, dilations[axis] as number)) / (strides[axis] as number);
};

/** Places of the window along each axis of `sizes`: `floor((n + pads - d (k - 1) - 1) / s) + 1`. */
export const windowPlaces = (sizes: Shape, kernel: Shape, window: WindowAttrs): number[] =>
  sizes.map((n, axis) => Math.floor(travel(n, kernel, axis, window)) + 1);

/** Elements at the end of each axis that no place of the window reaches. */
export const windowRemainders = (sizes: Shape, kernel: Shape, window: WindowAttrs): number[] =>
  sizes.map((n, axis) => {
    const steps = travel(n, kernel, axis, window);
    return Math.round((steps - Math.floor(steps)) * (window.strides[axis] as number));
  });

/**
 * Pads so that `ceil(n / stride)` places cover an axis, TensorFlow's `SAME`: an odd element goes to the end, or with
 * `extra` `'begin'` to the front (ONNX `SAME_UPPER` and `SAME_LOWER`).
 */
export function samePads(
  sizes: Shape,
  kernel: Shape,
  strides: readonly number[],
  dilations: readonly number[] = sizes.map(() => 1),
  extra: 'begin' | 'end' = 'end',
): number[] {
  const totals = sizes.map((n, axis) => {
    const stride = strides[axis] as number;
    const covered =
      (Math.ceil(n / stride) - 1) * stride + reach(kernel[axis] as number, dilations[axis] as number);
    return Math.max(0, covered - n);
  });
  return splitPads(totals, extra);
}

/** Half of each total before the axes, half after them. */
export function splitPads(totals: readonly number[], extra: 'begin' | 'end'): number[] {
  const smaller = totals.map((n) => Math.floor(n / 2));
  const larger = totals.map((n) => Math.ceil(n / 2));
  return extra === 'end' ? [...smaller, ...larger] : [...larger, ...smaller];
}

/** The same window with end pads grown so that the last, partial step of each axis has a place too. */
export function ceilPads(sizes: Shape, kernel: Shape, window: WindowAttrs): WindowAttrs {
  const { strides, pads } = window;
  const spatial = kernel.length;
  const grown = windowRemainders(sizes, kernel, window).map((rest, axis) => {
    const end = pads[spatial + axis] as number;
    if (rest === 0) return end;
    const start = (windowPlaces(sizes, kernel, window)[axis] as number) * (strides[axis] as number);
    const inside = start < (sizes[axis] as number) + (pads[axis] as number);
    return inside ? end + (strides[axis] as number) - rest : end;
  });
  return { ...window, pads: [...pads.slice(0, spatial), ...grown] };
}

/**
 * Checks a window against the axes it moves over.
 * @throws {@link ConfigError} when a list has the wrong length or a number is out of range
 * @throws {@link ShapeError} when the window is larger than the padded input
 */
export function checkWindow(op: string, sizes: Shape, kernel: Shape, window: WindowAttrs): void {
  const list = (argument: string, values: readonly number[], length: number, least: number) => {
    if (values.length === length && values.every((v) => Number.isInteger(v) && v >= least)) return;
    const expected = `${length} integers of at least ${least}`;
    const received = `[${values.join(',')}]`;
    throw new ConfigError(`${op}: ${argument} must be ${expected}. Received ${received}.`, {
      op,
      argument,
      expected,
      received,
    });
  };
  const spatial = sizes.length;
  list('kernel', kernel, spatial, 1);
  list('strides', window.strides, spatial, 1);
  list('dilations', window.dilations, spatial, 1);
  list('pads', window.pads, 2 * spatial, 0);
  const places = windowPlaces(sizes, kernel, window);
  if (places.every((n) => n > 0)) return;
  throw new ShapeError(
    `${op}: a kernel of ${formatShape(kernel)} (dilations ${window.dilations.join(',')}) is larger than the input ` +
      `${formatShape(sizes)} with pads ${window.pads.join(',')}. Use a smaller kernel or 'same' padding.`,
    { op, argument: 'kernel', received: formatShape(kernel) },
  );
}

/** The window of an ONNX node, `auto_pad` worked out. */
export function readWindow(node: OnnxNode, sizes: Shape, kernel: Shape): WindowAttrs {
  const spatial = kernel.length;
  const strides = node.ints('strides', perAxis(1, spatial));
  const dilations = node.ints('dilations', perAxis(1, spatial));
  const mode = node.string('auto_pad', 'NOTSET');
  const pads = mode.startsWith('SAME')
    ? samePads(sizes, kernel, strides, dilations, mode === 'SAME_LOWER' ? 'begin' : 'end')
    : mode === 'VALID'
      ? perAxis(0, 2 * spatial)
      : node.ints('pads', perAxis(0, 2 * spatial));
  return { strides, pads, dilations };
}

/** The window as ONNX attributes. */
export const windowOnnx = ({ strides, pads, dilations }: WindowAttrs) => ({
  strides: { ints: strides },
  pads: { ints: pads },
  dilations: { ints: dilations },
});

/** Where a tap of the window reads at one of its places; positions are flat, within one channel. */
export interface Touch {
  readonly input: number;
  readonly tap: number;
  readonly place: number;
}

/** All touches of elements (not of padding): places in order, the taps of each in order. */
export function touches(sizes: Shape, kernel: Shape, window: WindowAttrs): Touch[] {
  const { strides, pads, dilations } = window;
  const steps = stridesOf(sizes);
  const found: Touch[] = [];
  forEachIndex(windowPlaces(sizes, kernel, window), (place, at) => {
    forEachIndex(kernel, (tap, offset) => {
      const index = sizes.map(
        (_, a) =>
          (at[a] as number) * (strides[a] as number) +
          (offset[a] as number) * (dilations[a] as number) -
          (pads[a] as number),
      );
      if (index.some((i, a) => i < 0 || i >= (sizes[a] as number))) return;
      found.push({ input: index.reduce((sum, i, a) => sum + i * (steps[a] as number), 0), tap, place });
    });
  });
  return found;
}

/** The spatial sizes of a channels-first shape. */
export const spatialOf = (shape: Shape): Shape => shape.slice(2);

/** Elements of one channel. */
export const planeOf = (shape: Shape): number => sizeOf(spatialOf(shape));
