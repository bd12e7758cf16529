import { formatShape, type Shape, sameShape, type TensorType } from '../core/shape.ts';
import { ConfigError, ShapeError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import { reduceSum } from './reduce.ts';
import { checkWindow, spatialOf, type WindowAttrs, windowPlaces } from './window.ts';

/** Attributes of a convolution. */
export interface ConvAttrs extends WindowAttrs {
  /** Channels come in this many groups that don't mix; each filter reads one of them. */
  readonly group: number;
}

/** Sum over all axes but the channels: the gradient of a bias. */
export const channelSum = (dy: Value): Value =>
  reduceSum(
    dy,
    dy.shape.map((_, axis) => axis).filter((axis) => axis !== 1),
  );

/**
 * Shape of a convolution's result, its operands checked.
 * @throws {@link ShapeError} when ranks or channels do not fit, or the kernel is larger than the padded input
 * @throws {@link ConfigError} when an attribute is out of range
 */
export function convShape(op: string, x: Shape, w: Shape, a: ConvAttrs): Shape {
  if (x.length < 3 || w.length !== x.length) {
    throw new ShapeError(
      `${op}: x [N,C,...spatial] and w [K,C/group,...kernel] need the same number of axes, three or more. ` +
        `Received ${formatShape(x)} and ${formatShape(w)}.`,
      { op, received: `${formatShape(x)} and ${formatShape(w)}` },
    );
  }
  const [batch, channels] = x as [number, number];
  const [filters, depth] = w as [number, number];
  checkGroup(op, a.group, filters);
  if (channels !== depth * a.group) {
    throw new ShapeError(
      `${op}: w ${formatShape(w)} with group ${a.group} reads ${depth * a.group} channels, ` +
        `x ${formatShape(x)} has ${channels}. Make axis 1 of w channels / group.`,
      { op, argument: 'w', expected: `${channels / a.group} channels`, received: String(depth) },
    );
  }
  checkWindow(op, spatialOf(x), spatialOf(w), a);
  return [batch, filters, ...windowPlaces(spatialOf(x), spatialOf(w), a)];
}

/** @throws {@link ConfigError} when `group` does not divide the channels */
export function checkGroup(op: string, group: number, channels: number): void {
  if (Number.isInteger(group) && group > 0 && channels % group === 0) return;
  throw new ConfigError(
    `${op}: group must divide the ${channels} channels of w's first axis. Received ${group}.`,
    {
      op,
      argument: 'group',
      expected: `a divisor of ${channels}`,
      received: String(group),
    },
  );
}

/** @throws {@link ShapeError} when a bias is not a vector of one number per channel */
export function checkBias(op: string, bias: TensorType | undefined, channels: number): void {
  if (bias === undefined || sameShape(bias.shape, [channels])) return;
  const received = formatShape(bias.shape);
  throw new ShapeError(`${op}: bias must have shape [${channels}]. Received ${received}.`, {
    op,
    argument: 'bias',
    expected: `[${channels}]`,
    received,
  });
}
