/** A point on a line: how far along, the value there and the slope. */
export interface LinePoint {
  readonly t: number;
  readonly value: number;
  readonly slope: number;
}

/** Sufficient decrease, and how much flatter than the start the line must be at the end. */
const decrease = 1e-4;
const curvature = 0.9;
/** A loss in float32, whose terms may cancel, is known up to so much of it; smaller decreases are told from the slopes. */
const noise = 2 ** -16;

/**
 * A step along a line that meets the strong Wolfe conditions: `f(t) <= f(0) + 1e-4 t f'(0)` and `|f'(t)| <= 0.9 |f'(0)|`; up
 * to rounding, the first may read `f(t) <= f(0)`.
 * @param start - the point at `t = 0`; its slope is negative
 * @param first - the step that is tried first
 * @param evaluate - the point at a step
 * @param limit - evaluations allowed; the best point so far is given when they are used up
 * @returns `undefined` where no point found lies lower than the start
 * @source Nocedal & Wright 2006, "Numerical Optimization", algorithms 3.5 and 3.6; Hager & Zhang 2005, section 4
 */
export async function wolfeSearch<P extends LinePoint>(
  start: LinePoint,
  first: number,
  evaluate: (t: number) => Promise<P>,
  limit: number,
): Promise<P | undefined> {
  const enough = (p: LinePoint): boolean => p.value <= start.value + decrease * p.t * start.slope;
  const level = start.value + noise * Math.abs(start.value);
  const flat = (p: LinePoint): boolean => Math.abs(p.slope) <= -curvature * start.slope;
  let before: LinePoint = start;
  let lowest: P | undefined;
  let point = await evaluate(first);
  let evaluations = 1;
  /** The lower and the other end of an interval that holds such a step. */
  let interval: [LinePoint, LinePoint] | undefined;
  for (; ; evaluations++) {
    const usable = Number.isFinite(point.value) && Number.isFinite(point.slope);
    if (usable && enough(point) && (lowest === undefined || point.value < lowest.value)) lowest = point;
    if (usable && flat(point) && (enough(point) || point.value <= level)) return point;
    if (evaluations >= limit) return lowest;
    if (interval === undefined) {
      if (!usable || !enough(point) || (before !== start && point.value >= before.value))
        interval = [before, point];
      else if (point.slope >= 0) interval = [point, before];
    } else interval = narrowed(interval, point, enough);
    const next = interval === undefined ? 2 * point.t : between(...interval);
    before = point;
    if (interval !== undefined && Math.abs(interval[0].t - interval[1].t) * -start.slope < 1e-12)
      return lowest;
    point = await evaluate(next);
  }
}

/** The interval with one end moved to a point inside. */
function narrowed(
  [low, high]: [LinePoint, LinePoint],
  point: LinePoint,
  enough: (p: LinePoint) => boolean,
): [LinePoint, LinePoint] {
  if (!enough(point) || !(point.value < low.value)) return [low, point];
  return [point, point.slope * (high.t - low.t) >= 0 ? low : high];
}

/** Where the cubic through both ends has its minimum, kept away from the ends; the middle where there is no cubic. */
function between(a: LinePoint, b: LinePoint): number {
  const middle = (a.t + b.t) / 2;
  const d1 = a.slope + b.slope - (3 * (a.value - b.value)) / (a.t - b.t);
  const square = d1 * d1 - a.slope * b.slope;
  if (!(square >= 0)) return middle;
  const d2 = Math.sign(b.t - a.t) * Math.sqrt(square);
  const t = b.t - ((b.t - a.t) * (b.slope + d2 - d1)) / (b.slope - a.slope + 2 * d2);
  const margin = 0.1 * Math.abs(b.t - a.t);
  const [low, high] = [Math.min(a.t, b.t) + margin, Math.max(a.t, b.t) - margin];
  return Number.isFinite(t) ? Math.min(Math.max(t, low), high) : middle;
}
