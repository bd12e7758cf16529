import { tensor } from '../core/tensor.ts';
import type { loadDataset } from '../data/index.ts';
import { ConfigError } from '../errors.ts';

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
  const size = x.size / numbers.length;
  const pixels = new Float32Array(rows.length * size);
  for (const [at, row] of rows.entries()) {
    pixels.set((x.data as Float32Array).subarray(row * size, (row + 1) * size), at * size);
  }
  return {
    x: tensor(pixels, [rows.length, ...x.shape.slice(1)]),
    y: tensor(Int32Array.from(rows, (row) => numbers[row] as number)),
    classNames: [...classes],
  };
}
