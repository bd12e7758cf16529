import { createHash } from 'node:crypto';
import { join } from 'node:path';
import {
  callbacks,
  type History,
  layers,
  type Model,
  sequential,
  setRandomSeed,
  tensor,
} from '../../src/index.ts';

/** 44 samples of three numbers, and whether their sum is positive. */
export const samples = {
  x: tensor(
    Float32Array.from({ length: 132 }, (_, i) => Math.sin(1.7 * i)),
    [44, 3],
  ),
  y: tensor(Float32Array.from({ length: 44 }, (_, i) => (Math.sin(5.1 * i) > 0 ? 1 : 0))),
};

/** A model with everything that a run must remember: dropout, running means, moments, a rate that falls. */
export function resumableModel(stepsPerExecution = 1, optimizer: object = {}): Model {
  setRandomSeed(7);
  const model = sequential([
    layers.dense({ units: 4, activation: 'tanh' }),
    layers.batchNormalization(),
    layers.dropout({ rate: 0.3 }),
    layers.dense({ units: 1, activation: 'sigmoid' }),
  ]);
  model.compile({
    optimizer: { type: 'adam', learningRate: 0.03, ...optimizer },
    loss: 'binaryCrossentropy',
    metrics: ['binaryAccuracy', 'auc'],
    stepsPerExecution,
    threads: 1,
  });
  return model;
}

/** Callbacks that remember something. */
export const rememberingCallbacks = (folder: string): callbacks.Callback[] => [
  callbacks.earlyStopping({ patience: 4, restoreBestWeights: true }),
  callbacks.reduceLROnPlateau({ patience: 1, factor: 0.7, minDelta: 0.01 }),
  callbacks.csvLogger({ path: join(folder, 'log.csv') }),
  callbacks.modelCheckpoint({
    path: join(folder, 'best.weights.h5'),
    saveBestOnly: true,
    monitor: 'val_loss',
  }),
];

/** Says whether two runs ended alike, to the last bit. */
export function fingerprint(model: Model, history: History): string {
  const hash = createHash('sha256');
  for (const { data } of model.getWeights())
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  for (const { read } of model.compiled?.store?.state.variables ?? [])
    hash.update(JSON.stringify(read().array()));
  return hash.update(JSON.stringify(history)).digest('hex');
}
