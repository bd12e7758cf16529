import * as tfk from 'tfk';

const { layers } = tfk;
type Symbolic = tfk.SymbolicTensor;

const convolve = (x: Symbolic, filters: number, kernelSize: number, strides = 1): Symbolic =>
  layers
    .conv2d({ filters, kernelSize, strides, padding: 'same', useBias: false, kernelInitializer: 'heNormal' })
    .apply(x);
const normalize = (x: Symbolic): Symbolic => layers.batchNormalization({ momentum: 0.9 }).apply(x);
const relu = (x: Symbolic): Symbolic => layers.activation({ activation: 'relu' }).apply(x);

/** Two convolutions beside a shortcut, which is a convolution too where the size changes. @source He et al. 2015 */
function block(x: Symbolic, filters: number, strides: number): Symbolic {
  const first = relu(normalize(convolve(x, filters, 3, strides)));
  const second = normalize(convolve(first, filters, 3));
  const shortcut = strides === 1 ? x : normalize(convolve(x, filters, 1, strides));
  return relu(layers.add().apply([shortcut, second]));
}

/** Pictures are mirrored and moved by up to two pixels while the net is trained, and left alone otherwise. */
function resnet(): tfk.Model {
  const pictures = tfk.input({ shape: [28, 28, 1] });
  const mirrored = layers.randomFlip({ mode: 'horizontal' }).apply(pictures);
  const moved = layers
    .randomTranslation({ heightFactor: 2 / 28, widthFactor: 2 / 28, fillMode: 'constant' })
    .apply(mirrored);
  let x = relu(normalize(layers.maxPooling2d().apply(convolve(moved, 32, 3))));
  for (const filters of [32, 64, 128]) x = block(x, filters, filters === 32 ? 1 : 2);
  const features = layers.globalAveragePooling2d().apply(x);
  return tfk.model({
    inputs: pictures,
    outputs: layers.dense({ units: 10, activation: 'softmax' }).apply(features),
  });
}

/**
 * Trains on the 60,000 pictures of Fashion-MNIST, or the first of them; the learning rate falls along a cosine.
 * @returns the accuracy on the 10,000 test pictures
 */
export async function fashionResnet(
  epochs: number,
  { samples = 60_000, verbose = 0 }: { readonly samples?: number; readonly verbose?: 0 | 2 } = {},
): Promise<{ accuracy: number }> {
  tfk.setRandomSeed(7);
  const { train, test } = await tfk.datasets.fashionMnist();
  const batchSize = 128;
  const decaySteps = epochs * Math.ceil(samples / batchSize);
  const learningRate = tfk.schedules.cosineDecay({ initialLearningRate: 4e-3, decaySteps });
  const model = resnet();
  model.compile({
    optimizer: tfk.optimizers.adamW({ learningRate, weightDecay: 0.01 }),
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
  });
  await model.fit(train.x.rows(0, samples), train.y.rows(0, samples), { epochs, batchSize, verbose });
  const logs = await model.evaluate(test.x, test.y, { batchSize: 500, verbose: 0 });
  return { accuracy: logs.accuracy as number };
}

if (process.argv[1] === import.meta.filename) console.log(await fashionResnet(12, { verbose: 2 }));
