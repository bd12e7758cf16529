import type { SymbolicTensor } from '../../src/index.ts';
import type { Kit, Workload } from './workload.ts';

/** Expansion, channels, blocks, strides of the first block. */
const stages = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/** MobileNetV2 (alpha 1) as it is fine-tuned, all of it trained. @source Sandler et al. 2018, table 2 */
export const mobilenetV2: Workload = {
  name: 'mobilenet-v2',
  mode: 'train',
  batchSize: 16,
  batches: 10,
  sampleShape: [96, 96, 3],
  classes: 10,
  optimizer: 'adam',
  build({ input, layers, model }) {
    const { pointwise, depthwise, stem, relu6 } = pieces(layers);
    const inputs = input({ shape: [96, 96, 3] });
    let x = relu6(stem(inputs));
    let channels = 32;
    for (const [expansion, filters, count, firstStrides] of stages) {
      for (let i = 0; i < count; i++) {
        const strides = i === 0 ? firstStrides : 1;
        const wide = expansion === 1 ? x : relu6(pointwise(x, expansion * channels));
        const narrow = pointwise(relu6(depthwise(wide, strides)), filters);
        x = strides === 1 && channels === filters ? layers.add().apply([x, narrow]) : narrow;
        channels = filters;
      }
    }
    x = layers.globalAveragePooling2d({}).apply(relu6(pointwise(x, 1280)));
    return model({ inputs, outputs: layers.dense({ units: 10, activation: 'softmax' }).apply(x) });
  },
};

/** Convolutions with their normalization. */
function pieces(layers: Kit['layers']) {
  const normalize = (x: SymbolicTensor) => layers.batchNormalization({ momentum: 0.999 }).apply(x);
  const common = { padding: 'same', useBias: false } as const;
  return {
    relu6: (x: SymbolicTensor) => layers.activation({ activation: 'relu6' }).apply(x),
    stem: (x: SymbolicTensor) =>
      normalize(layers.conv2d({ ...common, filters: 32, kernelSize: 3, strides: 2 }).apply(x)),
    pointwise: (x: SymbolicTensor, filters: number) =>
      normalize(layers.conv2d({ ...common, filters, kernelSize: 1 }).apply(x)),
    depthwise: (x: SymbolicTensor, strides: number) =>
      normalize(layers.depthwiseConv2d({ ...common, kernelSize: 3, strides }).apply(x)),
  };
}
