import * as tfk from 'tfk';
import { curve, draw, type Mark, type Point } from './support/plot.ts';

const { ops } = tfk;
type Value = tfk.Value;

/** Points of the unit cube (x, y, t), those of some axes at 0 or 1. */
function points(n: number, fixed: Readonly<Record<number, number>> = {}): tfk.Tensor {
  const cube = tfk.collocationPoints({ lower: [0, 0, 0], upper: [1, 1, 1] }, n);
  const data = Float32Array.from(cube.data as Float32Array, (v, i) => fixed[i % 3] ?? v);
  return tfk.tensor(data, [n, 3]);
}

/**
 * The wave equation in two dimensions: u_tt = u_xx + u_yy on the unit square, whose edge is held, for 0 <= t <= 1. It starts at
 * rest as sin(pi x) sin(pi y); the solution is that times cos(sqrt(2) pi t), seven tenths of a period.
 */
export async function wave(steps: number, plotFile?: string): Promise<{ loss: number; error: number }> {
  tfk.setRandomSeed(5);
  const hidden = () => tfk.layers.dense({ units: 24, activation: 'tanh' });
  const layers = [hidden(), hidden(), hidden(), tfk.layers.dense({ units: 1 })];
  const network = tfk.sequential([tfk.input({ shape: [3] }), ...layers]);
  const u = tfk.jit((xyt: Value) => tfk.call(network, xyt));
  const second = (axis: number) => tfk.derivative(tfk.derivative(u, axis), axis);
  const [uxx, uyy, utt, ut] = [second(0), second(1), second(2), tfk.derivative(u, 2)];
  const exact = tfk.jit((xyt: Value) => {
    const [x, y, t] = ops.split(xyt, 3, 1) as [Value, Value, Value];
    const shape = ops.mul(ops.sin(ops.mul(x, Math.PI)), ops.sin(ops.mul(y, Math.PI)));
    return ops.mul(shape, ops.cos(ops.mul(t, Math.SQRT2 * Math.PI)));
  });
  const meanSquare = (v: Value) => ops.reduceMean(ops.square(v));
  const step = tfk.trainStep(
    network,
    tfk.optimizers.lbfgs({ historySize: 50 }),
    (inside: Value, edges: Value, start: Value, first: Value) => {
      const equation = meanSquare(ops.sub(utt(inside), ops.add(uxx(inside), uyy(inside))));
      const begin = ops.add(meanSquare(ops.sub(u(start), first)), meanSquare(ut(start)));
      return ops.add(equation, ops.mul(ops.add(begin, meanSquare(u(edges))), 100));
    },
  );
  const sides = [0, 1].flatMap((axis) => [0, 1].map((at) => points(50, { [axis]: at })));
  const [inside, edges, start] = [points(1000), ops.concat(sides, 0), points(200, { 2: 0 })];
  let loss = Number.NaN;
  for (let i = 0; i < steps; i++) loss = (await step(inside, edges, start, exact(start))).loss as number;
  step.dispose();

  const held = points(5000);
  const norm = (v: tfk.Tensor) => Math.sqrt(ops.reduceSum(ops.square(v)).item());
  if (plotFile) await drawProfiles(plotFile, u, exact);
  return { loss, error: norm(ops.sub(u(held), exact(held))) / norm(exact(held)) };
}

/** The middle of the square, y = 0.5, at four times: exact grey and wide, the network's red on top. */
async function drawProfiles(file: string, ...fields: readonly ((xyt: tfk.Tensor) => tfk.Tensor)[]) {
  const places = Array.from({ length: 101 }, (_, i) => i / 100);
  const marks = [0, 0.25, 0.5, 0.75].flatMap((t): readonly Mark[] => {
    const [found, truth] = fields.map((field) => field(tfk.tensor(places.map((x) => [x, 0.5, t]))).data);
    const profile = (values: ArrayLike<number | bigint> = []) =>
      places.map((x, i): Point => [x, Number(values[i])]);
    return [curve(profile(truth), '#bbb', 7), curve(profile(found))];
  });
  await draw(file, [0, -1.1], [1, 1.1], marks);
}

if (process.argv[1] === import.meta.filename) console.log(await wave(150, process.argv[2]));
