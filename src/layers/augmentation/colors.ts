import { formatShape } from '../../core/shape.ts';
import { tensor } from '../../core/tensor.ts';
import { ShapeError } from '../../errors.ts';
import { constant, type Value } from '../../ir/graph.ts';
import {
  abs,
  add,
  clip,
  conv,
  div,
  equal,
  exp,
  greater,
  matmul,
  maximum,
  minimum,
  mod,
  mul,
  neg,
  reduceSum,
  reshape,
  split,
  sub,
  transpose,
  where,
} from '../../ops/index.ts';
import { countUp } from '../../ops/sampling.ts';

/** Planes of one color or quantity, `[N, H, W, 1]`. */
type Planes = readonly [Value, Value, Value];

/** The three channels of images. @throws {@link ShapeError} */
export function planesOf(x: Value): Planes {
  if (x.shape[3] === 3) return split(x, 3, 3) as unknown as Planes;
  throw new ShapeError(
    `expected images of three channels: red, green, blue. Received ${formatShape(x.shape)}.`,
    {
      expected: '3 channels',
      received: formatShape(x.shape),
    },
  );
}

/**
 * Hue, saturation and value, all from 0 to 1, of red, green and blue.
 * @source Smith, "Color gamut transform pairs", SIGGRAPH 1978
 */
export function hsvOf([r, g, b]: Planes): Planes {
  const value = maximum(maximum(r, g), b);
  const range = sub(value, minimum(minimum(r, g), b));
  const sixth = div(1 / 6, where(greater(range, 0), range, 1));
  const others = where(equal(value, g), add(mul(sixth, sub(b, r)), 1 / 3), add(mul(sixth, sub(r, g)), 2 / 3));
  const hue = where(equal(value, r), mul(sixth, sub(g, b)), others);
  const saturation = div(range, where(greater(value, 0), value, 1));
  return [where(greater(range, 0), mod(hue, 1), 0), saturation, value];
}

/** Red, green and blue of hue, saturation and value: each is `v (1 - s + s d)`, with `d` of the distance between hues. */
export function rgbOf([hue, saturation, value]: Planes): Planes {
  const sixths = mul(mod(hue, 1), 6);
  const bumps = [sub(abs(sub(sixths, 3)), 1), sub(2, abs(sub(sixths, 2))), sub(2, abs(sub(sixths, 4)))];
  return bumps.map((d) =>
    mul(value, add(sub(1, saturation), mul(saturation, clip(d, 0, 1)))),
  ) as unknown as Planes;
}

/** Shares of red, green and blue in brightness. @source ITU-R BT.601 */
const shares = [0.2989, 0.587, 0.114];

/** Brightness, `[N, H, W, 1]`; that of one channel is itself. */
export function grayOf(x: Value): Value {
  if (x.shape[3] === 1) return x;
  planesOf(x);
  return matmul(x, constant(tensor(shares, [3, 1], 'float32').cast(x.dtype)));
}

/** Every channel convolved with one kernel, zeros around. @param kernel - `[rows, columns]`, both odd */
export function filtered(x: Value, kernel: Value): Value {
  const [batch, height, width, channels] = x.shape as readonly [number, number, number, number];
  const [rows, columns] = kernel.shape as readonly [number, number];
  const planes = reshape(transpose(x, [0, 3, 1, 2]), [batch * channels, 1, height, width]);
  const [above, beside] = [(rows - 1) / 2, (columns - 1) / 2];
  const y = conv(planes, reshape(kernel, [1, 1, rows, columns]), { pads: [above, beside, above, beside] });
  return transpose(reshape(y, [batch, channels, height, width]), [0, 2, 3, 1]);
}

/**
 * Blurred images: `exp(-(i / sigma)^2 / 2)` along columns, then along rows.
 * @param sizes - of the kernel, odd: columns, then rows
 * @param sigmas - the deviations, scalars above 0
 */
export function blurred(x: Value, sizes: readonly [number, number], sigmas: readonly [Value, Value]): Value {
  const [across, down] = sizes.map((size, i) => {
    const from = div(sub(countUp(size, [size]), (size - 1) / 2), sigmas[i] as Value);
    const bell = exp(mul(neg(mul(from, from)), 0.5));
    return div(bell, reduceSum(bell));
  }) as [Value, Value];
  return filtered(filtered(x, reshape(across, [1, sizes[0]])), reshape(down, [sizes[1], 1]));
}
