import type { TensorSpec } from '../backend/ort/driver.ts';
import { jsApiDriver } from '../backend/ort/js-api.ts';
import { allocate, dtypeFromOnnx } from '../core/dtype.ts';
import { sizeOf } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { ConfigError } from '../errors.ts';
import { encodeModel, type ModelProto, type ValueInfoProto } from '../onnx/proto.ts';

/** A model file that runs on batches of one size. */
export interface FileRunner {
  run(x: Tensor): Promise<Tensor[]>;
  dispose(): void;
}

/**
 * Loads a model file with one input.
 * @param outputs - the values to compute, and what they are for this batch
 */
export async function runFile(
  model: ModelProto,
  x: Tensor,
  outputs: readonly TensorSpec[],
): Promise<FileRunner> {
  const [input] = model.graph.inputs;
  const driver = await jsApiDriver();
  const inputs = [{ name: input?.name ?? '', dtype: x.dtype, shape: x.shape }];
  const options = { device: 'cpu', threads: 1 } as const;
  const session = await driver.createSession(encodeModel(model), inputs, outputs, options);
  const results = outputs.map(({ dtype, shape }) => new Tensor(dtype, shape, allocate(dtype, sizeOf(shape))));
  const feed = allocate(x.dtype, x.size) as Float32Array;
  const binding = session.bind(
    [feed],
    results.map(({ data }) => data),
  );
  return {
    async run(batch) {
      feed.set(batch.data as Float32Array);
      await binding.run();
      return results.map(({ dtype, shape, data }) => new Tensor(dtype, shape, data.slice()));
    },
    dispose() {
      binding.dispose();
      session.dispose();
    },
  };
}

/** The shape of a value for a batch. @throws {@link ConfigError} where more than the batch is open */
export function shapeFor(info: ValueInfoProto | undefined, batch: number): readonly number[] {
  const type = info?.type;
  const dims = type?.kind === 'tensor' ? (type.shape ?? []) : [];
  return dims.map((dim, axis) => {
    if (typeof dim === 'number') return dim;
    if (axis === 0) return batch;
    throw new ConfigError(
      `quantize: axis ${axis} of "${info?.name}" has no fixed size. Give the model an input of known size.`,
      { op: 'quantize', argument: info?.name ?? '' },
    );
  });
}

/** The one input of a model, as float32. @throws {@link ConfigError} for others */
export function onlyInput({ graph }: ModelProto): ValueInfoProto {
  const [input, ...others] = graph.inputs;
  const type = input?.type;
  const isFloat = type?.kind === 'tensor' && dtypeFromOnnx(type.elementType) === 'float32';
  if (input && isFloat && others.length === 0 && graph.outputs.length === 1) return input;
  throw new ConfigError('quantize: expected a model with one float32 input and one output.', {
    op: 'quantize',
    received: `${graph.inputs.length} inputs and ${graph.outputs.length} outputs`,
  });
}
