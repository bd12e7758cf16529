import * as tfk from 'tfk';

/** Farthest neighbour. */
const reach = 4;

/**
 * Words of a text `[pairs, 1]`, and for each a neighbour and `negatives` words at random `[pairs, 1 + negatives]`. A neighbour
 * is up to four places away, and near ones come more often; frequent words are left out at random, which brings others nearer.
 * @param ids - the text
 * @param counts - how often each word occurs; a random word is drawn by the power 3/4 of that
 * @source Mikolov et al. 2013
 */
export function skipGrams(
  ids: readonly number[],
  counts: readonly number[],
  negatives: number,
  uniform: () => number,
): readonly [words: tfk.Tensor, contexts: tfk.Tensor] {
  const kept = ids.filter((id) => uniform() < Math.sqrt((1e-3 * ids.length) / (counts[id] as number)));
  const noise = counts.flatMap((n, id) => new Array<number>(Math.ceil(n ** 0.75)).fill(id));
  const any = () => noise[Math.floor(noise.length * uniform())] as number;
  const pairs = kept.flatMap((word, i) => {
    const far = 1 + Math.floor(reach * uniform());
    const near = [...kept.slice(Math.max(0, i - far), i), ...kept.slice(i + 1, i + 1 + far)];
    return near.map((context) => [word, context] as const);
  });
  const contexts = pairs.flatMap(([, context]) => [context, ...Array.from({ length: negatives }, any)]);
  return [
    tfk.tensor(
      Int32Array.from(pairs, ([word]) => word),
      [pairs.length, 1],
    ),
    tfk.tensor(Int32Array.from(contexts), [pairs.length, 1 + negatives]),
  ];
}
