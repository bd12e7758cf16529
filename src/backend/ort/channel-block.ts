import { modelOf } from '../../onnx/emit.ts';
import { encodeModel, type GraphProto, type ValueInfoProto } from '../../onnx/proto.ts';
import type { Driver } from './driver.ts';

const searches = new WeakMap<Driver, Promise<void>>();
const found = new WeakMap<Driver, number>();

/** What {@link findChannelBlock} found. */
export const knownChannelBlock = (driver: Driver): number | undefined => found.get(driver);

/**
 * Finds how many channels the runtime's blocked convolution kernels keep side by side on this processor, if it has any.
 * It does not say, so that a tensor is reordered and looked at: behind the channels of the first element comes the
 * second element of channel 0.
 */
export function findChannelBlock(driver: Driver): Promise<void> {
  const search = searches.get(driver) ?? probe(driver).catch(() => {});
  searches.set(driver, search);
  return search;
}

const channels = 64;
const spec = { dtype: 'float32', shape: [1, channels, 1, 2] } as const;

async function probe(driver: Driver): Promise<void> {
  const [inputs, outputs] = [[{ ...spec, name: 'x' }], [{ ...spec, name: 'y' }]];
  const session = await driver.createSession(probeModel(), inputs, outputs, { device: 'cpu', threads: 1 });
  const x = Float32Array.from({ length: 2 * channels }, (_, i) => i);
  const y = new Float32Array(x.length);
  const binding = session.bind([x], [y]);
  await binding.run();
  binding.dispose();
  session.dispose();
  const block = y.indexOf(1);
  if (block > 1 && y.subarray(0, block).every((v, i) => v === 2 * i)) found.set(driver, block);
}

/** A model that does nothing but reorder. */
function probeModel(): Uint8Array {
  const domain = 'com.microsoft.nchwc';
  const valueInfo = (name: string): ValueInfoProto => ({
    name,
    type: { kind: 'tensor', elementType: 1, shape: spec.shape },
  });
  const graph: GraphProto = {
    name: 'probe',
    nodes: [
      { name: 'reorder', domain, opType: 'ReorderInput', inputs: ['x'], outputs: ['y'], attributes: [] },
    ],
    initializers: [],
    inputs: [valueInfo('x')],
    outputs: [valueInfo('y')],
    valueInfos: [],
    sparseInitializers: 0,
  };
  return encodeModel(modelOf(graph, [domain]));
}
