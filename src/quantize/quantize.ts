import * as z from 'zod';
import { parseOptions } from '../core/configured.ts';
import type { Tensor } from '../core/tensor.ts';
import { ConfigError } from '../errors.ts';
import { writeFileAtomic } from '../formats/atomic.ts';
import { toFloat16 } from '../formats/half.ts';
import { onnxOf } from '../formats/onnx-export.ts';
import type { Model } from '../models/model.ts';
import { foldNormalization } from '../onnx/fold-normalization.ts';
import { encodeModel, type ModelProto } from '../onnx/proto.ts';
import type { CalibrationMethod } from './calibrate.ts';
import { fourBits } from './four-bits.ts';
import { measureRanges } from './ranges.ts';
import { dynamicInt8, halfWeights } from './rewrite.ts';
import { type FileRunner, onlyInput, runFile, shapeFor } from './run-file.ts';
import { measureShifts } from './shifts.ts';
import { staticInt8 } from './static-int8.ts';

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

/** See `quantize` of the library. */
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
  const [before, after] = await compare(whole, small, testData);
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
    if (calibrationData !== undefined) return calibrated(folded, calibrationData, calibration);
    throw new ConfigError('quantize: static-int8 needs calibrationData, samples of the training data.', {
      op: 'quantize',
      argument: 'calibrationData',
    });
  }
}

const toHalf = (values: Float32Array): Uint8Array =>
  new Uint8Array(Uint16Array.from(values, toFloat16).buffer);

/** Whole numbers at ranges that calibration data has, with what they shift in the mean taken off. */
async function calibrated(model: ModelProto, data: Tensor, method: CalibrationMethod): Promise<ModelProto> {
  const scales = await measureRanges(model, data, method);
  const shifts = await measureShifts(model, scales, data);
  return staticInt8(model, { scales, shifts });
}

interface Measured {
  readonly figures: FileFigures;
  readonly outputs: Float32Array;
  /** Samples that are classified rightly. */
  readonly right: number;
}

/** Size, time and accuracy of two models, which take turns with each sample: what else the machine does is the same. */
async function compare(
  whole: ModelProto,
  small: ModelProto,
  { x, y }: QuantizeOptions['testData'],
): Promise<readonly [Measured, Measured]> {
  const contenders = [await Contender.open(whole, x), await Contender.open(small, x)] as const;
  try {
    for (let i = 0; i < (x.shape[0] ?? 0); i++)
      for (const contender of contenders) await contender.run(x.rows(i, i + 1), Number(y?.data[i]));
  } finally {
    for (const { file } of contenders) file.dispose();
  }
  const [before, after] = contenders.map((contender) => contender.measured(y !== undefined));
  return [before as Measured, after as Measured];
}

/** A model that is being measured. */
class Contender {
  readonly file: FileRunner;
  readonly #bytes: number;
  readonly #outputs: Float32Array[] = [];
  readonly #times: number[] = [];
  #right = 0;

  private constructor(file: FileRunner, bytes: number) {
    this.file = file;
    this.#bytes = bytes;
  }

  static async open(model: ModelProto, x: Tensor): Promise<Contender> {
    const [info] = model.graph.outputs;
    const spec = { name: info?.name ?? '', dtype: 'float32', shape: shapeFor(info, 1) } as const;
    return new Contender(await runFile(model, x.rows(0, 1), [spec]), encodeModel(model).length);
  }

  async run(row: Tensor, label: number): Promise<void> {
    const begun = performance.now();
    const [result] = await this.file.run(row);
    this.#times.push(performance.now() - begun);
    const scores = result?.data as Float32Array;
    this.#outputs.push(scores);
    if (classOf(scores) === label) this.#right++;
  }

  measured(hasLabels: boolean): Measured {
    const count = this.#times.length;
    const milliseconds = this.#times.toSorted((a, b) => a - b)[Math.floor(count / 2)] ?? 0;
    const figures = { bytes: this.#bytes, milliseconds };
    return {
      figures: hasLabels ? { ...figures, accuracy: this.#right / count } : figures,
      outputs: Float32Array.from(this.#outputs.flatMap((scores) => [...scores])),
      right: this.#right,
    };
  }
}

/** The class with the highest score; of one score, whether it is above a half. */
function classOf(scores: Float32Array): number {
  if (scores.length === 1) return Number((scores[0] as number) > 0.5);
  return scores.indexOf(scores.reduce((a, b) => Math.max(a, b)));
}

/** `|a - b| / |b|` */
function relativeError(a: Float32Array, b: Float32Array): number {
  const norm = (values: Float32Array): number => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));
  return norm(a.map((v, i) => v - (b[i] as number))) / (norm(b) || 1);
}
