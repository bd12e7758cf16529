import { type Tensor, tensor } from '../core/tensor.ts';
import type { ModelProto, NodeProto, TensorProto } from '../onnx/proto.ts';
import { protoFromTensor } from '../onnx/tensors.ts';
import { call, float32Code } from './rewrite.ts';
import { runFile } from './run-file.ts';

const flatShape = protoFromTensor('quantize:flat', tensor(BigInt64Array.of(-1n)));

const int64Code = 7;

/**
 * Runs a model sample by sample and shows what values inside it are.
 * @param names - of float32 values
 * @param visit - gets all elements of each value; the arrays hold the next sample afterwards
 */
export async function observe(
  model: ModelProto,
  names: readonly string[],
  data: Tensor,
  visit: (values: readonly Float32Array[], sample: number) => void,
): Promise<void> {
  const first = data.rows(0, 1);
  const sizeName = (name: string): string => `${name}:size`;
  const counting = names.map((name) => call('Size', [name], sizeName(name)));
  const counter = await runFile(
    endingIn(model, counting, int64Code),
    first,
    names.map((name) => ({ name: sizeName(name), dtype: 'int64', shape: [] })),
  );
  const sizes = (await counter.run(first)).map(({ data: [size] }) => Number(size));
  counter.dispose();
  const flat = names.map((name) => call('Reshape', [name, flatShape.name], `${name}:flat`));
  const specs = sizes.map(
    (size, i) => ({ name: `${names[i]}:flat`, dtype: 'float32', shape: [size] }) as const,
  );
  const file = await runFile(endingIn(model, flat, float32Code, [flatShape]), first, specs);
  try {
    for (let i = 0; i < (data.shape[0] ?? 0); i++)
      visit(
        (await file.run(data.rows(i, i + 1))).map((value) => value.data as Float32Array),
        i,
      );
  } finally {
    file.dispose();
  }
}

/** A model with some more nodes, whose results are its outputs. */
export const endingIn = (
  { graph, ...model }: ModelProto,
  ends: readonly NodeProto[],
  elementType: number,
  stored: readonly TensorProto[] = [],
): ModelProto => ({
  ...model,
  graph: {
    ...graph,
    nodes: [...graph.nodes, ...ends],
    initializers: [...graph.initializers, ...stored],
    outputs: ends.map(({ outputs: [name = ''] }) => ({ name, type: { kind: 'tensor', elementType } })),
  },
});
