import type { SymbolicTensor } from '../../src/index.ts';
import type { Workload } from './workload.ts';

const [size, heads, wide, rate] = [128, 4, 512, 0.1];

/** Two layers of a Transformer's encoder over 64 words. @source Vaswani et al. 2017, section 3.1 */
export const transformer: Workload = {
  name: 'transformer',
  mode: 'train',
  batchSize: 32,
  batches: 50,
  sampleShape: [64],
  vocabulary: 8000,
  classes: 10,
  optimizer: 'adam',
  build({ input, layers, model }) {
    const dropped = (x: SymbolicTensor) => layers.dropout({ rate }).apply(x);
    const joined = (x: SymbolicTensor, y: SymbolicTensor) =>
      layers.layerNormalization({}).apply(layers.add().apply([x, dropped(y)]));
    const encode = (x: SymbolicTensor) => {
      const attention = layers.multiHeadAttention({ numHeads: heads, keyDim: size / heads, dropout: rate });
      const seen = joined(x, attention.apply([x, x]));
      const inner = dropped(layers.dense({ units: wide, activation: 'relu' }).apply(seen));
      return joined(seen, layers.dense({ units: size }).apply(inner));
    };
    const inputs = input({ shape: [64], dtype: 'int32' });
    const words = layers.embedding({ inputDim: 8000, outputDim: size }).apply(inputs);
    const encoded = encode(encode(layers.positions().apply(words)));
    const mean = layers.globalAveragePooling1d({}).apply(encoded);
    return model({ inputs, outputs: layers.dense({ units: 10, activation: 'softmax' }).apply(mean) });
  },
};
