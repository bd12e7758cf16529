import { formatShape, sizeOf, type TensorType } from '../core/shape.ts';
import { ShapeError } from '../errors.ts';
import { gradient } from '../ir/autodiff.ts';
import type { Value } from '../ir/graph.ts';
import type { OnnxNode } from '../ir/onnx-node.ts';
import { apply, attrs, defineOp } from '../ir/op.ts';
import { normal, unit, values } from '../ir/samples.ts';
import { add, mul } from './binary.ts';
import { split } from './concat.ts';
import { type Sampling, sampleImages } from './sampling.ts';
import { squeeze, transpose } from './shape.ts';

import { identity } from './transform.ts';
import { round, roundHalfEven } from './unary.ts';

interface GridAttrs {
  readonly mode: 'bilinear' | 'nearest' | 'bicubic';
  /** What lies beyond the edge: zeros, the pixel at the edge, or the image mirrored. */
  readonly padding: 'zeros' | 'border' | 'reflection';
  /** Whether -1 and 1 are the centres of the outermost pixels; else their outer edges. */
  readonly alignCorners: boolean;
}
export type GridSampleOptions = Partial<GridAttrs>;

/** The kernel has this element type only. */
const float32 = { dtypes: ['float32'], differentiable: true } as const;

/**
 * Images sampled at any places, channels first: `y[n,c,i,j] = x[n,c,v,u]` with `(u, v) = grid[n,i,j]`, both from -1 to 1
 * across the image. Gradients flow into the places too, as in a spatial transformer.
 * @param x - `float32[N, C, H, W]`
 * @param grid - `float32[N, h, w, 2]`, column before row
 * @param options - `mode` `'bilinear'` by default, `padding` `'zeros'`, `alignCorners` false
 * @returns `[N, C, h, w]`
 * @throws {@link ShapeError} when the shapes do not fit
 * @source ONNX GridSample-16
 */
export function gridSample(x: Value, grid: Value, options: GridSampleOptions = {}): Value {
  const { mode = 'bilinear', padding = 'zeros', alignCorners = false } = options;
  return apply(gridSampleOp, { x, grid }, { mode, padding, alignCorners });
}
const gridSampleOp = defineOp({
  name: 'gridSample',
  inputs: { x: float32, grid: float32 },
  attrs: attrs<GridAttrs>(),
  infer: ({ x, grid }): TensorType => {
    const [batch, height, width, pair] = grid.shape;
    if (x.shape.length !== 4 || grid.shape.length !== 4 || batch !== x.shape[0] || pair !== 2) {
      const received = `${formatShape(x.shape)} and ${formatShape(grid.shape)}`;
      const expected = 'x [N,C,H,W] and grid [N,h,w,2]';
      throw new ShapeError(`gridSample: expected ${expected}. Received ${received}.`, {
        op: 'gridSample',
        expected,
        received,
      });
    }
    return { dtype: x.dtype, shape: [...x.shape.slice(0, 2), height as number, width as number] };
  },
  lower: ({ x, grid }, { mode, padding, alignCorners }, emit) =>
    emit.op('GridSample', [x, grid], {
      mode: { string: mode },
      padding_mode: { string: padding },
      align_corners: { int: Number(alignCorners) },
    }),
  vjp: ({ x, grid }, dy, a) => {
    const [image, places] = [identity(x), identity(grid)];
    const [dx, dgrid] = gradient(gathered(image, places, a), [image, places], dy);
    return { x: dx ?? null, grid: dgrid ?? null };
  },
  reference: ({ x, grid }, a, y) => {
    const [, channels, height, width] = x.shape as readonly [number, number, number, number];
    const result = new Float64Array(sizeOf(y.shape));
    const places = sizeOf(y.shape.slice(2));
    for (let at = 0; at < grid.data.length; at += 2) {
      const [sample, place] = [Math.floor(at / 2 / places), (at / 2) % places];
      const [across, down] = [
        neighbours(grid.data[at] as number, width, a),
        neighbours(grid.data[at + 1] as number, height, a),
      ];
      for (let plane = sample * channels; plane < (sample + 1) * channels; plane++) {
        for (const [row, v] of down) {
          for (const [column, u] of across) {
            const pixel = x.data[(plane * height + row) * width + column] as number;
            result[plane * places + place] = (result[plane * places + place] as number) + u * v * pixel;
          }
        }
      }
    }
    return result;
  },
  samples: [
    sample({ mode: 'bilinear', padding: 'zeros', alignCorners: false }),
    sample({ mode: 'bilinear', padding: 'reflection', alignCorners: true }),
    sample({ mode: 'bicubic', padding: 'border', alignCorners: false }),
    sample({ mode: 'nearest', padding: 'reflection', alignCorners: false }),
    {
      inputs: { x: normal([1, 1, 2, 3]), grid: values([-2.8, 0.3, 0.9, 1.9, -1.2, -2.7], [1, 1, 3, 2]) },
      attrs: { mode: 'bicubic', padding: 'zeros', alignCorners: true },
    },
  ],
  errors: [
    {
      inputs: { x: normal([2, 1, 3, 3]), grid: normal([1, 2, 2, 2]) },
      attrs: { mode: 'bilinear', padding: 'zeros', alignCorners: false },
      throws: ShapeError,
    },
    {
      inputs: { x: normal([1, 1, 3, 3]), grid: normal([1, 2, 2, 3]) },
      attrs: { mode: 'bilinear', padding: 'zeros', alignCorners: false },
      throws: ShapeError,
    },
  ],
  onnx: { GridSample: readGridSample },
});

function sample(given: GridAttrs) {
  return { inputs: { x: normal([2, 2, 3, 4]), grid: unit([2, 2, 3, 2]) }, attrs: given } as const;
}

/** The same from gathered pixels, whose gradients are known. */
function gathered(x: Value, grid: Value, { mode, padding, alignCorners }: GridAttrs): Value {
  const [, , height, width] = x.shape as readonly [number, number, number, number];
  const [u, v] = split(grid, 2, -1).map((part) => squeeze(part, [-1])) as [Value, Value];
  const place = (at: Value, size: number): Value => {
    const along = add(mul(at, scaleOf(size, alignCorners)), (size - 1) / 2);
    return mode === 'nearest' ? round(along) : along;
  };
  const mirrored = alignCorners ? 'mirror' : 'reflect';
  const fillMode = ({ zeros: 'constant', border: 'nearest', reflection: mirrored } as const)[padding];
  const how: Sampling = { interpolation: mode, fillMode };
  const images = transpose(x, [0, 2, 3, 1]);
  return transpose(sampleImages(images, place(v, height), place(u, width), how), [0, 3, 1, 2]);
}

/** Pixels for a step of 1 in the grid. */
const scaleOf = (size: number, alignCorners: boolean): number => (alignCorners ? size - 1 : size) / 2;

/** Which pixels along an axis a place lies between, and what each counts. */
function neighbours(at: number, size: number, a: GridAttrs): (readonly [place: number, weight: number])[] {
  const place = at * scaleOf(size, a.alignCorners) + (size - 1) / 2;
  const first = a.mode === 'nearest' ? roundHalfEven(place) : Math.floor(place);
  const t = place - first;
  const weights = {
    nearest: [1],
    bilinear: [1 - t, t],
    bicubic: [keys(1 + t), keys(t), keys(1 - t), keys(2 - t)],
  }[a.mode];
  const start = a.mode === 'bicubic' ? first - 1 : first;
  return weights.flatMap((weight, k) => {
    const inside = start + k >= 0 && start + k < size;
    if (a.padding === 'zeros' && !inside) return [];
    return [[a.padding === 'reflection' ? mirror(start + k, size, a) : clamp(start + k, size), weight]];
  });
}

const clamp = (place: number, size: number): number => Math.min(Math.max(place, 0), size - 1);

/** A place beyond the edge, reflected until it lies within. */
function mirror(place: number, size: number, { alignCorners }: Pick<GridAttrs, 'alignCorners'>): number {
  if (place >= 0 && place < size) return place;
  if (size === 1) return 0;
  const [low, high] = alignCorners ? [0, 2 * (size - 1)] : [-1, 2 * size - 1];
  return mirror(place < 0 ? low - place : high - place, size, { alignCorners });
}

/** Weight of a pixel at distance `d`, with `a = -0.75`. @source Keys 1981, equation 4 */
const keys = (d: number): number =>
  d <= 1 ? (1.25 * d - 2.25) * d * d + 1 : -0.75 * (((d - 5) * d + 8) * d - 4);

function readGridSample(node: OnnxNode): Value {
  const modes = {
    bilinear: 'bilinear',
    linear: 'bilinear',
    nearest: 'nearest',
    bicubic: 'bicubic',
    cubic: 'bicubic',
  } as const;
  const mode = modes[node.string('mode', 'bilinear') as keyof typeof modes];
  const padding = node.string('padding_mode', 'zeros') as GridAttrs['padding'];
  const alignCorners = node.int('align_corners', 0) === 1;
  return gridSample(node.input(0), node.input(1), { mode, padding, alignCorners });
}
