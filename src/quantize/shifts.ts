import type { Tensor } from '../core/tensor.ts';
import type { ModelProto, NodeProto } from '../onnx/proto.ts';
import { endingIn } from './observe.ts';
import type { ActivationScale } from './quantized-tensors.ts';
import { Additions, call, float32Code, productsOf } from './rewrite.ts';
import { runFile } from './run-file.ts';
import { byWayOf8Bits, eightBits } from './static-int8.ts';

/**
 * What weights and inputs in 8 bits add to each channel of a convolution in the mean, by its output. All else is float:
 * every convolution has a twin beside it.
 * @source Nagel et al. 2019, "Data-free quantization through weight equalization and bias correction", with data
 */
export async function measureShifts(
  model: ModelProto,
  scales: ReadonlyMap<string, ActivationScale>,
  data: Tensor,
): Promise<Map<string, Float32Array>> {
  const convolutions = productsOf(model.graph).filter(({ node }) => node.opType === 'Conv');
  const shifts = convolutions.map(({ weight }) => new Float32Array(weight.dims[0] as number));
  if (shifts.length === 0) return new Map();
  const specs = convolutions.map(({ node, weight }) => {
    const shape = [1, weight.dims[0] as number, ...weight.dims.slice(2).map(() => 1)];
    return { name: meanOf(node), dtype: 'float32', shape } as const;
  });
  const file = await runFile(withTwins(model, scales), data.rows(0, 1), specs);
  const count = data.shape[0] ?? 0;
  try {
    for (let i = 0; i < count; i++) {
      for (const [k, means] of (await file.run(data.rows(i, i + 1))).entries()) {
        const shift = shifts[k] as Float32Array;
        for (let c = 0; c < shift.length; c++)
          shift[c] = (shift[c] as number) + Number(means.data[c]) / count;
      }
    }
  } finally {
    file.dispose();
  }
  return new Map(convolutions.map(({ node }, k) => [node.outputs[0] as string, shifts[k] as Float32Array]));
}

const meanOf = ({ outputs: [y] }: NodeProto): string => `${y}:shift`;

/** The model with a twin in 8 bits of each convolution, and the mean of what it adds as outputs. */
function withTwins(model: ModelProto, scales: ReadonlyMap<string, ActivationScale>): ModelProto {
  const additions = new Additions();
  const rounded = new Map<string, readonly NodeProto[]>();
  const ends: NodeProto[] = [];
  for (const product of productsOf(model.graph).filter(({ node }) => node.opType === 'Conv')) {
    const { node } = product;
    const [x = '', , ...bias] = node.inputs;
    const [y = ''] = node.outputs;
    rounded.set(x, byWayOf8Bits(x, scales.get(x) as ActivationScale, additions));
    const inputs = [eightBits(x), additions.weight(product).value, ...bias];
    additions.nodes.push(
      { ...node, name: `${y}:twin`, inputs, outputs: [`${y}:twin`] },
      call('Sub', [`${y}:twin`, y], `${y}:added`),
    );
    ends.push(call('GlobalAveragePool', [`${y}:added`], meanOf(node)));
  }
  const { graph } = model;
  const whole = {
    ...graph,
    nodes: [...graph.nodes, ...[...rounded.values()].flat(), ...additions.nodes],
    initializers: [...graph.initializers, ...additions.initializers.values()],
  };
  return endingIn({ ...model, graph: whole }, ends, float32Code);
}
