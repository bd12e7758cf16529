import type { Value } from '../../ir/graph.ts';
import { add, cos, div, mul, neg, sin, sub } from '../../ops/index.ts';
import type { Projection } from '../../ops/sampling.ts';

/** Turns an image of a size about its centre: what is at `p` comes from `c + R (p - c)`. */
export function turned(angle: Value, height: number, width: number): Projection {
  const [x, y] = [(width - 1) / 2, (height - 1) / 2];
  const [c, s] = [cos(angle), sin(angle)];
  return {
    a: [c, neg(s), add(sub(x, mul(c, x)), mul(s, y))],
    b: [s, c, sub(sub(y, mul(s, x)), mul(c, y))],
  };
}

/** The place of a corner in each image, `[batch, 1, 1]`. */
type Corner = readonly [x: Value, y: Value];
/** The corners of an image, row by row. */
export type Corners = readonly [Corner, Corner, Corner, Corner];

/**
 * Takes the corners of an image to new places: the inverse of the map from the unit square to the quadrilateral, times the
 * image's size.
 * @source Heckbert, "Fundamentals of Texture Mapping and Image Warping", 1989, section 2.2.3
 */
export function fromCorners([p, q, r, s]: Corners, height: number, width: number): Projection {
  const cross = (u: Corner, v: Corner): Value => sub(mul(u[0], v[1]), mul(u[1], v[0]));
  const minus = (u: Corner, v: Corner): Corner => [sub(u[0], v[0]), sub(u[1], v[1])];
  const plus = (u: Corner, v: Corner): Corner => [add(u[0], v[0]), add(u[1], v[1])];
  const [across, down, bend] = [minus(q, s), minus(r, s), plus(minus(p, q), minus(s, r))];
  const area = cross(across, down);
  const [g, h] = [div(cross(bend, down), area), div(cross(across, bend), area)];
  const edge = (to: Corner, k: Value): Corner => [
    add(sub(to[0], p[0]), mul(k, to[0])),
    add(sub(to[1], p[1]), mul(k, to[1])),
  ];
  const [[a, d], [b, e], [c, f]] = [edge(q, g), edge(r, h), p];
  const whole = cross([a, d], [b, e]);
  const line = (u: Value, v: Value, w: Value, size: number): [Value, Value, Value] => [
    mul(div(u, whole), size - 1),
    mul(div(v, whole), size - 1),
    mul(div(w, whole), size - 1),
  ];
  return {
    a: line(sub(e, mul(f, h)), sub(mul(c, h), b), sub(mul(b, f), mul(c, e)), width),
    b: line(sub(mul(f, g), d), sub(a, mul(c, g)), sub(mul(c, d), mul(a, f)), height),
    c: [div(sub(mul(d, h), mul(e, g)), whole), div(sub(mul(b, g), mul(a, h)), whole)],
  };
}
