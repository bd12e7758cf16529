import type { Shape } from '../core/shape.ts';
import { planeOf, spatialOf, touches, type WindowAttrs } from './window.ts';

/** Shapes of a convolution `y = x * w`, whichever of the three is being computed. */
export interface ConvShapes {
  /** `[N, C, ...]` */
  readonly x: Shape;
  /** `[K, C / group, ...kernel]` */
  readonly w: Shape;
  /** `[N, K, ...]` */
  readonly y: Shape;
}

/**
 * Calls `f` with the flat positions of every product `x[xi] * w[wi]` that adds to `y[yi]`. A convolution and both of
 * its gradients are this one sum, solved for `y`, `x` or `w`.
 */
export function forEachProduct(
  { x, w, y }: ConvShapes,
  { group, ...window }: WindowAttrs & { readonly group: number },
  f: (xi: number, wi: number, yi: number) => void,
): void {
  const [batch, channels] = x as [number, number];
  const [filters, depth] = w as [number, number];
  const [xPlane, wPlane, yPlane] = [planeOf(x), planeOf(w), planeOf(y)];
  const all = touches(spatialOf(x), spatialOf(w), window);
  for (let n = 0; n < batch; n++) {
    for (let k = 0; k < filters; k++) {
      const first = Math.floor((k * group) / filters) * depth;
      for (let c = 0; c < depth; c++) {
        const xAt = (n * channels + first + c) * xPlane;
        const wAt = (k * depth + c) * wPlane;
        const yAt = (n * filters + k) * yPlane;
        for (const { input, tap, place } of all) f(xAt + input, wAt + tap, yAt + place);
      }
    }
  }
}

/** `[N, C, ...]` filled with one number per channel, zeros without a bias. */
export function biasFilled(shape: Shape, bias: Float64Array | undefined): Float64Array {
  const [batch, channels] = shape as [number, number];
  const plane = planeOf(shape);
  const result = new Float64Array(batch * channels * plane);
  if (bias === undefined) return result;
  return result.map((_, i) => bias[Math.floor(i / plane) % channels] as number);
}
