import { basename } from 'node:path';
import * as z from 'zod';
import { parseOptions } from '../core/configured.ts';
import type { Shape } from '../core/shape.ts';
import { ConfigError } from '../errors.ts';
import { type Graph, input, type Value } from '../ir/graph.ts';
import { optimize } from '../ir/passes.ts';
import { Trace, withTrace } from '../layers/trace.ts';
import type { Weight } from '../layers/weight.ts';
import type { Model } from '../models/model.ts';
import { emitGraph, modelOf } from '../onnx/emit.ts';
import { plainNormalizations } from '../onnx/plain-normalization.ts';
import { encodeModel, type GraphProto, type ModelProto } from '../onnx/proto.ts';
import { storeWeights } from '../onnx/store-weights.ts';
import { type SizeSymbol, standInSizes, withSymbols } from '../onnx/symbolic-sizes.ts';
import { version } from '../version.ts';
import { writeFileAtomic } from './atomic.ts';
import { withExternalData } from './onnx-external.ts';

const optionsSchema = z.strictObject({
  /** Fixes the size of a batch; `null` leaves it open. */
  batchSize: z.int().min(1).nullable().default(null),
  /** Texts that the file carries along, by key. */
  metadata: z.record(z.string(), z.string()).default({}),
  /** Whether large weights go to a second file, `<path>.data`; `auto`: above 2 GB, which one file cannot hold. */
  externalData: z.union([z.boolean(), z.literal('auto')]).default('auto'),
});
export type ExportOptions = z.input<typeof optionsSchema>;

/** The largest ONNX file, with room for everything but the weights. */
const largestFile = 2 ** 31 - 2 ** 24;

/**
 * Writes a model as ONNX, in ops of the standard alone: inference, its inputs and outputs named as the layers they
 * belong to, weights as initializers under their paths.
 * @param path - ends in `.onnx`
 * @throws {@link ConfigError} when the model has no weights yet, draws random numbers, or depends on the batch size
 */
export async function exportOnnx(model: Model, path: string, options: ExportOptions = {}): Promise<void> {
  const { externalData, ...settings } = parseOptions(optionsSchema, options, 'export');
  const proto = onnxOf(model, settings);
  const bytes = proto.graph.initializers.reduce((sum, { data }) => sum + data.length, 0);
  if (externalData === false || (externalData === 'auto' && bytes <= largestFile)) {
    await writeFileAtomic(path, encodeModel(proto));
    return;
  }
  const { model: small, chunks } = withExternalData(proto, `${basename(path)}.data`);
  await writeFileAtomic(`${path}.data`, chunks);
  await writeFileAtomic(path, encodeModel(small));
}

/** The ONNX model of a model's inference. */
export function onnxOf(
  model: Model,
  { batchSize, metadata }: Pick<z.output<typeof optionsSchema>, 'batchSize' | 'metadata'>,
): ModelProto {
  if (model.inputs.length === 0 || !model.built) {
    throw new ConfigError(
      `export: model "${model.name}" has no weights yet. Give it an input, or call it on data first.`,
      { op: 'export' },
    );
  }
  const symbols = symbolsOf(model, batchSize);
  const traced = standInSizes(symbols.length).map((sizes) => traceAt(model, symbols, sizes, batchSize));
  const first = traced[0] as Traced;
  const graph =
    symbols.length === 0
      ? first.graph
      : withSymbols(
          traced.map((t) => t.graph),
          symbols,
        );
  const weights = first.weights.map(([weight, name]) => ({
    input: name,
    name: weight.path,
    tensor: weight.merged,
  }));
  return {
    ...modelOf(plainNormalizations(storeWeights(graph, weights))),
    producerVersion: version,
    metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
  };
}

/** The sizes of a model's inputs that are not known: the batch, which all share, and others, each for itself. */
function symbolsOf(model: Model, batchSize: number | null): SizeSymbol[] {
  const names = model.inputNames;
  const open = model.inputs.flatMap(({ shape }, i) =>
    shape.flatMap((size, axis) => (size === null ? [{ input: names[i] as string, axis }] : [])),
  );
  const batch = open.find(({ axis }) => axis === 0);
  return [
    ...(batch && batchSize === null ? [{ ...batch, name: 'batch' }] : []),
    ...open
      .filter(({ axis }) => axis > 0)
      .map(({ input: of, axis }) => ({ input: of, axis, name: `${of}_${axis}` })),
  ];
}

interface Traced {
  readonly graph: GraphProto;
  /** Weights, and the inputs that stand for them. */
  readonly weights: readonly (readonly [Weight, string])[];
}

/** The graph of the model's inference for given sizes, its weights still inputs. */
function traceAt(
  model: Model,
  symbols: readonly SizeSymbol[],
  sizes: readonly number[],
  batchSize: number | null,
): Traced {
  const names = model.inputNames;
  const sizeOf = (name: string, axis: number): number =>
    sizes[
      symbols.findIndex((s) => (axis === 0 ? s.name === 'batch' : s.input === name && s.axis === axis))
    ] ?? (batchSize as number);
  const feeds = model.inputs.map(({ dtype, shape }, i): Value => {
    const name = names[i] as string;
    return input(name, { dtype, shape: shape.map((n, axis): Shape[number] => n ?? sizeOf(name, axis)) });
  });
  const trace = new Trace(false, { merged: true, anySize: symbols.length > 0 });
  const results = withTrace(trace, () => model.invoke(feeds, { training: false }));
  if (trace.randoms.length > 0) {
    throw new ConfigError(
      `export: model "${model.name}" draws random numbers when it predicts; an ONNX file cannot.`,
      { op: 'export' },
    );
  }
  const outputs = uniqueNames(model.outputNames).map((name, i) => ({ name, value: results[i] as Value }));
  const graph: Graph = { name: model.name, inputs: [...feeds, ...trace.weights.values()], outputs };
  const { proto, inputNames } = emitGraph(optimize(graph), { target: 'standard' });
  const weights = [...trace.weights.keys()].map(
    (weight, i) => [weight, inputNames[feeds.length + i] as string] as const,
  );
  return { graph: proto, weights };
}

/** The outputs of one layer are numbered from the second on. */
const uniqueNames = (names: readonly string[]): string[] =>
  names.map((name, i) => {
    const before = names.slice(0, i).filter((other) => other === name).length;
    return before === 0 ? name : `${name}_${before}`;
  });
