import { formatShape, type Shape, sizeOf, type TensorType } from '../core/shape.ts';
import { ConfigError, ShapeError } from '../errors.ts';
import { checkWindow, planeOf, spatialOf, touches, type WindowAttrs, windowPlaces } from './window.ts';

/** Attributes of pooling. */
export interface PoolAttrs extends WindowAttrs {
  readonly kernel: Shape;
}

/** Type of a pooled tensor, its attributes checked. */
export function poolType(op: string, x: TensorType, a: PoolAttrs): TensorType {
  if (x.shape.length < 3) {
    throw new ShapeError(`${op}: x must be [N,C,...spatial]. Received ${formatShape(x.shape)}.`, {
      op,
      expected: 'three axes or more',
      received: formatShape(x.shape),
    });
  }
  checkWindow(op, spatialOf(x.shape), a.kernel, a);
  if (a.pads.some((n, i) => n >= (a.kernel[i % a.kernel.length] as number))) {
    throw new ConfigError(
      `${op}: pads must be smaller than the kernel ${formatShape(a.kernel)}. Received [${a.pads.join(',')}].`,
      { op, argument: 'pads', expected: 'below the kernel', received: `[${a.pads.join(',')}]` },
    );
  }
  return {
    dtype: x.dtype,
    shape: [...x.shape.slice(0, 2), ...windowPlaces(spatialOf(x.shape), a.kernel, a)],
  };
}

/** Calls `f` for every element under a window: flat positions in `x` and in the pooled result. */
export function forEachTouch(x: Shape, a: PoolAttrs, f: (input: number, place: number) => void): void {
  const all = touches(spatialOf(x), a.kernel, a);
  const places = sizeOf(windowPlaces(spatialOf(x), a.kernel, a));
  const planes = (x[0] as number) * (x[1] as number);
  for (let plane = 0; plane < planes; plane++) {
    for (const { input, place } of all) f(plane * planeOf(x) + input, plane * places + place);
  }
}
