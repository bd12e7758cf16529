import { expect, test } from '@jest/globals';
import { Random } from '../../src/core/random.ts';
import { input, layers, model, setRandomSeed, Tensor } from '../../src/index.ts';

test('a small transformer learns to name the word before each word', async () => {
  setRandomSeed(3);
  const [words, length, features] = [6, 8, 16];
  const text = input({ shape: [length], dtype: 'int32' });
  const embedded = layers.embedding({ inputDim: words, outputDim: features, maskZero: true }).apply(text);
  const x = layers
    .add()
    .apply([embedded, layers.sinePositionEncoding({ maxWavelength: 20 }).apply(embedded)]);
  const seen = layers.multiHeadAttention({ numHeads: 2, keyDim: 8 }).apply([x, x], { useCausalMask: true });
  const y = layers.layerNormalization().apply(layers.add().apply([x, seen]));
  const out = layers.dense({ units: words, activation: 'softmax' }).apply(y);
  const made = model({ inputs: text, outputs: out });
  made.compile({
    optimizer: { type: 'adam', learningRate: 0.02 },
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
    threads: 1,
  });

  const random = new Random(1);
  const count = 256;
  const data = new Int32Array(count * length);
  const labels = new Int32Array(count * length);
  for (let i = 0; i < count; i++) {
    const used = 4 + random.integer(5);
    for (let t = 0; t < used; t++) data[i * length + t] = 1 + random.integer(words - 1);
    for (let t = 0; t < length; t++)
      labels[i * length + t] = t === 0 ? 0 : (data[i * length + t - 1] as number);
  }
  const [inputs, targets] = [data, labels].map((d) => new Tensor('int32', [count, length], d)) as [
    Tensor,
    Tensor,
  ];
  const history = await made.fit(inputs, targets, { epochs: 40, batchSize: 64, verbose: 0 });
  expect(history.accuracy?.[0]).toBeLessThan(0.6);
  expect(history.accuracy?.at(-1)).toBeGreaterThan(0.95);
  made.dispose();
});
