import { Random } from '../../src/core/random.ts';
import { camelCase } from '../../src/core/registry.ts';
import { sizeOf } from '../../src/core/shape.ts';
import { Tensor } from '../../src/core/tensor.ts';
import { gradient } from '../../src/ir/autodiff.ts';
import { constant, input, type Value } from '../../src/ir/graph.ts';
import { interpret } from '../../src/ir/interpret.ts';
import { type NDArray, toNDArray } from '../../src/ir/ndarray.ts';
import type { Layer } from '../../src/layers/layer.ts';
import { layerRegistry } from '../../src/layers/registry.ts';
import { Trace, withTrace } from '../../src/layers/trace.ts';
import { add, mul, reduceSum } from '../../src/ops/index.ts';
import { type GoldenTensor, goldenTensor } from './golden.ts';

/** One layer of `layers.json`, with what Keras computes. */
export interface GoldenLayer {
  readonly name: string;
  readonly className: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly training: boolean;
  readonly inputs: readonly GoldenTensor[];
  readonly weights: readonly GoldenTensor[];
  readonly outputs: readonly GoldenTensor[];
  readonly directions: readonly GoldenTensor[];
  readonly inputGrads: readonly (GoldenTensor | null)[];
  readonly weightGrads: readonly GoldenTensor[];
  readonly nonTrainableAfter?: readonly GoldenTensor[];
}

/** A layer that has been called: the values it computes and the data that feeds them. */
export interface TracedLayer {
  readonly layer: Layer;
  readonly trace: Trace;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly feeds: ReadonlyMap<Value, Tensor>;
}

/** Calls a built or new layer on data of concrete shapes; what it asks to be random always comes out the same. */
export function traceLayer(layer: Layer, data: readonly Tensor[], training = false): TracedLayer {
  const trace = new Trace(training);
  const inputs = data.map((x, i) => input(`x${i}`, { dtype: x.dtype, shape: x.shape }));
  const outputs = withTrace(trace, () => layer.invoke(inputs, { training }));
  const feeds = new Map(inputs.map((value, i) => [value, data[i] as Tensor]));
  for (const [weight, value] of trace.weights) feeds.set(value, weight.read());
  for (const [i, { value, request }] of trace.randoms.entries()) {
    const random = new Random(i);
    const draw = (): number => {
      const uniform = random.uniform();
      if (request.kind === 'uniform') return uniform;
      return uniform < request.keep ? request.scale : 0;
    };
    const numbers = Float32Array.from({ length: sizeOf(request.shape) }, draw);
    feeds.set(value, new Tensor('float32', request.shape, numbers));
  }
  return { layer, trace, inputs, outputs, feeds };
}

/** Something computed, and what Keras says it is. */
export interface Expectation {
  readonly label: string;
  readonly value: Value;
  readonly expected: Tensor;
}

/** Options of a golden file in our spelling: Keras's string ids are snake_case. */
export const ownSpelling = (value: unknown): unknown => {
  if (typeof value === 'string') return camelCase(value);
  if (Array.isArray(value)) return value.map(ownSpelling);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [camelCase(key), ownSpelling(v)]));
};

/** Everything that a golden record fixes: outputs, gradients of `sum(output * direction)`, weights after the step. */
export function expectationsOf(record: GoldenLayer): {
  readonly expectations: readonly Expectation[];
  readonly feeds: ReadonlyMap<Value, Tensor>;
  readonly layer: Layer;
} {
  const layer = layerRegistry.make({
    className: record.className,
    config: ownSpelling(record.options) as Record<string, unknown>,
  });
  const data = record.inputs.map(goldenTensor);
  layer.ensureBuilt(data.map((x) => x.shape) as unknown as Parameters<Layer['ensureBuilt']>[0]);
  layer.setWeights(record.weights.map(goldenTensor));
  const { trace, inputs, outputs, feeds } = traceLayer(layer, data, record.training);

  const loss = outputs
    .map((y, i) => reduceSum(mul(y, constant(goldenTensor(record.directions[i] as GoldenTensor)))))
    .reduce((a, b) => add(a, b));
  const weights = layer.trainableWeights;
  const wrt = [...inputs, ...weights.map((w) => trace.weights.get(w) as Value)];
  const grads = gradient(loss, wrt);
  const expectations: Expectation[] = [];
  const note = (label: string, value: Value | undefined, wanted: GoldenTensor | null | undefined): void => {
    if (!wanted) return;
    const expected = goldenTensor(wanted);
    expectations.push({ label: `${record.name}: ${label}`, value: value ?? zeros(expected), expected });
  };
  for (const [i, y] of outputs.entries()) note(`output ${i}`, y, record.outputs[i]);
  for (const i of inputs.keys()) note(`gradient of input ${i}`, grads[i], record.inputGrads[i]);
  for (const [i, w] of weights.entries()) {
    note(`gradient of ${w.name}`, grads[inputs.length + i], record.weightGrads[i]);
  }
  for (const [i, w] of layer.nonTrainableWeights.entries()) {
    note(`${w.name} after`, trace.updates.get(w) ?? trace.weights.get(w), record.nonTrainableAfter?.[i]);
  }
  return { expectations, feeds, layer };
}

const zeros = (like: Tensor): Value =>
  constant(new Tensor('float32', like.shape, new Float32Array(like.size)));

/** Evaluates in float64 what a called layer computes. */
export const runTraced = (values: readonly Value[], feeds: ReadonlyMap<Value, Tensor>): NDArray[] =>
  interpret(values, new Map([...feeds].map(([value, data]) => [value, toNDArray(data)])));
