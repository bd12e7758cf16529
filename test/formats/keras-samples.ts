import * as tfk from '../../src/index.ts';
import { layerRegistry, layerSamples } from '../../src/layers/registry.ts';

/** A model with data to train and try it on. */
export interface KerasSample {
  readonly name: string;
  make(): tfk.Model;
  readonly x: readonly tfk.Tensor[];
  /** Targets; none for a model that is not compiled. */
  readonly y: readonly tfk.Tensor[];
}

/** Repeatable numbers in [-1, 1), or whole ones in [0, 4). */
export function numbers(shape: readonly number[], dtype: tfk.DType = 'float32', seed = 1): tfk.Tensor {
  const size = shape.reduce((n, m) => n * m, 1);
  const at = (i: number): number => ((i * 37 + seed * 11) % 64) / 32 - 1;
  const values = Float32Array.from({ length: size }, (_, i) =>
    dtype === 'float32' ? at(i) : Math.floor((at(i) + 1) * 2),
  );
  return tfk.tensor(values, shape, dtype);
}

const { dense, concatenate, add, multiply, flatten, embedding, batchNormalization, dropout, conv2d } =
  tfk.layers;
const oneOutput = { x: [numbers([6, 4])], y: [numbers([6, 2], 'float32', 2)] };

const small = (compile: tfk.CompileOptions): tfk.Model => {
  const model = tfk.sequential([
    tfk.input({ shape: [4] }),
    dense({ units: 3, activation: 'tanh', kernelRegularizer: 'l2' }),
    dense({ units: 2, kernelConstraint: { type: 'maxNorm', maxValue: 1 } }),
  ]);
  model.compile({ loss: 'mse', ...compile });
  return model;
};

const cosine = {
  type: 'cosineDecay',
  initialLearningRate: 0.1,
  decaySteps: 10,
  warmupTarget: 0.2,
  warmupSteps: 2,
};
const optimizers: Readonly<Record<string, tfk.CompileOptions['optimizer']>> = {
  sgd: { type: 'sgd', momentum: 0.9, nesterov: true, clipnorm: 0.5 },
  adam: { type: 'adam', learningRate: 0.05, amsgrad: true, beta1: 0.8 },
  adamw: { type: 'adamW', learningRate: cosine, useEma: true, emaMomentum: 0.9 },
  rmsprop: { type: 'rmsprop', centered: true, momentum: 0.5, globalClipnorm: 1 },
  nadam: { type: 'nadam', learningRate: 0.02, weightDecay: 0.01 },
  ftrl: { type: 'ftrl', learningRate: 0.1, l1RegularizationStrength: 0.01 },
  adagrad: { type: 'adagrad', learningRate: 0.1, gradientAccumulationSteps: 2 },
  lion: { type: 'lion', learningRate: 0.01, clipvalue: 0.5 },
};

/** Shared layers, nested models called twice, several inputs and outputs, an input that nothing reads. */
function tangled(): tfk.Model {
  const [a, b] = [tfk.input({ shape: [4], name: 'a' }), tfk.input({ shape: [4], name: 'b' })];
  const unused = tfk.input({ shape: [1], name: 'unused' });
  const common = dense({ units: 4, activation: 'relu', name: 'common' });
  const deep = dense({ units: 4, activation: 'elu' });
  const [p, q] = [tfk.input({ shape: [4] }), tfk.input({ shape: [4] })];
  const inner = tfk.model({
    inputs: [p, q],
    outputs: [add().apply([deep.apply(p), q]), multiply().apply([p, q])],
  });
  const chain = tfk.sequential([dense({ units: 3, useBias: false }), tfk.sequential([dense({ units: 3 })])]);
  const [sum, product] = inner.applyMulti([common.apply(b), a]) as [tfk.SymbolicTensor, tfk.SymbolicTensor];
  const [again] = inner.applyMulti([product, sum]) as [tfk.SymbolicTensor];
  const normal = batchNormalization().apply(common.apply(again));
  const joined = concatenate().apply([chain.apply(normal), chain.apply(a)]);
  const first = dense({ units: 1, activation: 'sigmoid', name: 'first' }).apply(joined);
  const second = dense({ units: 3, name: 'second' }).apply(concatenate().apply([sum, joined]));
  const model = tfk.model({ inputs: [a, unused, b], outputs: [second, first], name: 'tangled' });
  model.compile({
    optimizer: 'adam',
    loss: {
      first: 'binaryCrossentropy',
      second: { type: 'sparseCategoricalCrossentropy', fromLogits: true },
    },
    lossWeights: { first: 0.5, second: 2 },
    metrics: { second: ['accuracy'] },
  });
  return model;
}

function convolutional(): tfk.Model {
  const model = tfk.sequential([
    tfk.input({ shape: [6, 6, 2] }),
    conv2d({ filters: 3, kernelSize: 3, padding: 'same', activation: 'leakyRelu' }),
    batchNormalization(),
    tfk.layers.maxPooling2d({ poolSize: 2 }),
    flatten(),
    dropout({ rate: 0 }),
    dense({ units: 3, activation: 'softmax' }),
  ]);
  model.compile({ optimizer: 'rmsprop', loss: 'categoricalCrossentropy', metrics: ['accuracy', 'auc'] });
  return model;
}

function words(): tfk.Model {
  const model = tfk.sequential([
    tfk.input({ shape: [5], dtype: 'int32' }),
    embedding({ inputDim: 4, outputDim: 3 }),
    tfk.layers.globalAveragePooling1d(),
    dense({ units: 2 }),
  ]);
  const body = model.getLayer(0);
  body.trainable = false;
  model.compile({ optimizer: 'sgd', loss: { type: 'huber', delta: 0.5 } });
  return model;
}

/** Models as people make them. */
export const kerasSamples: readonly KerasSample[] = [
  ...Object.entries(optimizers).map(([name, optimizer]) => ({
    name: `optimizer-${name}`,
    make: () => small(optimizer === undefined ? {} : { optimizer }),
    ...oneOutput,
  })),
  {
    name: 'tangled',
    make: tangled,
    x: [numbers([6, 4]), numbers([6, 1]), numbers([6, 4], 'float32', 3)],
    y: [tfk.tensor(Int32Array.of(0, 1, 2, 1, 0, 2), [6, 1]), tfk.tensor([[1], [0], [1], [1], [0], [0]])],
  },
  {
    name: 'convolutional',
    make: convolutional,
    x: [numbers([6, 6, 6, 2])],
    y: [
      tfk.tensor([
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
      ]),
    ],
  },
  { name: 'words', make: words, x: [numbers([6, 5], 'int32')], y: [numbers([6, 2], 'float32', 2)] },
];

/** Layers that began with low-rank updates, which have been trained. */
export const lowRank: KerasSample = {
  name: 'low-rank',
  make: () => {
    const model = tfk.sequential([
      tfk.input({ shape: [6], dtype: 'int32' }),
      embedding({ inputDim: 5, outputDim: 4, loraRank: 2, loraAlpha: 4 }),
      tfk.layers.conv1d({ filters: 3, kernelSize: 2, loraRank: 1, loraAlpha: 3 }),
      tfk.layers.einsumDense({ equation: 'abc,cd->abd', outputShape: [null, 4], loraRank: 2 }),
      flatten(),
      dense({ units: 2, loraRank: 1 }),
    ]);
    model.setWeights(model.weights.map(({ shape }, i) => numbers(shape, 'float32', i + 1)));
    return model;
  },
  x: [numbers([6, 6], 'int32')],
  y: [],
};

/** Every layer by itself, as its samples use it; random layers too, as nothing is random outside of training. */
export const layerModels: readonly KerasSample[] = [...layerSamples].flatMap(([className, samples]) =>
  samples.map(({ options = {}, inputs, dtype = 'float32' }, i): KerasSample => {
    const shapes = inputs.map((shape) => shape.slice(1).map((n) => n ?? 4));
    return {
      name: `layer-${className}-${i}`,
      make: () => {
        const xs = shapes.map((shape) => tfk.input({ shape, dtype }));
        const layer = layerRegistry.make({ className, config: options });
        return tfk.model({ inputs: xs, outputs: [...layer.applyMulti(xs)] });
      },
      x: shapes.map((shape, k) => numbers([2, ...shape], dtype, k + 1)),
      y: [],
    };
  }),
);
