import * as tfk from 'tfk';

const { batchNormalization, conv2d, dense, dropout, flatten, maxPooling2d } = tfk.layers;
const { train, test } = await tfk.datasets.mnist();
const conv = (n: number) => [conv2d({ filters: n, kernelSize: 3, activation: 'relu' }), batchNormalization()];
const head = [flatten(), dropout({ rate: 0.5 }), dense({ units: 10, activation: 'softmax' })];
const model = tfk.sequential([conv(32), maxPooling2d(), conv(64), maxPooling2d(), conv(128), head].flat());
const learningRate = tfk.schedules.cosineDecay({ initialLearningRate: 0.002, decaySteps: 3000 });
const optimizer = tfk.optimizers.adamW({ learningRate, weightDecay: 0.05 });
model.compile({ optimizer, loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
await model.fit(train.x, train.y, { epochs: 12, batchSize: 32 });
console.log(await model.evaluate(test.x, test.y));
