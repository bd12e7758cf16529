import * as tfk from 'tfk';

const { batchNormalization, conv2d, dense, dropout, flatten, maxPooling2d } = tfk.layers;
const block = (filters: number) => [
  conv2d({ filters, kernelSize: 3, activation: 'relu' }),
  batchNormalization({ momentum: 0.9 }),
];
const { train, test } = await tfk.datasets.mnist();
const model = tfk.sequential([
  ...[...block(32), maxPooling2d(), ...block(64), maxPooling2d(), ...block(128)],
  ...[flatten(), dropout({ rate: 0.5 }), dense({ units: 10, activation: 'softmax' })],
]);
model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
await model.fit(train.x, train.y, { epochs: 12, batchSize: 32 });
console.log(await model.evaluate(test.x, test.y));
