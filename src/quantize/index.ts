import { z } from 'zod';
import { parseOptions } from '../core/configured.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import { ConfigError } from '../errors.ts';
import { writeFileAtomic } from '../formats/atomic.ts';
import { toFloat16 } from '../formats/half.ts';
import { onnxOf } from '../formats/onnx-export.ts';
import type { Model } from '../models/model.ts';
import { foldNormalization } from '../onnx/fold-normalization.ts';
import { encodeModel, type ModelProto } from '../onnx/proto.ts';
import { protoFromTensor } from '../onnx/tensors.ts';
import { calibrate } from './calibrate.ts';
import { fourBits } from './four-bits.ts';
import type { ActivationScale } from './quantized-tensors.ts';
import { dynamicInt8, halfWeights, productsOf, staticInt8 } from './rewrite.ts';
import { onlyInput, runFile, shapeFor } from './run-file.ts';

const optionsSchema = z.strictObject({
  mode: z.enum(['dynamic-int8', 'static-int8', 'float16', 'int4']),
  /** How ranges of activations are chosen, for `static-int8`. */
  calibration: z.enum(['minmax', 'percentile', 'entropy']).default('minmax'),
  /** Loss of accuracy (without class numbers: relative error) up to which the file is written. */
  maxLoss: z.number().nonnegative().default(0.01),
});

/** Options of {@link quantize}. */
export type QuantizeOptions = z.input<typeof optionsSchema> & {
  /** Inputs that ranges are measured on, for `static-int8`: a hundred or two of the training data. */
  readonly calibrationData?: Tensor;
  /** What the models are compared on; `y` holds class numbers where the model classifies. */
  readonly testData: { readonly x: Tensor; readonly y?: Tensor };
};

/** What a model file is like. */
export interface FileFigures {
  readonly bytes: number;
  /** Median time of one sample on one thread. */
  readonly milliseconds: number;
  /** Share of samples that are classified rightly, where there are class numbers. */
  readonly accuracy?: number;
}

/** What {@link quantize} found. */
export interface QuantizeReport {
  readonly before: FileFigures;
  readonly after: FileFigures;
  /** Accuracy before less accuracy after; without class numbers `|after - before| / |before|` of all outputs. */
  readonly loss: number;
}

/**
 * Writes a model as an ONNX file of smaller weights, which ONNX Runtime runs: `static-int8` for convolutions and matrix
 * products in whole numbers at ranges measured before, `dynamic-int8` for ranges measured at run time, `float16` for half
 * the size alone, `int4` for an eighth. Batch normalization after a product becomes part of its weights before.
 * @throws {@link ConfigError} when the loss is above `maxLoss`; nothing is written then
 */
export async function quantize(
  model: Model,
  path: string,
  options: QuantizeOptions,
): Promise<QuantizeReport> {
  const { calibrationData, testData, ...given } = options;
  const { mode, calibration, maxLoss } = parseOptions(optionsSchema, given, 'quantize');
  const whole = onnxOf(model, { batchSize: null, metadata: {} });
  onlyInput(whole);
  const small = await shrink();
  const [before, after] = [await measure(whole, testData), await measure(small, testData)];
  const loss =
    before.figures.accuracy === undefined
      ? relativeError(after.outputs, before.outputs)
      : (before.right - after.right) / (testData.x.shape[0] as number);
  if (loss > maxLoss) {
    throw new ConfigError(
      `quantize: ${mode} loses ${loss.toFixed(4)}, more than maxLoss, ${maxLoss}. ` +
        'Try another calibration, more calibration data or another mode, or allow it with maxLoss.',
      { op: 'quantize', argument: 'maxLoss', expected: `at most ${maxLoss}`, received: loss.toFixed(4) },
    );
  }
  await writeFileAtomic(path, encodeModel(small));
  return { before: before.figures, after: after.figures, loss };

  async function shrink(): Promise<ModelProto> {
    const folded = { ...whole, graph: foldNormalization(whole.graph) };
    if (mode === 'float16') return halfWeights(folded, toHalf);
    if (mode === 'int4') return fourBits(folded);
    if (mode === 'dynamic-int8') return dynamicInt8(folded);
    if (calibrationData !== undefined)
      return staticInt8(folded, await measureRanges(folded, calibrationData, calibration));
    throw new ConfigError('quantize: static-int8 needs calibrationData, samples of the training data.', {
      op: 'quantize',
      argument: 'calibrationData',
    });
  }
}

const toHalf = (values: Float32Array): Uint8Array =>
  new Uint8Array(Uint16Array.from(values, toFloat16).buffer);

/** Most values of one activation that a range is chosen from. */
const mostValues = 2 ** 20;

/** Scales of what products read, and of what convolutions give. */
async function measureRanges(
  model: ModelProto,
  data: Tensor,
  method: z.output<typeof optionsSchema>['calibration'],
): Promise<Map<string, ActivationScale>> {
  const products = productsOf(model.graph);
  const names = new Set(
    products.flatMap(({ node, result }) => [
      node.inputs[0] as string,
      ...(node.opType === 'Conv' ? [result] : []),
    ]),
  );
  const scales = new Map<string, ActivationScale>();
  for (const name of names) scales.set(name, calibrate(await valuesOf(model, name, data), method));
  return scales;
}

const resultName = 'quantize:result';
const sizeSpec = { name: resultName, dtype: 'int64', shape: [] } as const;
const flatShape = protoFromTensor('quantize:flat', tensor(BigInt64Array.of(-1n)));
const [floatCode, int64Code] = [1, 7];

/** A model that ends at one more node. */
const withResult = (
  model: ModelProto,
  opType: string,
  inputs: readonly string[],
  elementType: number,
): ModelProto => ({
  ...model,
  graph: {
    ...model.graph,
    nodes: [
      ...model.graph.nodes,
      { name: resultName, domain: '', opType, inputs, outputs: [resultName], attributes: [] },
    ],
    initializers: [...model.graph.initializers, flatShape],
    outputs: [{ name: resultName, type: { kind: 'tensor', elementType } }],
  },
});

/** A value inside a model, for some data; evenly thinned where there is much. */
async function valuesOf(model: ModelProto, name: string, data: Tensor): Promise<Float32Array> {
  const [input] = model.graph.inputs;
  if (name === input?.name) return data.data as Float32Array;
  const first = data.rows(0, 1);
  const counter = await runFile(withResult(model, 'Size', [name], int64Code), first, [sizeSpec]);
  const size = Number((await counter.run(first))[0]?.data[0]);
  counter.dispose();
  const flat = withResult(model, 'Reshape', [name, flatShape.name], floatCode);
  const file = await runFile(flat, first, [{ name: resultName, dtype: 'float32', shape: [size] }]);
  try {
    const parts: Float32Array[] = [];
    for (let i = 0; i < (data.shape[0] ?? 0); i++) {
      const [value] = await file.run(data.rows(i, i + 1));
      parts.push(value?.data as Float32Array);
    }
    const each = Math.max(1, Math.ceil((parts.length * (parts[0]?.length ?? 0)) / mostValues));
    return Float32Array.from(parts.flatMap((part) => Array.from(part.filter((_, i) => i % each === 0))));
  } finally {
    file.dispose();
  }
}

interface Measured {
  readonly figures: FileFigures;
  readonly outputs: Float32Array;
  /** Samples that are classified rightly. */
  readonly right: number;
}

/** Size, time and accuracy of a model file, sample by sample. */
async function measure(model: ModelProto, { x, y }: QuantizeOptions['testData']): Promise<Measured> {
  const count = x.shape[0] ?? 0;
  const [info] = model.graph.outputs;
  const shape = shapeFor(info, 1);
  const file = await runFile(model, x.rows(0, 1), [{ name: info?.name ?? '', dtype: 'float32', shape }]);
  const width = shape.reduce((a, b) => a * b, 1);
  const outputs = new Float32Array(count * width);
  const times: number[] = [];
  let right = 0;
  try {
    for (let i = 0; i < count; i++) {
      const row = x.rows(i, i + 1);
      const begun = performance.now();
      const [result] = await file.run(row);
      times.push(performance.now() - begun);
      const scores = result?.data as Float32Array;
      outputs.set(scores, i * width);
      if (scores.indexOf(scores.reduce((a, b) => Math.max(a, b))) === Number(y?.data[i])) right++;
    }
  } finally {
    file.dispose();
  }
  const milliseconds = times.sort((a, b) => a - b)[Math.floor(count / 2)] ?? 0;
  const figures = { bytes: encodeModel(model).length, milliseconds };
  return { figures: y ? { ...figures, accuracy: right / count } : figures, outputs, right };
}

/** `|a - b| / |b|` */
function relativeError(a: Float32Array, b: Float32Array): number {
  const norm = (values: Float32Array): number => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));
  return norm(a.map((v, i) => v - (b[i] as number))) / (norm(b) || 1);
}
