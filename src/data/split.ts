import * as z from 'zod';
import { parseOptions } from '../core/configured.ts';
import { deferred } from '../core/deferred.ts';
import { Random } from '../core/random.ts';
import { nextRandom } from '../core/seed.ts';
import { ConfigError } from '../errors.ts';
import { Pipeline } from './pipeline.ts';
import { type Arrays, type SampleOf, samplesOf } from './sources.ts';
import { IndexedCursor } from './stage.ts';

const share = z.number().positive().optional();
const schema = deferred(() =>
  z.strictObject({
    /** Samples in the first part: a share below 1, or a number of them. What the other leaves, by default. */
    leftSize: share,
    /** Samples in the second part, likewise. */
    rightSize: share,
    shuffle: z.boolean().default(false),
    seed: z.int().nonnegative().optional(),
  }),
);

/**
 * Arrays cut into two pipelines of samples.
 * @param arrays - as for `fromArrays`
 * @throws {@link ConfigError} when the sizes leave a part empty, or are more than there is
 * @source keras/src/utils/dataset_utils.py, split_dataset
 */
export function splitDataset<const A extends Arrays>(
  arrays: A,
  options: z.input<typeof schema>,
): [Pipeline<SampleOf<A>>, Pipeline<SampleOf<A>>] {
  const { leftSize, rightSize, shuffle, seed } = parseOptions(schema, options, 'splitDataset');
  const { size, get } = samplesOf(arrays);
  const number = (part: number): number => (part < 1 ? Math.round(part * size) : part);
  const right = rightSize === undefined ? undefined : number(rightSize);
  const left = leftSize === undefined ? size - (right ?? size) : number(leftSize);
  const rest = right ?? size - left;
  if (left <= 0 || rest <= 0 || left + rest > size || !Number.isInteger(left + rest)) {
    throw new ConfigError(
      `splitDataset: ${left} and ${rest} of ${size} samples. Expected two parts that are not empty, of whole ` +
        'samples that are there. Give leftSize or rightSize, as a share below 1 or a number.',
      { argument: 'leftSize', received: `${left} and ${rest}` },
    );
  }
  const order = shuffle
    ? (seed === undefined ? nextRandom() : new Random(seed)).permutation(size)
    : undefined;
  const at = (index: number): SampleOf<A> => get(order?.[index] ?? index) as SampleOf<A>;
  const part = (start: number, count: number): Pipeline<SampleOf<A>> =>
    new Pipeline({ size: count, open: () => new IndexedCursor(count, (i) => at(start + i)) });
  return [part(0, left), part(left, rest)];
}
