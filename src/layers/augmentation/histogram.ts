import type { Value } from '../../ir/graph.ts';
import { broadcastTo, scatterElements } from '../../ops/index.ts';
import { scalarConstant } from '../../ops/support.ts';

/** How often each whole number below `bins` is in a row, float32: `[rows, size]` to `[rows, bins]`. */
export function histogram(x: Value, bins: number): Value {
  const every = (shape: readonly number[], value: number): Value =>
    broadcastTo(scalarConstant(value, 'float32'), shape);
  return scatterElements(every([x.shape[0] as number, bins], 0), x, every(x.shape, 1), 1, 'add');
}
