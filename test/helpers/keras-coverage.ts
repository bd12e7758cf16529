import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { camelCase } from '../../src/core/registry.ts';
import * as tfk from '../../src/index.ts';
import { layerRegistry } from '../../src/layers/registry.ts';
import { readGolden } from './golden.ts';

/** What there is of one name of Keras's. */
export type Coverage =
  | { readonly name: string; readonly tests: readonly string[] }
  | { readonly name: string; readonly absent: string };

interface Namespace {
  readonly ours: Readonly<Record<string, unknown>>;
  readonly registry?: { has(name: string): boolean };
}

const namespaces: Readonly<Record<string, Namespace>> = {
  layers: { ours: { ...tfk.layers, Layer: tfk.Layer }, registry: layerRegistry },
  initializers: { ours: tfk.initializers, registry: tfk.initializers.initializers },
  regularizers: { ours: tfk.regularizers, registry: tfk.regularizers.regularizers },
  constraints: { ours: tfk.constraints, registry: tfk.constraints.constraints },
  losses: { ours: tfk.losses, registry: tfk.losses.losses },
  metrics: { ours: tfk.metrics, registry: tfk.metrics.metrics },
  optimizers: { ours: tfk.optimizers, registry: tfk.optimizers.optimizers },
  'optimizers.schedules': { ours: tfk.schedules, registry: tfk.schedules.schedules },
  callbacks: { ours: tfk.callbacks, registry: tfk.callbacks.callbacks },
  activations: { ours: tfk.activations, registry: tfk.activations.activations },
};

const python = 'out of scope: runs Python code of another framework';
const notYet = 'not there yet';
/** Why names are absent; only those that are may stand here. */
const reasons: Readonly<Record<string, string>> = {
  FlaxLayer: python,
  JaxLayer: python,
  TFSMLayer: python,
  TorchModuleWrapper: python,
  MaxNumBoundingBoxes: 'out of scope: bounding boxes',
  LossScaleOptimizer: 'float32 gradients do not underflow; lossScaleFactor scales the loss by a number',
  MultiOptimizer: 'optimizer.scaleLearningRate gives weights rates of their own; Muon has its own split',
  OptimizerMap: 'belongs to MultiOptimizer',
  OrbaxCheckpoint: 'a format of JAX',
};

/** Tests of what is no matter of numbers that Keras records. */
const ownTests: Readonly<Record<string, string>> = {
  Layer: 'models/custom',
  Loss: 'models/custom',
  Metric: 'models/custom',
  Optimizer: 'models/custom',
  Callback: 'models/custom',
  Initializer: 'models/custom',
  Regularizer: 'layers/constraints',
  Constraint: 'layers/constraints',
  LearningRateSchedule: 'optimizers/schedules',
  OrthogonalRegularizer: 'layers/constraints',
  MinMaxNorm: 'layers/constraints',
  sparsemax: 'layers/activations',
  Lambda: 'layers/catalogue',
  Wrapper: 'layers/catalogue',
  InputLayer: 'models/models',
  MeanMetricWrapper: 'models/custom',
  RemoteMonitor: 'callbacks/catalogue',
  SwapEMAWeights: 'callbacks/catalogue',
  STFT: 'layers/catalogue',
  InputSpec: 'layers/input-spec',
  History: 'callbacks/history',
  CallbackList: 'callbacks/history',
  ProgbarLogger: 'callbacks/callbacks',
  MixUp: 'layers/augmentation/properties',
  CutMix: 'layers/augmentation/properties',
  AugMix: 'layers/augmentation/properties',
  RandAugment: 'layers/augmentation/properties',
  RandomElasticTransform: 'layers/augmentation/properties',
  Pipeline: 'layers/augmentation/properties',
};

/** Golden files that a name occurs in, as a class, an id or the beginning of a case's name. */
function goldenFiles(): (name: string) => string[] {
  const folder = join(process.cwd(), 'test/golden');
  const skipped = ['names.json', 'defaults.json', 'operations.json'];
  const files = readdirSync(folder).filter((file) => file.endsWith('.json') && !skipped.includes(file));
  const texts = files.map((file) => [file, readFileSync(join(folder, file), 'utf8')] as const);
  return (name) =>
    texts
      .filter(([, text]) => [`"${name}"`, `"${name} `].some((part) => text.includes(part)))
      .map(([file]) => `test/golden/${file}`);
}

/** Every name of Keras's in scope: the tests that show it right, or why it is absent. */
export function kerasCoverage(): Record<string, Coverage[]> {
  const recorded = readGolden<Record<string, string[]>>('names.json');
  const filesOf = goldenFiles();
  const isThere = (namespace: string, name: string): boolean => {
    const { ours, registry } = namespaces[namespace] as Namespace;
    return Object.hasOwn(ours, name) || registry?.has(name) === true;
  };
  const testsOf = (namespace: string, name: string): string[] => {
    const files = filesOf(name);
    if (files.length > 0) return files;
    return [`test/${ownTests[name] ?? (namespace === 'callbacks' ? 'callbacks/callbacks' : '?')}.test.ts`];
  };
  const classes = Object.keys(namespaces).map((namespace) => [
    namespace,
    (recorded[namespace] ?? []).map(
      (name): Coverage =>
        isThere(namespace, name)
          ? { name, tests: testsOf(namespace, name) }
          : { name, absent: reasons[name] ?? notYet },
    ),
  ]);
  return { ...Object.fromEntries(classes), ops: coveredOps(recorded.ops ?? []) };
}

/** Names of Keras's ops under which we have another one. */
const opNames: Readonly<Record<string, string>> = {
  amax: 'reduceMax',
  amin: 'reduceMin',
  arccos: 'acos',
  arccosh: 'acosh',
  arcsin: 'asin',
  arcsinh: 'asinh',
  arctan: 'atan',
  arctanh: 'atanh',
  argmax: 'argMax',
  argmin: 'argMin',
  concatenate: 'concat',
  cumsum: 'cumSum',
  divide: 'div',
  hard_silu: 'hardSwish',
  isnan: 'isNan',
  logsumexp: 'logSumExp',
  max: 'reduceMax',
  mean: 'reduceMean',
  min: 'reduceMin',
  multiply: 'mul',
  negative: 'neg',
  power: 'pow',
  prod: 'reduceProd',
  std: 'standardDeviation',
  subtract: 'sub',
  sum: 'reduceSum',
  take: 'gather',
  take_along_axis: 'gatherElements',
  var: 'variance',
};

/** The ops that we expose; each has generated tests against its float64 reference. */
const coveredOps = (names: readonly string[]): Coverage[] =>
  names
    .filter((name) => Object.hasOwn(tfk.ops, opNames[name] ?? camelCase(name)))
    .map((name) => ({ name, tests: ['test/ops/forward.test.ts'] }));

/** The table as text: a line for each name. */
export function coverageText(coverage: Readonly<Record<string, readonly Coverage[]>>): string {
  const blocks = Object.entries(coverage).map(
    ([namespace, list]) => `"${namespace}":[\n${list.map((entry) => JSON.stringify(entry)).join(',\n')}\n]`,
  );
  return `{\n${blocks.join(',\n')}\n}\n`;
}
