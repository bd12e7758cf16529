import * as z from 'zod';
import { type DType, isDtype } from '../core/dtype.ts';
import type { Value } from '../ir/graph.ts';
import type { OnnxNode } from '../ir/onnx-node.ts';
import { Zeros } from '../layers/initializers.ts';
import { type CallOptions, Layer, layerOptions, type Values } from '../layers/layer.ts';
import { registerLayer } from '../layers/registry.ts';
import type { Weight } from '../layers/weight.ts';
import { decodeModel, type ModelProto } from '../onnx/proto.ts';
import { type OnnxReader, type OnnxReaders, readDecoded } from '../onnx/read.ts';
import { reshape } from '../ops/index.ts';
import { readBatchNormalization } from '../ops/onnx-normalization.ts';
import { onnxReaders } from '../ops/onnx-readers.ts';

const weightSchema = z.strictObject({
  name: z.string(),
  shape: z.array(z.int().min(0)),
  dtype: z.custom<DType>(isDtype, 'expected an element type').default('float32'),
  /** Whether training may ever change it; the statistics of batch normalization are moved by the layer itself. */
  learnable: z.boolean().default(true),
  /** Whether training starts with it held fixed. */
  frozen: z.boolean().default(false),
});
const schema = layerOptions.extend({
  /** An ONNX file in base64, without its weights. */
  graph: z.string(),
  /** The tensors that the file lacks, by the names under which its nodes read them. */
  weights: z.array(weightSchema).readonly(),
  /** `live`: the statistics of the batch while training, as in Keras; `fixed`: those of the file. */
  batchNormalization: z.enum(['live', 'fixed']).default('live'),
  /** The batch size for which the file was written, where reshapes in it say so; they follow the batch at hand. */
  writtenFor: z.int().min(1).nullable().default(null),
});
export type OnnxGraphOptions = z.input<typeof schema>;

/** Node type with statistics of its own. */
const normalization = 'BatchNormalization';

/**
 * An ONNX graph whose weights can be trained.
 *
 * Inputs and outputs are those of the file, in its order and layout. It is read anew for each shape of the inputs, so that
 * shapes which the file computes are known. Weights have the names they have in the file.
 */
export class OnnxGraph extends Layer<typeof schema> {
  static override readonly className = 'OnnxGraph';
  static override readonly schema = schema;
  readonly #model: ModelProto;
  readonly #byName = new Map<string, Weight>();

  constructor(options: OnnxGraphOptions) {
    super(options);
    this.#model = decodeModel(Buffer.from(this.options.graph, 'base64'));
  }

  /** The file's structure, without its weights. */
  get proto(): ModelProto {
    return this.#model;
  }

  override build(): void {
    for (const { name, shape, dtype, learnable, frozen } of this.options.weights) {
      const weight = this.addWeight(name, shape, { initializer: new Zeros({}), dtype, trainable: learnable });
      if (frozen) weight.trainable = false;
      this.#byName.set(name, weight);
    }
  }

  protected override get arity(): { readonly min: number; readonly max: number } {
    const { length } = this.#model.graph.inputs;
    return { min: length, max: length };
  }

  protected override get castsInputs(): boolean {
    return false;
  }

  call(inputs: Values, { training }: CallOptions): readonly Value[] {
    const values = new Map<string, Value>(inputs.map((x, i) => [this.#model.graph.inputs[i]?.name ?? '', x]));
    const weights = new Map<Value, Weight>();
    for (const [name, weight] of this.#byName) {
      values.set(name, weight.value);
      weights.set(weight.value, weight);
    }
    const { batchNormalization, writtenFor } = this.options;
    const live = training && this.trainable && batchNormalization === 'live';
    const readers = withReaders({
      ...(live && { [normalization]: (node: OnnxNode) => liveNormalization(node, weights) }),
      ...(writtenFor && { Reshape: openReshape(writtenFor, inputs[0].shape[0] ?? writtenFor) }),
    });
    return readDecoded(this.#model, readers, { values }).graph.outputs.map(({ value }) => value);
  }
}
registerLayer(OnnxGraph);

/** All readers, some of them replaced. */
export const withReaders = (replaced: Readonly<Record<string, OnnxReader>>): OnnxReaders =>
  new Map([...onnxReaders(), ...Object.entries(replaced)]);

/** Reads a reshape that names the batch size of the file, for the batch at hand. */
export function openReshape(written: number, batch: number): OnnxReader {
  const asWritten = onnxReaders().get('Reshape') as OnnxReader;
  return (node) => {
    const x = node.input(0);
    const shape = node.constantInts(1) ?? [];
    if (written === batch || shape[0] !== written || x.shape[0] !== batch) return asWritten(node);
    return reshape(x, [batch, ...shape.slice(1).map((n, i) => (n === 0 ? (x.shape[i + 1] as number) : n))]);
  };
}

/** Normalizes by the batch and moves the statistics, unless the scale is frozen. */
function liveNormalization(node: OnnxNode, weights: ReadonlyMap<Value, Weight>): readonly Value[] {
  const [scale, mean, variance] = [1, 3, 4].map((i) => weights.get(node.input(i)));
  if (mean === undefined || variance === undefined || scale?.trainable === false)
    return readBatchNormalization(node);
  const [y, newMean, newVariance] = readBatchNormalization(node, true) as [Value, Value, Value];
  mean.assign(newMean);
  variance.assign(newVariance);
  return [y];
}
