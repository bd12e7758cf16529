import * as tfk from 'tfk';
import { beamSearch } from './beam-search.ts';
import { bleu } from './bleu.ts';
import { addTranslations, learnLexicon, type NumberedPair } from './lexicon.ts';
import { shuffled } from './random.ts';
import { type Pair, readDictionary, spaced } from './sentences.ts';

const { layers } = tfk;
type Symbolic = tfk.SymbolicTensor;
type Vectorizer = ReturnType<typeof tfk.layers.textVectorization>;

/** Vectors of the words that were read, and of the text that is written after each of its words. */
export type Network = (german: Symbolic, english: Symbolic) => readonly [read: Symbolic, written: Symbolic];

/** Options of {@link learnTranslation}. */
export interface TranslationOptions {
  readonly epochs: number;
  /** Pairs to learn from: all by default. */
  readonly count?: number;
  /** Held-out sentences to translate: all 1,000 by default. */
  readonly tested?: number;
  readonly verbose?: 0 | 'auto';
}

/** Size of all vectors. */
export const features = 128;
const [length, held, batchSize, unknown] = [32, 1000, 64, 1];
const [start, end] = ['[start]', '[end]'];

/** 1,000 held-out sentences, and what to learn from, in which no side of a held-out pair occurs. */
async function readData(file: string) {
  const { sentences, phrases } = await readDictionary(file);
  const words = (pairs: readonly Pair[]) =>
    pairs.map(({ german, english }): Pair => ({ german: spaced(german), english: spaced(english) }));
  const pairs = shuffled(words(sentences), 13);
  const test = pairs.slice(0, held);
  const known = new Set(test.flatMap(({ german, english }) => [german, english]));
  const others = (some: readonly Pair[]) =>
    some.filter(({ german, english }) => !known.has(german) && !known.has(english));
  return { test, train: others(pairs.slice(held)), phrases: others(words(phrases)) };
}

/** Words as numbers: 0 pads, 1 is unknown. */
function vectorizer(texts: readonly string[], maxTokens: number): Vectorizer {
  return layers.textVectorization({ maxTokens, standardize: null }).adapt(texts);
}

/** The words of a text as numbers. */
function numbering(words: Vectorizer): (text: string) => number[] {
  const places = new Map(words.getVocabulary().map((word, place) => [word, place]));
  const number = (word: string): number => places.get(word) ?? unknown;
  return (text) =>
    text
      .split(' ')
      .slice(0, length - 1)
      .map(number);
}

/** Pairs to learn from and held-out ones, also as numbers, and what the words of each language may become in the other. */
async function prepare(file: string) {
  const { test, train, phrases } = await readData(file);
  const texts = (pairs: readonly Pair[], language: keyof Pair) => pairs.map((pair) => pair[language]);
  const german = vectorizer(texts([...phrases, ...train], 'german'), 40_000);
  const english = vectorizer(
    texts(train, 'english').map((text) => `${start} ${text} ${end}`),
    8000,
  );
  const [fromGerman, fromEnglish] = [numbering(german), numbering(english)];
  const numbered = (pairs: readonly Pair[]) =>
    pairs.map((pair): NumberedPair => [fromGerman(pair.german), fromEnglish(pair.english)]);
  const known = numbered(phrases).filter((pair) => pair.every((t) => t.length <= 8 && !t.includes(unknown)));
  return {
    test,
    unseen: numbered(test),
    sentences: numbered(train),
    phrases: known.filter((pair) => pair.every((text) => text.length >= 4)),
    lexicon: learnLexicon([...known, ...numbered(train)]),
    vocabulary: english.getVocabulary(),
    sizes: [german.vocabularySize(), english.vocabularySize()] as const,
    ends: { start: fromEnglish(start), end: fromEnglish(end) },
  };
}

/** Trains a network to translate from German, and measures it on sentences that it has not seen. */
export async function learnTranslation(file: string, network: Network, options: TranslationOptions) {
  tfk.setRandomSeed(12);
  const { epochs, count, tested = held, verbose = 0 } = options;
  const { test, unseen, sentences, phrases, lexicon, vocabulary, sizes, ends } = await prepare(file);
  const { model, single, glosses, words } = buildModels(network, ...sizes);
  const [own, vectors] = [glosses.getWeights()[0] as tfk.Tensor, words.getWeights()[0] as tfk.Tensor];
  glosses.setWeights([addTranslations(own, vectors, lexicon)]);

  const learned = [...sentences, ...phrases].slice(0, count);
  const steps = epochs * Math.floor(learned.length / batchSize);
  const warmupSteps = Math.ceil(steps / 10);
  const rate = { initialLearningRate: 0, warmupTarget: 3e-3, warmupSteps, decaySteps: steps - warmupSteps };
  model.compile({
    optimizer: tfk.optimizers.adam({ learningRate: tfk.schedules.cosineDecay(rate), clipnorm: 1 }),
    loss: tfk.losses.sparseCategoricalCrossentropy({ fromLogits: true, ignoreClass: unknown }),
    weightedMetrics: ['accuracy'],
  });
  const batches = samples(learned, ends)
    .shuffle(learned.length)
    .bucketByLength(([[from, fed]]) => Math.max(from.size, fed.size), {
      boundaries: [7, 10, 13, 17, length + 1],
      batchSizes: Array(6).fill(batchSize),
      dropRemainder: true,
      padToBoundary: true,
    });
  const validationData = samples(unseen, ends).paddedBatch(100, { shape: [length] });
  const history = await model.fit(batches, undefined, { epochs, validationData, verbose });

  const sources = unseen.slice(0, tested).map(([from]) => from);
  const search = { model: single, sources, ...ends, vocabulary };
  const [greedy, beam] = [await translate({ ...search, width: 1 }), await translate({ ...search, width: 4 })];
  const references = test.slice(0, tested).map((pair) => pair.english);
  const answers = unseen.flatMap(([, to]) => [...to, ...ends.end]);
  return {
    sentences: sentences.length,
    phrases: phrases.length,
    accuracy: history.val_accuracy as number[],
    unknown: answers.filter((word) => word === unknown).length / answers.length,
    bleu: { greedy: bleu(greedy, references), beam: bleu(beam, references) },
    translations: test.slice(0, 10).map((pair, i) => ({ ...pair, greedy: greedy[i], beam: beam[i] })),
  };
}

interface Ends {
  readonly start: readonly number[];
  readonly end: readonly number[];
}

/** The text that is fed lacks its end, the text to be predicted its start. Weights are 1, so that those of padding are 0. */
function samples(pairs: readonly NumberedPair[], { start, end }: Ends) {
  const row = (text: readonly number[]) => tfk.tensor(Int32Array.from(text), [text.length]);
  const made = pairs.map(([from, to]): [[tfk.Tensor, tfk.Tensor], tfk.Tensor, tfk.Tensor] => [
    [row(from), row([...start, ...to])],
    row([...to, ...end]),
    tfk.tensor(new Float32Array(to.length + 1).fill(1), [to.length + 1]),
  ]);
  return tfk.data.fromGenerator(() => made, { size: made.length });
}

/**
 * A network with its words: a model for all places of a text, and one for a single place. German words begin with the
 * vectors of their translations, so that what the attention looks at can be written down.
 */
function buildModels(network: Network, german: number, english: number) {
  const normal = (stddev: number) => tfk.initializers.randomNormal({ stddev });
  const table = { outputDim: features, maskZero: true };
  const glosses = layers.embedding({
    ...table,
    inputDim: german,
    embeddingsInitializer: normal(0.3 / features ** 0.5),
  });
  glosses.trainable = false; // rare words stay where their translations are
  const words = layers.reversibleEmbedding({
    ...table,
    inputDim: english,
    embeddingsInitializer: normal(features ** -0.5),
  });
  const drop = (x: Symbolic) => layers.dropout({ rate: 0.4 }).apply(x);
  const scaled = (x: Symbolic, scale: number) => layers.rescaling({ scale }).apply(x);

  const inputs = ['german', 'english'].map((name) => tfk.input({ shape: [null], dtype: 'int32', name }));
  const gloss = glosses.apply(inputs[0] as Symbolic);
  const embedded = [gloss, words.apply(inputs[1] as Symbolic)].map((x) =>
    drop(scaled(x, 0.3 * features ** 0.5)),
  );
  const [read, written] = network(embedded[0] as Symbolic, embedded[1] as Symbolic);
  const query = layers.dense({ units: features, useBias: false }).apply(written);
  const look = (value: Symbolic) => layers.attention().apply([query, value, read]);
  const both = layers.concatenate().apply([written, look(read)]);
  const thought = layers.dense({ units: features, activation: 'tanh' }).apply(both);
  const gate = layers.dense({ units: features, activation: 'sigmoid' }).apply(both);
  const translated = layers.multiply().apply([gate, look(gloss)]);
  const states = layers.add().apply([scaled(thought, 2 * features ** -0.5), translated]);
  const head = (x: Symbolic) => words.apply(scaled(drop(x), 8), { reverse: true });
  const model = tfk.model({ inputs, outputs: head(states) });
  // the same weights, for one place in the text: the head is large, and need not look at the others
  const place = tfk.input({ shape: [null], name: 'place' });
  const state = layers.dot({ axes: 1 }).apply([place, states]);
  const single = tfk.model({ inputs: [...inputs, place], outputs: layers.softmax().apply(head(state)) });
  return { model, single, glosses, words };
}

interface Decoding extends Ends {
  /** Of {@link buildModels}, for one place in the text. */
  readonly model: tfk.Functional;
  readonly sources: readonly (readonly number[])[];
  readonly vocabulary: readonly string[];
  /** Texts that are pursued at a time. */
  readonly width: number;
}

/** Translations of German sentences, by a search. */
async function translate({ model, sources, vocabulary, width, start, end }: Decoding): Promise<string[]> {
  const padded = (texts: readonly (readonly number[])[]) =>
    tfk.data.padSequences(texts, { maxLength: length, padding: 'post' });
  const rows = padded(sources.flatMap((source) => Array<readonly number[]>(width).fill(source)));
  const next = async (texts: readonly (readonly number[])[]) => {
    const last = texts.map((text) => text.length - 1);
    const inputs = [rows, padded(texts), tfk.data.toCategorical(last, length)];
    const probabilities = (await model.predict(inputs, { batchSize: 250 })) as tfk.Tensor;
    return tfk.ops.topK(tfk.ops.log(probabilities), width);
  };
  const [[first = 0], [last = 0]] = [start, end];
  const found = await beamSearch(sources.length, { width, length, start: first, end: last, next });
  return found.map((ids) => ids.map((id) => vocabulary[id]).join(' '));
}
