import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Mode, type Task, taskJson } from './task.ts';
import { threads } from './workloads/workload.ts';

/** A process to start. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** A framework that can be measured. */
export interface Contender {
  readonly name: string;
  /** Ways to run it; the fastest one counts. */
  variants(task: Task): readonly string[];
  command(task: Task, variant: string): Command;
}

/** The way of those who have but one. */
const plain = ({ mode }: Task): readonly string[] => [mode === 'train' ? 'fit' : 'predict'];

/** Where a compiled script of this folder is. */
export const compiledPath = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
/** A script of this folder, run by Node. */
export const node = (script: string, ...args: readonly string[]): Command =>
  pinned(process.execPath, [script, ...args]);
/** A script of `peers`, run by Python. */
export const python = (script: string, args: readonly string[], env: Command['env'] = {}): Command =>
  pinned(
    process.env.TFK_BENCH_PYTHON ?? 'python3',
    [join(packageRoot(), 'bench', 'peers', script), ...args],
    env,
  );
const keras = (backend: string): Contender => ({
  name: `keras-${backend}`,
  variants: ({ mode }) => (mode === 'train' ? ['fit'] : ['predict_on_batch', 'compiled']),
  command: (task, variant) => python('keras_peer.py', [taskJson(task), variant], { KERAS_BACKEND: backend }),
});
const tfjs = (backend: string): Contender => ({
  name: `tfjs-${backend}`,
  variants: plain,
  command: (task) => node(compiledPath('./peers/tfjs-peer.js'), taskJson(task), backend),
});

/**
 * The form of the optimizer, or the model compiled (`frozen`: with its weights); `passive`: threads sleep, not spin,
 * between pieces of work, which is better on a busy machine; `channels-last`: the layout of images.
 */
const torchForms = {
  train: ['plain', 'foreach', 'fused', 'compiled', 'fused passive', 'compiled passive'],
  predict: ['eager', 'compiled', 'frozen', 'eager passive'],
};
const torchImageForms = {
  train: ['fused channels-last', 'fused passive channels-last'],
  predict: ['eager channels-last', 'compiled channels-last'],
};
const torchEnvironment: Readonly<Record<string, Command['env']>> = {
  passive: { OMP_WAIT_POLICY: 'passive' },
  frozen: { TORCHINDUCTOR_FREEZING: '1' },
};
const torch: Contender = {
  name: 'torch',
  variants: ({ mode, sampleShape }) => [
    ...torchForms[mode],
    ...(sampleShape.length === 3 ? torchImageForms[mode] : []),
  ],
  command(task, variant) {
    const words = variant.split(' ');
    const env = Object.assign({}, ...words.map((word) => torchEnvironment[word]));
    return python('torch_peer.py', [taskJson(task), ...words], env);
  },
};

const tfk: Contender = {
  name: 'tfk',
  variants: plain,
  command: (task) => node(compiledPath('./sides/tfk.js'), taskJson(task)),
};
/** The exported network; it can't train. */
const ortNode: Contender = {
  name: 'onnxruntime-node',
  variants: plain,
  command: (task) => node(compiledPath('./sides/ort-node.js'), taskJson(task)),
};

/** Who takes part; tfk first: the others are compared with it. */
export const contenders: Readonly<Record<Mode, readonly [Contender, ...Contender[]]>> = {
  train: [tfk, torch, keras('jax'), keras('tensorflow'), tfjs('wasm'), tfjs('cpu')],
  predict: [tfk, ortNode, torch, keras('jax'), keras('tensorflow'), tfjs('wasm'), tfjs('cpu')],
};

/** tfk and the peers of these names, or all. @throws RangeError naming the known peers */
export function chosenContenders(mode: Mode, names?: readonly string[]): readonly Contender[] {
  const [own, ...peers] = contenders[mode];
  const chosen = names?.map((name) => {
    const found = peers.find((c) => c.name === name);
    if (found) return found;
    throw new RangeError(`No peer "${name}". There are: ${peers.map((c) => c.name).join(', ')}.`);
  });
  return [own, ...(chosen ?? peers)];
}

/** How many threads, for those who ask the environment; the others are held to as many processors by `taskset`. */
const threadLimits = Object.fromEntries(
  [
    'OMP_NUM_THREADS',
    'MKL_NUM_THREADS',
    'OPENBLAS_NUM_THREADS',
    'TF_NUM_INTRAOP_THREADS',
    'TF_NUM_INTEROP_THREADS',
  ].map((name) => [name, String(threads)]),
);
const quiet = { TF_CPP_MIN_LOG_LEVEL: '3', PYTHONDONTWRITEBYTECODE: '1' };

/** Whether sides can be, and need to be, held to some of the processors. */
export const pins =
  availableParallelism() > threads && spawnSync('taskset', ['-c', '0', 'true']).status === 0;

function pinned(file: string, args: readonly string[], env: Command['env'] = {}): Command {
  const environment = { ...threadLimits, ...quiet, ...env };
  if (!pins) return { file, args, env: environment };
  return { file: 'taskset', args: ['-c', `0-${threads - 1}`, file, ...args], env: environment };
}

/** The project's folder: scripts that are not compiled are run from there. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}
