import { jest } from '@jest/globals';
import { sizeOf } from '../../src/core/shape.ts';
import { Tensor } from '../../src/core/tensor.ts';
import { type History, input, type Layer, layers, model, type SymbolicTensor } from '../../src/index.ts';
import { constant } from '../../src/ir/graph.ts';
import { layerRegistry } from '../../src/layers/registry.ts';
import { type RandomRequest, Trace } from '../../src/layers/trace.ts';
import {
  type Case,
  caseOf,
  expectHistory,
  expectWeights,
  fill,
  fiveSteps,
  type LayerSteps,
  numbers,
} from './five-steps.ts';
import { type GoldenTensor, goldenTensor, readGolden } from './golden.ts';
import { ownSpelling } from './layer-cases.ts';
import { quiet } from './small-models.ts';

/** A case of any file of layers; what a file does not have is left out. */
interface LayerCase extends Case {
  readonly inputs?: readonly GoldenTensor[];
  readonly input?: GoldenTensor;
  readonly weights: readonly GoldenTensor[];
  readonly directions: readonly GoldenTensor[];
  /** Which inputs come through a Masking layer. */
  readonly masked?: readonly boolean[];
  readonly flags?: Readonly<Record<string, boolean>>;
  readonly mask?: GoldenTensor;
  readonly initialState?: readonly GoldenTensor[];
  /** Random numbers of the images. */
  readonly draws?: readonly number[];
}
type Cases = readonly LayerCase[];

const sources: Readonly<Record<LayerSteps['source'], Cases>> = {
  layers: readGolden<Cases>('layers.json'),
  'layers-more': readGolden<{ layers: Cases }>('layers-more.json').layers,
  recurrent: readGolden<{ layers: Cases }>('recurrent.json').layers,
  attention: readGolden<{ calls: Cases }>('attention.json').calls,
  augmentation: readGolden<{ layers: Cases }>('augmentation.json').layers,
  extra: fiveSteps.extra as unknown as Cases,
};

const layerCase = (steps: LayerSteps): LayerCase => caseOf(sources[steps.source], steps);

/** Keras's class names of the layers that a case trains: the cells and wrapped layers, too. */
export const layerClassOf = (steps: LayerSteps): string => layerCase(steps).className;

/** Trains the layer of a record as Keras did, and compares. */
export async function expectLayerSteps(steps: LayerSteps): Promise<void> {
  const record = layerCase(steps);
  try {
    replaceRandom(record.draws);
    await (steps.source === 'augmentation' ? behind : through)(record, steps);
  } finally {
    jest.restoreAllMocks();
  }
}

/** A layer whose float inputs pass through Dense layers that start as the identity. */
async function through(record: LayerCase, steps: LayerSteps): Promise<void> {
  const layer = layerOf(record, steps);
  const data = record.inputs ?? [record.input as GoldenTensor];
  const given = data.map(symbolOf);
  const fronts: Layer[] = [];
  const seen = given.map((symbol, i) => {
    const x = record.masked?.[i] ? layers.masking().apply(symbol) : symbol;
    if (x.dtype !== 'float32') return x;
    const front = layers.dense({ units: x.shape.at(-1) as number, kernelInitializer: 'identity' });
    fronts.push(front);
    return front.apply(x);
  });
  const mask = record.mask && symbolOf(record.mask);
  const initialState = record.initialState?.map(symbolOf) ?? [];
  const outputs = layer.applyMulti(seen, {
    ...record.flags,
    ...(mask && { mask }),
    ...(initialState.length > 0 && { initialState }),
  });
  layer.setWeights(record.weights.map(goldenTensor));
  const history = await train({
    inputs: [...given, ...(mask ? [mask] : []), ...initialState],
    // masks stop here: Keras on JAX has none in its losses
    outputs: outputs.map((y) => (y.shape.length > 2 ? layers.flatten().apply(y) : y)),
    x: [...data, ...(record.mask ? [record.mask] : []), ...(record.initialState ?? [])].map(goldenTensor),
    y: record.directions.map((d) => goldenTensor(flatRows(d))),
  });
  expectHistory(history, steps, ['loss']);
  expectWeights(
    [...fronts, layer].flatMap((l) => l.getWeights()),
    steps,
  );
}

/** A Dense layer behind a layer that changes data, whose results are scaled to length 1. */
async function behind(record: LayerCase, steps: LayerSteps): Promise<void> {
  const data = record.input as GoldenTensor;
  const given = symbolOf(data);
  const dense = layers.dense({ units: 2 });
  const changed = layers.flatten().apply(layerOf(record, steps).apply(given));
  const output = dense.apply(layers.unitNormalization().apply(changed));
  dense.setWeights(dense.getWeights().map((w, salt) => numbers(w.shape, salt)));
  const y = numbers([data.shape[0] as number, 2], 2);
  const history = await train({ inputs: [given], outputs: [output], x: [goldenTensor(data)], y: [y] });
  expectHistory(history, steps, ['loss']);
  expectWeights(dense.getWeights(), steps);
}

/** Five steps on one batch. */
async function train({ inputs, outputs, x, y }: Run): Promise<History> {
  const made = model({ inputs, outputs });
  const optimizer = { type: 'sgd', learningRate: 0.1, momentum: 0.9 };
  made.compile({ optimizer, loss: outputs.map(() => 'mse'), metrics: [], threads: 1 });
  try {
    return await made.fit(x, y, { ...quiet, batchSize: y[0]?.shape[0] ?? 1, epochs: 5 });
  } finally {
    made.dispose();
  }
}

/** Ends of a functional model, and data for them. */
interface Run {
  readonly inputs: readonly SymbolicTensor[];
  readonly outputs: readonly SymbolicTensor[];
  readonly x: readonly Tensor[];
  readonly y: readonly Tensor[];
}

const layerOf = ({ className, options }: LayerCase, { source }: LayerSteps): Layer =>
  layerRegistry.make({
    className,
    // recurrent layers are written in our spelling
    config: (source === 'recurrent' ? options : ownSpelling(options)) as Record<string, unknown>,
  });

const symbolOf = ({ shape, dtype = 'float32' }: GoldenTensor): SymbolicTensor =>
  input({ shape: shape.slice(1), dtype });

/** A tensor with all axes but the first in one. */
function flatRows(record: GoldenTensor): GoldenTensor {
  const [rows = 0, ...rest] = record.shape;
  return rest.length > 1 ? { ...record, shape: [rows, sizeOf(rest)] } : record;
}

/** Replaces the random numbers of layers by those that Keras had instead of its own. */
function replaceRandom(draws: readonly number[] = []): void {
  jest.spyOn(Trace.prototype, 'random').mockImplementation((request: RandomRequest) => {
    const { data, shape } = chance(request.shape, draws);
    if (request.kind === 'uniform') return constant(new Tensor('float32', shape, data));
    const { keep, scale } = request;
    return constant(fill(shape, (i) => ((data[i] as number) >= 1 - keep ? scale : 0)));
  });
}

/** Uniform numbers; with `draws`, `draws[n]` for all of image `n`, or the first where no axis is of images. */
function chance(shape: readonly number[], draws: readonly number[]): Tensor {
  if (draws.length === 0) return fill(shape, (i) => ((i * 7919) % 2001) / 2001);
  const inner = shape[0] === draws.length ? sizeOf(shape.slice(1)) : sizeOf(shape);
  return fill(shape, (i) => draws[Math.floor(i / inner)] as number);
}
