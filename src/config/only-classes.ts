import { tensor } from '../core/tensor.ts';
import type { loadDataset } from '../data/index.ts';
import { ConfigError } from '../errors.ts';
import { takeRows } from './take-rows.ts';

type Labelled = Awaited<ReturnType<typeof loadDataset>>;

/**
 * The samples of some classes, which are numbered anew in the order given.
 * @throws {@link ConfigError} for a class that the data set does not have
 */
export function onlyClasses({ x, y, classNames }: Labelled, classes: readonly string[]): Labelled {
  const known = classNames ?? [...new Set(Array.from(y.data as Int32Array, String))];
  const strange = classes.find((name) => !known.includes(name));
  if (strange !== undefined) {
    const expected = known.join(', ');
    throw new ConfigError(`data: the data set has no class "${strange}". Its classes: ${expected}.`, {
      argument: 'classes',
      expected,
      received: strange,
    });
  }
  const numbers = Array.from(y.data as Int32Array, (label) => classes.indexOf(known[Number(label)] ?? ''));
  const rows = numbers.flatMap((n, row) => (n >= 0 ? [row] : []));
  return {
    x: takeRows(x, rows),
    y: tensor(Int32Array.from(rows, (row) => numbers[row] as number)),
    classNames: [...classes],
  };
}
