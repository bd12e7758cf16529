import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Backend } from '../../../src/backend/backend.ts';
import { getBackend } from '../../../src/backend/registry.ts';
import { sizeOf } from '../../../src/core/shape.ts';
import { Tensor } from '../../../src/core/tensor.ts';
import { constant, input, type Value } from '../../../src/ir/graph.ts';
import { interpret } from '../../../src/ir/interpret.ts';
import type { NDArray } from '../../../src/ir/ndarray.ts';
import { type Corners, fromCorners } from '../../../src/layers/augmentation/projections.ts';
import '../../../src/layers/index.ts';
import { layerRegistry } from '../../../src/layers/registry.ts';
import { Trace, withTrace } from '../../../src/layers/trace.ts';
import { projectImages, type Sampling } from '../../../src/ops/sampling.ts';
import { expectClose, type Tolerance } from '../../helpers/close.ts';
import { type GoldenTensor, goldenTensor, readGolden } from '../../helpers/golden.ts';
import { ownSpelling, runTraced } from '../../helpers/layer-cases.ts';

/** A layer of `augmentation.json`, where all that is drawn at random for image `n` is `draws[n]`. */
interface Case {
  readonly name: string;
  readonly className: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly draws: readonly number[];
  readonly input: GoldenTensor;
  readonly output: GoldenTensor;
}
interface Golden {
  readonly layers: readonly Case[];
  readonly affine: {
    readonly input: GoldenTensor;
    readonly matrix: readonly number[];
    readonly fillValue: number;
    readonly records: readonly (Pick<Sampling, 'fillMode' | 'interpolation'> & { output: GoldenTensor })[];
  };
  readonly perspective: {
    readonly input: GoldenTensor;
    readonly corners: readonly (readonly number[])[];
    readonly output: GoldenTensor;
  };
}

/** Angles of which those at either end of the circle are the same. */
const comparable = ({ options }: Case, data: Iterable<number | bigint>): number[] =>
  Array.from(data, Number).map((v) => (options.mode === 'angle' && v < 1e-4 - Math.PI ? v + 2 * Math.PI : v));

const golden = readGolden<Golden>('augmentation.json');

/** Keras computes in float32. */
const tolerance: Tolerance = { rtol: 2e-5, atol: 5e-6 };
const native: Tolerance = { rtol: 1e-4, atol: 2e-5 };

/** Random numbers as they were when Keras was recorded. */
function replayed(shape: readonly number[], draws: readonly number[]): Tensor {
  const inner = sizeOf(shape.slice(1));
  const whole = shape[0] !== draws.length;
  const data = Float32Array.from(
    { length: sizeOf(shape) },
    (_, i) => draws[whole ? 0 : Math.floor(i / inner)] as number,
  );
  return new Tensor('float32', shape, data);
}

function traced({ className, options, draws, input: given }: Case) {
  const layer = layerRegistry.make({ className, config: ownSpelling(options) as Record<string, unknown> });
  const data = goldenTensor(given);
  const trace = new Trace(true);
  const x = input('x', { dtype: data.dtype, shape: data.shape });
  const [y] = withTrace(trace, () => layer.invoke([x], { training: true })) as [Value];
  const feeds = new Map([[x, data]]);
  for (const [weight, value] of trace.weights) feeds.set(value, weight.read());
  for (const { value, request } of trace.randoms) feeds.set(value, replayed(request.shape, draws));
  return { y, feeds };
}

let backend: Backend;
beforeAll(async () => {
  backend = await getBackend('onnxruntime');
});

describe.each(golden.layers.map((record) => [record.name, record] as const))('%s', (name, record) => {
  const expected = goldenTensor(record.output);

  test('is what Keras computes, in float64', () => {
    const { y, feeds } = traced(record);
    const { shape, data } = runTraced([y], feeds)[0] as NDArray;
    expect(shape).toEqual(expected.shape);
    expectClose(comparable(record, data), comparable(record, expected.data), tolerance, name);
  });

  test('is what Keras computes, on native kernels', async () => {
    const { y, feeds } = traced(record);
    const graph = { name, inputs: [...feeds.keys()], outputs: [{ name: 'y', value: y }] };
    const executable = await backend.compile(graph, { threads: 1 });
    try {
      const [result] = await executable.run([...feeds.values()]);
      const { data } = result as Tensor;
      expectClose(comparable(record, data), comparable(record, expected.data), native, name);
    } finally {
      executable.dispose();
    }
  });
});

describe('places beyond the edges', () => {
  const { input: given, matrix, fillValue, records } = golden.affine;
  test.each(records.map((r) => [`${r.fillMode}, ${r.interpolation}`, r] as const))('%s', (name, how) => {
    const [a, b] = [matrix.slice(0, 3), matrix.slice(3)] as unknown as [Row, Row];
    const y = projectImages(constant(goldenTensor(given)), { a, b }, { ...how, fillValue });
    const [found] = interpret([y], new Map()) as [NDArray];
    expectClose(found.data, goldenTensor(how.output).data, tolerance, name);
  });
});
type Row = readonly [number, number, number];

test('corners moved anywhere', () => {
  const { input: given, corners, output } = golden.perspective;
  const at = (n: number): Value => constant(new Tensor('float32', [1, 1, 1], Float32Array.of(n)));
  const places = corners.map(([x, y]) => [at(x as number), at(y as number)]) as unknown as Corners;
  const x = constant(goldenTensor(given));
  const y = projectImages(x, fromCorners(places, x.shape[1] as number, x.shape[2] as number));
  const [found] = interpret([y], new Map()) as [NDArray];
  expectClose(found.data, goldenTensor(output).data, tolerance, 'perspective');
});
