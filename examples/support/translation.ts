import * as tfk from 'tfk';
import { beamSearch } from './beam-search.ts';
import { bleu } from './bleu.ts';
import { shuffled } from './random.ts';
import { type Pair, readPairs } from './sentences.ts';
import { joined, learnSubwords } from './subwords.ts';

const { layers } = tfk;
type Symbolic = tfk.SymbolicTensor;
type Vectorizer = ReturnType<typeof tfk.layers.textVectorization>;

/** How many words each language has, and the longest sentence. */
export interface Sizes {
  readonly german: number;
  readonly english: number;
  readonly length: number;
}

/** Vectors that tell which word comes next, after each word of a text: `[batch, length]` twice to `[batch, length, features]`. */
export type Network = (german: Symbolic, english: Symbolic, sizes: Sizes) => Symbolic;

/** Options of {@link learnTranslation}. */
export interface TranslationOptions {
  readonly epochs: number;
  /** Sentences to train on; all but the 1,000 that are held out by default. */
  readonly count?: number;
  /** Sentences to translate. */
  readonly tested?: number;
  readonly verbose?: 0 | 'auto';
}

const [length, merges, held, batchSize] = [24, 1000, 1000, 32];
const [start, end] = ['[start]', '[end]'];

const spaced = (text: string): string =>
  text
    .toLowerCase()
    .match(/[\p{L}\p{N}’'-]+|\S/gu)
    ?.join(' ') ?? '';

/** Parts of words as numbers, learned from texts; the ends of a text are parts, too. */
function vectorizer(texts: readonly string[]): Vectorizer {
  const subwords = learnSubwords(texts, merges);
  const split = (text: string) =>
    text
      .split(/(\[start\]|\[end\])/)
      .flatMap((part) => (part === start || part === end ? [part] : subwords(part)));
  const layer = layers.textVectorization({ standardize: null, split, outputSequenceLength: length });
  return layer.adapt([`${start} ${end}`, ...texts]);
}

/** Held-out sentences, and those to train on: none that occurs in a held-out pair. */
async function readData(file: string, count = Number.POSITIVE_INFINITY) {
  const pairs = shuffled(await readPairs(file), 13).map(({ german, english }) => ({
    german: spaced(german),
    english: spaced(english),
  }));
  const test = pairs.slice(0, held);
  const known = new Set(test.flatMap(({ german, english }) => [german, english]));
  const others = pairs.slice(held).filter(({ german, english }) => !known.has(german) && !known.has(english));
  return { test, train: others.slice(0, count) };
}

/** Trains a network to translate from German, and measures it on sentences that it has not seen. */
export async function learnTranslation(file: string, network: Network, options: TranslationOptions) {
  tfk.setRandomSeed(12);
  const { epochs, count, tested = held, verbose = 0 } = options;
  const { test, train } = await readData(file, count);
  const german = vectorizer(train.map((pair) => pair.german));
  const english = vectorizer(train.map((pair) => pair.english));

  const inputs = ['german', 'english'].map((name) => tfk.input({ shape: [length], dtype: 'int32', name }));
  const sizes = { german: german.vocabularySize(), english: english.vocabularySize(), length };
  const states = network(inputs[0] as Symbolic, inputs[1] as Symbolic, sizes);
  const head = layers.dense({ units: sizes.english, activation: 'softmax' });
  const model = tfk.model({ inputs, outputs: head.apply(states) });
  const decaySteps = epochs * Math.ceil(train.length / batchSize);
  const learningRate = tfk.schedules.cosineDecay({ initialLearningRate: 3e-3, decaySteps });
  model.compile({
    optimizer: tfk.optimizers.adam({ learningRate }),
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
  });
  // the text that is fed lacks its end, the text to be predicted its start; padding is masked
  const tensors = (pairs: readonly Pair[]) => {
    const x = [
      german.transform(pairs.map((pair) => pair.german)),
      english.transform(pairs.map((pair) => `${start} ${pair.english}`)),
    ];
    return [x, english.transform(pairs.map((pair) => `${pair.english} ${end}`))] as const;
  };
  const validationData = tensors(test);
  const history = await model.fit(...tensors(train), { epochs, batchSize, validationData, verbose });

  // the same weights, for one place in the text: the head is large, and need not look at the others
  const place = tfk.input({ shape: [length], name: 'place' });
  const state = layers.dot({ axes: 1 }).apply([place, states]);
  const single = tfk.model({ inputs: [...inputs, place], outputs: head.apply(state) });
  const sources = (validationData[0][0] as tfk.Tensor).rows(0, tested);
  const [greedy, beam] = [
    await decode(single, sources, english, 1),
    await decode(single, sources, english, 4),
  ];
  const references = test.slice(0, tested).map((pair) => pair.english);
  return {
    sentences: train.length,
    accuracy: history.val_accuracy as number[],
    bleu: { greedy: bleu(greedy, references), beam: bleu(beam, references) },
    translations: test.slice(0, 10).map((pair, i) => ({ ...pair, greedy: greedy[i], beam: beam[i] })),
  };
}

/** Translations of German sentences, by a search of a width, with a model for one place in the text. */
async function decode(model: tfk.Functional, sources: tfk.Tensor, english: Vectorizer, width: number) {
  const vocabulary = english.getVocabulary();
  const count = sources.shape[0] as number;
  const samples = Int32Array.from({ length: count * width }, (_, i) => Math.floor(i / width));
  const rows = tfk.ops.gather(sources, tfk.tensor(samples));
  const next = async (texts: readonly (readonly number[])[]) => {
    const written = tfk.data.padSequences(texts, { maxLength: length, padding: 'post' });
    const last = texts.map((text) => text.length - 1);
    const places = tfk.data.toCategorical(last, length);
    const probabilities = (await model.predict([rows, written, places], { batchSize: 256 })) as tfk.Tensor;
    return tfk.ops.topK(tfk.ops.log(probabilities), width);
  };
  const ends = { start: vocabulary.indexOf(start), end: vocabulary.indexOf(end) };
  const found = await beamSearch(count, { width, length, ...ends, next });
  return found.map((ids) => joined(ids.map((id) => vocabulary[id] as string)));
}
