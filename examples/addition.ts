import * as tfk from 'tfk';
import { seeded } from './support/random.ts';

const [digits, symbols] = [3, '0123456789+ '];
const [questionLength, answerLength] = [2 * digits + 1, digits + 1];

/** `'521+34  '`, read backwards, which makes it easier to learn, and `'555 '`. */
function problem(a: number, b: number): readonly [question: string, answer: string] {
  const question = `${a}+${b}`.padEnd(questionLength);
  return [[...question].reverse().join(''), String(a + b).padEnd(answerLength)];
}

const codes = (texts: readonly string[]) => texts.map((text) => [...text].map((c) => symbols.indexOf(c)));
const oneHot = (texts: readonly string[]): tfk.Tensor =>
  tfk.tensor(codes(texts).map((row) => row.map((code) => Array.from(symbols, (_, i) => Number(i === code)))));

/** Different questions, numbers of up to three digits. */
function problems(count: number): (readonly [string, string])[] {
  const uniform = seeded(5);
  const number = () => Math.floor(10 ** (1 + Math.floor(uniform() * digits)) * uniform());
  const found = new Map<string, readonly [string, string]>();
  while (found.size < count) {
    const [a, b] = [number(), number()];
    found.set([a, b].sort((x, y) => x - y).join('+'), problem(a, b));
  }
  return [...found.values()];
}

/** Sequence to sequence: an LSTM reads a sum such as 521+34, another writes the answer. @source keras.io, addition_rnn */
export async function addition(epochs: number, count = 50_000, verbose: 0 | 1 = 0) {
  tfk.setRandomSeed(5);
  const all = problems(count);
  const held = Math.floor(count / 10);
  const tensors = (pairs: readonly (readonly [string, string])[]) =>
    [oneHot(pairs.map(([q]) => q)), tfk.tensor(codes(pairs.map(([, a]) => a)))] as const;
  const [test, train] = [tensors(all.slice(0, held)), tensors(all.slice(held))];
  const { lstm, dense, repeatVector } = tfk.layers;
  const model = tfk.sequential([
    tfk.input({ shape: [questionLength, symbols.length] }),
    lstm({ units: 128 }),
    repeatVector({ n: answerLength }),
    lstm({ units: 128, returnSequences: true }),
    dense({ units: symbols.length, activation: 'softmax' }),
  ]);
  const optimizer = { type: 'adam', learningRate: 2e-3 } as const;
  model.compile({ optimizer, loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
  const history = await model.fit(...train, { epochs, batchSize: 32, validationData: test, verbose });
  const guesses = tfk.ops.argMax((await model.predict(test[0].rows(0, 10))) as tfk.Tensor, -1);
  const samples = all.slice(0, 10).map(([question, answer], i) => {
    const guess = [...guesses.slice(i).data].map((code) => symbols[Number(code)]).join('');
    return `${[...question].reverse().join('').trim()}=${guess.trim()} ${guess === answer ? 'right' : 'wrong'}`;
  });
  return { accuracy: history.val_accuracy as number[], samples };
}

if (process.argv[1] === import.meta.filename) console.log(await addition(12, 50_000, 1));
