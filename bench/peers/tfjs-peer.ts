/**
 * The side of TensorFlow.js: `node tfjs-peer.js <task> <wasm | cpu>`. It is no dependency of this project: install
 * `@tensorflow/tfjs` and `@tensorflow/tfjs-backend-wasm` in some folder and name it in TFK_BENCH_TFJS.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { say, serve } from '../sides/serve.ts';
import { portion, randomSamples, type Task } from '../task.ts';

interface Tfjs {
  readonly version: { readonly tfjs: string };
  readonly layers: Readonly<
    Record<'conv2d' | 'dense' | 'dropout' | 'flatten' | 'maxPooling2d', LayerFactory>
  >;
  sequential(options: { layers: readonly unknown[] }): TfjsModel;
  setBackend(name: string): Promise<boolean>;
  tensor(data: Float32Array | Int32Array, shape: readonly number[], dtype: string): TfjsTensor;
}
type LayerFactory = (options?: object) => unknown;
interface TfjsTensor {
  slice(begin: number, size: number): TfjsTensor;
  dispose(): void;
}
interface TfjsModel {
  compile(options: object): void;
  fit(x: TfjsTensor, y: TfjsTensor, options: object): Promise<unknown>;
}

const models: Readonly<Record<string, (layers: Tfjs['layers']) => readonly unknown[]>> = {
  'tiny-mlp': ({ dense }) => [
    dense({ inputShape: [4], units: 16, activation: 'relu' }),
    dense({ units: 16, activation: 'relu' }),
    dense({ units: 3, activation: 'softmax' }),
  ],
  mlp: ({ dense }) => [
    dense({ inputShape: [784], units: 512, activation: 'relu' }),
    dense({ units: 256, activation: 'relu' }),
    dense({ units: 10, activation: 'softmax' }),
  ],
  'mnist-convnet': ({ conv2d, dense, dropout, flatten, maxPooling2d }) => [
    conv2d({ inputShape: [28, 28, 1], filters: 32, kernelSize: 3, activation: 'relu' }),
    maxPooling2d({ poolSize: 2 }),
    conv2d({ filters: 64, kernelSize: 3, activation: 'relu' }),
    maxPooling2d({ poolSize: 2 }),
    flatten(),
    dropout({ rate: 0.5 }),
    dense({ units: 10, activation: 'softmax' }),
  ],
};

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

function compiledModel(tf: Tfjs, name: string): TfjsModel {
  const layers = models[name]?.(tf.layers);
  if (layers === undefined) throw new RangeError(`tfjs-peer has no model "${name}".`);
  const model = tf.sequential({ layers });
  model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy' });
  return model;
}

async function train(tf: Tfjs, task: Task): Promise<void> {
  const { count, x, y } = randomSamples(task);
  const inputs = tf.tensor(x, [count, ...task.sampleShape], x instanceof Int32Array ? 'int32' : 'float32');
  const labels = tf.tensor(Float32Array.from(y), [count, 1], 'float32');
  let model: TfjsModel | undefined;
  await serve(`tfjs ${tf.version.tfjs}`, async (steps, mark) => {
    model ??= compiledModel(tf, task.name);
    const { batchSize } = task;
    const { samples, epochs } = portion(task, steps);
    const [xs, ys] = [inputs.slice(0, samples), labels.slice(0, samples)];
    await model.fit(xs, ys, {
      batchSize,
      epochs,
      verbose: 0,
      yieldEvery: 'never',
      callbacks: { onEpochEnd: mark },
    });
    xs.dispose();
    ys.dispose();
    return samples / batchSize;
  });
}

const [, , taskText = '', backend = 'wasm'] = process.argv;
const tf = await open(backend).catch((error: unknown) => {
  say({ missing: error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error) });
  return undefined;
});
if (tf !== undefined) await train(tf, JSON.parse(taskText) as Task);
