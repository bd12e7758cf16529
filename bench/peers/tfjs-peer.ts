/**
 * The side of TensorFlow.js: `node tfjs-peer.js <task> <wasm | cpu>`. It is no dependency of this project: install
 * `@tensorflow/tfjs` and `@tensorflow/tfjs-backend-wasm` in some folder and name it in TFK_BENCH_TFJS.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { calls, type Run, say, serve } from '../sides/serve.ts';
import { portion, randomSamples, type Task } from '../task.ts';
import { findWorkload } from '../workloads/index.ts';
import type { Kit } from '../workloads/workload.ts';

/** What is used of TensorFlow.js; networks are built from the same source as tfk's. */
interface Tfjs {
  readonly version: { readonly tfjs: string };
  readonly train: { momentum(learningRate: number, momentum: number): unknown };
  setBackend(name: string): Promise<boolean>;
  tensor(data: Float32Array | Int32Array, shape: readonly number[], dtype: string): TfjsTensor;
}
interface TfjsTensor {
  slice(begin: number, size: number): TfjsTensor;
  data(): Promise<unknown>;
  dispose(): void;
}
interface TfjsModel {
  compile(options: object): void;
  fit(x: TfjsTensor, y: TfjsTensor, options: object): Promise<unknown>;
  predict(x: TfjsTensor): TfjsTensor;
}

/** Imports a package from the folder named in TFK_BENCH_TFJS, else from where this project finds it. */
async function load<T>(name: string): Promise<T> {
  const folder = process.env.TFK_BENCH_TFJS;
  const { resolve } = createRequire(folder ? join(folder, 'package.json') : import.meta.url);
  const module = (await import(pathToFileURL(resolve(name)).href)) as { default?: T };
  return module.default ?? (module as T);
}

async function open(backend: string): Promise<Tfjs> {
  const tf = await load<Tfjs>('@tensorflow/tfjs');
  if (backend === 'wasm') await load('@tensorflow/tfjs-backend-wasm');
  await tf.setBackend(backend);
  return tf;
}

function compiledModel(tf: Tfjs, { name, optimizer }: Task): TfjsModel {
  const model = findWorkload(name).build(tf as unknown as Kit) as unknown as TfjsModel;
  model.compile({
    optimizer: optimizer === 'adam' ? 'adam' : tf.train.momentum(0.01, 0.9),
    loss: 'sparseCategoricalCrossentropy',
  });
  return model;
}

function inputTensor(
  tf: Tfjs,
  { sampleShape, vocabulary }: Task,
  count: number,
  x: Float32Array | Int32Array,
) {
  return tf.tensor(x, [count, ...sampleShape], vocabulary === undefined ? 'float32' : 'int32');
}

function training(tf: Tfjs, task: Task): Run {
  const { count, x, y } = randomSamples(task);
  const { batchSize, labelShape = [] } = task;
  const inputs = inputTensor(tf, task, count, x);
  const labels = tf.tensor(Float32Array.from(y), [count, ...labelShape, 1], 'float32');
  let model: TfjsModel | undefined;
  return async (steps, mark) => {
    model ??= compiledModel(tf, task);
    const { samples, epochs } = portion(task, steps);
    const [xs, ys] = [inputs.slice(0, samples), labels.slice(0, samples)];
    const callbacks = { onEpochEnd: mark };
    await model.fit(xs, ys, { batchSize, epochs, verbose: 0, yieldEvery: 'never', callbacks });
    xs.dispose();
    ys.dispose();
    return samples / batchSize;
  };
}

function prediction(tf: Tfjs, task: Task): Run {
  const { batchSize, batches } = task;
  const { count, x } = randomSamples(task);
  const all = inputTensor(tf, task, count, x);
  const inputs = Array.from({ length: batches }, (_, i) => all.slice(i * batchSize, batchSize));
  let model: TfjsModel | undefined;
  return calls(inputs, async (input) => {
    model ??= compiledModel(tf, task);
    const output = model.predict(input);
    await output.data();
    output.dispose();
  });
}

const [, , taskText = '', backend = 'wasm'] = process.argv;
const tf = await open(backend).catch((error: unknown) => {
  say({ missing: error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error) });
  return undefined;
});
if (tf !== undefined) {
  const task = JSON.parse(taskText) as Task;
  await serve(`tfjs ${tf.version.tfjs}`, (task.mode === 'train' ? training : prediction)(tf, task));
}
