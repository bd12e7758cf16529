import * as tfk from 'tfk';
import { beamSearch } from './beam-search.ts';
import { bleu } from './bleu.ts';
import { learnGlosses } from './lexicon.ts';
import { shuffled } from './random.ts';
import { type Pair, readDictionary, spaced, wordsOf } from './sentences.ts';
import { joined, learnSubwords } from './subwords.ts';

const { layers } = tfk;
type Symbolic = tfk.SymbolicTensor;
type Numbers = readonly number[];

/** Vectors of what was read, and of the text that is written after each of its pieces. */
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

/** A pair as numbers. */
interface Sample {
  /** The German text word by word in English, in pieces. */
  readonly gloss: Numbers;
  /** For each of these pieces the German word that it stands for. */
  readonly german: Numbers;
  readonly english: Numbers;
}

/** Size of all vectors. */
export const features = 192;
const [length, merges, held, batchSize] = [72, 200, 1000, 64];
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

/** The most frequent tokens of texts as numbers: 0 pads, 1 is unknown. */
function numbering(texts: readonly string[], maxTokens: number) {
  const layer = layers.textVectorization({ maxTokens, standardize: null }).adapt(texts);
  const vocabulary = layer.getVocabulary();
  const places = new Map(vocabulary.map((token, place) => [token, place]));
  const numbers = (tokens: readonly string[]): Numbers =>
    tokens.slice(0, length - 1).map((token) => places.get(token) ?? 1);
  return { vocabulary, numbers };
}

/** Pairs to learn from and held-out ones, as numbers, too. */
async function prepare(file: string) {
  const { test, train, phrases } = await readData(file);
  const isTrained = (pair: Pair) =>
    [pair.german, pair.english].map(wordsOf).every(({ length: n }) => n >= 6 && n <= 8);
  const glosses = learnGlosses(phrases.filter((pair) => !isTrained(pair)));
  const texts = (language: keyof Pair) => train.map((pair) => pair[language]);
  const cut = learnSubwords(texts('english'), merges);
  const written = texts('english').map((text) => [start, ...cut(text), end].join(' '));
  const [english, german] = [numbering(written, 1000), numbering(texts('german'), 4000)];
  const sample = (pair: Pair): Sample => {
    const read = wordsOf(pair.german).flatMap((word) =>
      cut(glosses.get(word) ?? word).map((piece) => ({ piece, word })),
    );
    return {
      gloss: english.numbers(read.map(({ piece }) => piece)),
      german: german.numbers(read.map(({ word }) => word)),
      english: english.numbers(cut(pair.english)),
    };
  };
  return {
    test,
    unseen: test.map(sample),
    sentences: train.map(sample),
    phrases: phrases.filter(isTrained).map(sample),
    vocabulary: english.vocabulary,
    sizes: [german.vocabulary.length, english.vocabulary.length] as const,
    ends: { start: english.numbers([start]), end: english.numbers([end]) },
  };
}

/** Trains a network to translate from German, and measures it on sentences that it has not seen. */
export async function learnTranslation(file: string, network: Network, options: TranslationOptions) {
  tfk.setRandomSeed(12);
  const { epochs, count, tested = held, verbose = 0 } = options;
  const { test, unseen, sentences, phrases, vocabulary, sizes, ends } = await prepare(file);
  const { model, single } = buildModels(network, ...sizes);
  const learned = [...sentences, ...phrases].slice(0, count);
  const steps = epochs * Math.floor(learned.length / batchSize);
  const warmupSteps = Math.ceil(steps / 10);
  const rate = { initialLearningRate: 0, warmupTarget: 3e-3, warmupSteps, decaySteps: steps - warmupSteps };
  model.compile({
    optimizer: tfk.optimizers.adam({ learningRate: tfk.schedules.cosineDecay(rate), clipnorm: 1 }),
    loss: tfk.losses.sparseCategoricalCrossentropy({ fromLogits: true }),
    weightedMetrics: ['accuracy'],
  });
  const batches = dataset(learned, ends)
    .shuffle(learned.length)
    .bucketByLength(([[gloss, , fed]]) => Math.max(gloss.size, fed.size), {
      boundaries: [16, 21, 26, 32, 40, 52, length + 1],
      batchSizes: Array(8).fill(batchSize),
      dropRemainder: true,
      padToBoundary: true,
    });
  const validationData = dataset(unseen, ends).paddedBatch(100, { shape: [length] });
  const history = await model.fit(batches, undefined, { epochs, validationData, verbose });

  const search = { model: single, samples: unseen.slice(0, tested), ...ends, vocabulary };
  const [greedy, beam] = [await translate({ ...search, width: 1 }), await translate({ ...search, width: 4 })];
  const references = test.slice(0, tested).map((pair) => pair.english);
  return {
    sentences: sentences.length,
    phrases: phrases.length,
    pieces: vocabulary.length,
    accuracy: history.val_accuracy as number[],
    bleu: { greedy: bleu(greedy, references), beam: bleu(beam, references) },
    translations: test.slice(0, 10).map((pair, i) => ({ ...pair, greedy: greedy[i], beam: beam[i] })),
  };
}

interface Ends {
  readonly start: Numbers;
  readonly end: Numbers;
}

/** The text that is fed lacks its end, the text to be predicted its start. Weights are 1, so that those of padding are 0. */
function dataset(samples: readonly Sample[], { start, end }: Ends) {
  const row = (text: Numbers) => tfk.tensor(Int32Array.from(text), [text.length]);
  const made = samples.map(
    ({ gloss, german, english }): [[tfk.Tensor, tfk.Tensor, tfk.Tensor], tfk.Tensor, tfk.Tensor] => [
      [row(gloss), row(german), row([...start, ...english])],
      row([...english, ...end]),
      tfk.tensor(new Float32Array(english.length + 1).fill(1), [english.length + 1]),
    ],
  );
  return tfk.data.fromGenerator(() => made, { size: made.length });
}

/**
 * A network with its words: a model for all places of a text, and one for a single place. Pieces that are read and pieces
 * that are written have the same vectors, so that what the attention looks at can be written down.
 */
function buildModels(network: Network, german: number, english: number) {
  const embeddingsInitializer = tfk.initializers.randomNormal({ stddev: features ** -0.5 });
  const table = { outputDim: features, maskZero: true, embeddingsInitializer };
  const words = layers.embedding({ ...table, inputDim: german });
  const pieces = layers.reversibleEmbedding({ ...table, inputDim: english });
  const drop = (x: Symbolic) => layers.dropout({ rate: 0.3 }).apply(x);
  const scaled = (x: Symbolic, scale: number) => layers.rescaling({ scale }).apply(x);
  const fed = (x: Symbolic) => drop(scaled(x, 0.3 * features ** 0.5));

  const integers = (name: string) => tfk.input({ shape: [null], dtype: 'int32', name });
  const inputs = [integers('gloss'), integers('german'), integers('english')] as const;
  const gloss = pieces.apply(inputs[0]);
  const source = layers.add().apply([gloss, words.apply(inputs[1])]);
  const [read, written] = network(fed(source), fed(pieces.apply(inputs[2])));
  const query = layers.dense({ units: features, useBias: false }).apply(written);
  const look = (value: Symbolic) => layers.attention().apply([query, value, read]);
  const both = layers.concatenate().apply([written, look(read)]);
  const thought = layers.dense({ units: features, activation: 'tanh' }).apply(both);
  const gate = layers.dense({ units: features, activation: 'sigmoid' }).apply(both);
  const translated = layers.multiply().apply([gate, look(gloss)]);
  const states = layers.add().apply([scaled(thought, 2 * features ** -0.5), translated]);
  const head = (x: Symbolic) => pieces.apply(scaled(drop(x), 8), { reverse: true });
  const model = tfk.model({ inputs, outputs: head(states) });
  // the same weights, for one place in the text
  const place = tfk.input({ shape: [null], name: 'place' });
  const state = layers.dot({ axes: 1 }).apply([place, states]);
  const single = tfk.model({ inputs: [...inputs, place], outputs: layers.softmax().apply(head(state)) });
  return { model, single };
}

interface Decoding extends Ends {
  /** Of {@link buildModels}, for one place in the text. */
  readonly model: tfk.Functional;
  readonly samples: readonly Sample[];
  readonly vocabulary: readonly string[];
  /** Texts that are pursued at a time. */
  readonly width: number;
}

/** Translations of German sentences, by a search for each hundred that are about as long. */
async function translate({ samples, vocabulary, ...options }: Decoding): Promise<string[]> {
  const order = [...samples.entries()].sort(([, a], [, b]) => a.gloss.length - b.gloss.length);
  const found: string[] = [];
  for (let i = 0; i < order.length; i += 100) {
    const group = order.slice(i, i + 100);
    const texts = await search({ ...options, samples: group.map(([, sample]) => sample) });
    group.forEach(([at], k) => {
      found[at] = joined((texts[k] as Numbers).map((piece) => vocabulary[piece] as string));
    });
  }
  return found;
}

/** English pieces for German sentences. */
function search({ model, samples, width, start, end }: Omit<Decoding, 'vocabulary'>): Promise<number[][]> {
  const padded = (texts: readonly Numbers[]) => {
    const longest = Math.max(...texts.map((text) => text.length));
    return tfk.data.padSequences(texts, { maxLength: 16 * Math.ceil(longest / 16), padding: 'post' }); // few shapes
  };
  const repeated = samples.flatMap((sample) => Array<Sample>(width).fill(sample));
  const sources = [padded(repeated.map(({ gloss }) => gloss)), padded(repeated.map(({ german }) => german))];
  const next = async (texts: readonly Numbers[]) => {
    const written = padded(texts);
    const last = texts.map((text) => text.length - 1);
    const inputs = [...sources, written, tfk.data.toCategorical(last, written.shape[1])];
    const probabilities = (await model.predict(inputs, { batchSize: 100 })) as tfk.Tensor;
    return tfk.ops.topK(tfk.ops.log(probabilities), width);
  };
  const [[first = 0], [last = 0]] = [start, end];
  return beamSearch(samples.length, { width, length, start: first, end: last, next });
}
