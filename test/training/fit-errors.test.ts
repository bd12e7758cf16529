import { describe, expect, test } from '@jest/globals';
import {
  type CompileOptions,
  ConfigError,
  DataError,
  type FitOptions,
  input,
  layers,
  type Model,
  model,
  ShapeError,
  sequential,
  tensor,
} from '../../src/index.ts';
import { column, labels, normalData, quiet } from '../helpers/small-models.ts';

const x = normalData([6, 4]);
const y = labels(6, 3);

function classifier(compile: CompileOptions = { loss: 'sparseCategoricalCrossentropy' }): Model {
  const made = sequential([
    input({ shape: [4] }),
    layers.dense({ units: 3, activation: 'softmax', name: 'kind' }),
  ]);
  made.compile({ optimizer: 'sgd', threads: 1, ...compile });
  return made;
}

type ErrorKind = new (...args: never[]) => Error;

/** The error that a promise or a function ends with. */
async function errorOf(run: () => unknown): Promise<Error> {
  try {
    await run();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('expected an error');
}

async function expectError(run: () => unknown, kind: ErrorKind, ...parts: readonly RegExp[]): Promise<void> {
  const error = await errorOf(run);
  for (const part of parts) expect(error.message).toMatch(part);
  expect(error).toBeInstanceOf(kind);
}

describe('data that does not fit', () => {
  const training =
    (data: Parameters<Model['fit']>[0], targets?: Parameters<Model['fit']>[1], options?: FitOptions) => () =>
      classifier().fit(data, targets, { ...quiet, ...options });

  test('x and y of different length', () =>
    expectError(training(x, labels(5, 3)), DataError, /x has 6 samples but y has 5/));

  test('x of another shape than the input', () =>
    expectError(training(normalData([6, 5]), y), ShapeError, /expected shape \[\?,4\]/, /Received \[6,5\]/));

  test('labels out of range, whole and negative', async () => {
    await expectError(training(x, tensor([0, 1, 2, 3, 0, 1])), DataError, /y\[3\] is 3/, /0 to 2/);
    await expectError(training(x, tensor([0, 1, 2, -1, 0, 1])), DataError, /y\[3\] is -1/);
  });

  test('targets whose shape does not fit the predictions', () =>
    expectError(
      () => classifier({ loss: 'mse' }).fit(x, normalData([6, 2]), quiet),
      ShapeError,
      /loss MeanSquaredError/,
      /\[6,2\]/,
      /\[6,3\]/,
      /"kind"/,
    ));

  test('NaN and infinity, with the place', async () => {
    const bad = normalData([6, 4]);
    (bad.data as Float32Array)[13] = Number.NaN;
    await expectError(training(bad, y), DataError, /x contains NaN in sample 3, element 1/);
    (bad.data as Float32Array)[13] = Number.NEGATIVE_INFINITY;
    await expectError(() => classifier().evaluate(bad, y, { verbose: 0 }), DataError, /x contains -Infinity/);
    const target = column(1, 2, 3, Number.NaN, 5, 6);
    await expectError(
      () => classifier({ loss: 'mse' }).fit(x, target, quiet),
      DataError,
      /y contains NaN in sample 3/,
    );
  });

  test('no targets, no samples, ragged rows, a single number', async () => {
    await expectError(training(x), ConfigError, /"kind" has a loss but no targets/);
    await expectError(training(normalData([0, 4]), labels(0, 3)), DataError, /no samples/);
    await expectError(training([[1, 2, 3, 4], [1]], [0, 1]), DataError, /ragged/);
    await expectError(training(3, 3), DataError, /first axis for the samples/);
  });

  test('keys and counts of several inputs and outputs', async () => {
    const [a, b] = [input({ shape: [1], name: 'left' }), input({ shape: [1], name: 'right' })];
    const made = model({ inputs: [a, b], outputs: layers.add().apply([a, b]) });
    made.compile({ optimizer: 'sgd', loss: 'mse' });
    const one = column(1, 2);
    await expectError(
      () => made.fit({ left: one, rihgt: one }, one, quiet),
      ConfigError,
      /rihgt/,
      /Did you mean "right"/,
    );
    await expectError(() => made.fit({ left: one }, one, quiet), DataError, /x has no entry "right"/);
    await expectError(
      () => made.fit([one], one, quiet),
      DataError,
      /x has 1 tensors, expected 2 \(left, right\)/,
    );
    await expectError(() => made.fit(one, one, quiet), DataError, /the model takes 2 .*left, right/);
    await expectError(
      () => made.fit([one, column(1)], one, quiet),
      DataError,
      /x has 2 samples but x "right" has 1/,
    );
    await expectError(
      () => made.fit([one, one], [one, one], quiet),
      DataError,
      /y has 2 tensors, expected 1/,
    );
  });

  test('sample weights of another length', () =>
    expectError(training(x, y, { sampleWeight: [1, 2] }), DataError, /sampleWeight has 2/));

  test('validation data says that it is meant', () =>
    expectError(
      training(x, y, { validationData: [x, labels(5, 3)] }),
      DataError,
      /validation/i,
      /6 samples/,
    ));

  test('a split that leaves nothing', () =>
    expectError(
      training(normalData([2, 4]), labels(2, 3), { validationSplit: 0.9 }),
      ConfigError,
      /validationSplit 0.9 of 2 samples leaves 0 for training and 2/,
    ));
});

describe('options', () => {
  const compile = (options: object) => () => classifier({ loss: 'mse', ...options });

  test('unknown names come with a suggestion', async () => {
    await expectError(
      compile({ optimizer: 'adm' }),
      ConfigError,
      /Unknown optimizer "adm"/,
      /Did you mean "adam"/,
    );
    await expectError(
      compile({ loss: 'meanSquareError' }),
      ConfigError,
      /Unknown loss/,
      /"meanSquaredError"/,
    );
    await expectError(
      compile({ loss: { type: 'huber', dleta: 1 } }),
      ConfigError,
      /unknown option "dleta"/,
      /"delta"/,
    );
    await expectError(
      compile({ optimiser: 'adam' }),
      ConfigError,
      /unknown option "optimiser"/,
      /"optimizer"/,
    );
    await expectError(
      compile({ metrics: ['acuracy'] }),
      ConfigError,
      /Unknown metric "acuracy"/,
      /"accuracy"/,
    );
    await expectError(
      compile({ optimizer: { type: 'sgd', learning_rate: 1 } }),
      ConfigError,
      /"learningRate"/,
    );
    const train = () => classifier({ loss: 'mse', backend: 'onnx' }).fit(x, normalData([6, 3]), quiet);
    await expectError(train, ConfigError, /Unknown backend "onnx"/, /Known: onnxruntime/);
  });

  test('unknown or impossible options of fit', async () => {
    const training = (options: object) => () => classifier().fit(x, y, { ...quiet, ...options });
    await expectError(training({ epoch: 3 }), ConfigError, /fit: unknown option "epoch"/, /"epochs"/);
    await expectError(training({ batchSize: 0 }), ConfigError, /"batchSize"/, /Received 0/);
    await expectError(training({ epochs: 1.5 }), ConfigError, /"epochs"/, /Received 1.5/);
    await expectError(training({ validationSplit: 1 }), ConfigError, /"validationSplit"/);
    await expectError(training({ callbacks: [null] }), ConfigError, /callbacks/);
    await expectError(training({ validation_data: [x, y] }), ConfigError, /"validationData"/);
  });

  test('no compile, no loss', async () => {
    const made = sequential([input({ shape: [4] }), layers.dense({ units: 3 })]);
    await expectError(() => made.fit(x, y), ConfigError, /not compiled/, /model.compile\(/);
    await made.predict(x);
    await expectError(() => made.fit(x, y), ConfigError, /not compiled/);
    expect(made.compiled).toBeUndefined();
    made.compile({ optimizer: 'sgd' });
    await expectError(() => made.fit(x, y, quiet), ConfigError, /without a loss/, /loss: 'mse'/);
  });

  test('losses and metrics for outputs that are not there', async () => {
    const run = (options: CompileOptions) => () =>
      classifier(options).evaluate(x, normalData([6, 3]), { verbose: 0 });
    await expectError(
      run({ loss: ['mse', 'mse'] }),
      ConfigError,
      /"loss" has 2 entries, the model has 1 outputs/,
    );
    await expectError(run({ loss: { kid: 'mse' } }), ConfigError, /kid/, /Did you mean "kind"/);
    await expectError(
      run({ loss: 'mse', metrics: { kin: ['mae'] } }),
      ConfigError,
      /kin/,
      /Did you mean "kind"/,
    );
    await expectError(run({ loss: 'mse', lossWeights: [1, 2] }), ConfigError, /"lossWeights" has 2 entries/);
  });

  test('a failed compile leaves what was compiled', async () => {
    const made = classifier();
    await expectError(() => made.compile({ optimizer: 'adm' }), ConfigError);
    await made.fit(x, y, quiet);
  });

  test('a bad batch in the middle of training leaves a model that works', async () => {
    const made = classifier();
    await expectError(() => made.fit(normalData([6, 5]), y, quiet), ShapeError);
    await made.fit(x, y, quiet);
  });
});
