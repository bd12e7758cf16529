import * as tfk from 'tfk';
import { curve, draw, type Point } from './support/plot.ts';
import { normal, seeded } from './support/random.ts';

const { ops } = tfk;
type Value = tfk.Value;

/** A network u(x, y, t) and the number that is to be found with it. */
class Heat extends tfk.Model {
  static override readonly className = 'Heat';
  readonly #layers = [20, 20, 20, 1].map((units, i) =>
    this.track(tfk.layers.dense({ units, activation: i < 3 ? 'tanh' : 'linear' })),
  );
  diffusivity!: tfk.Weight;

  override build(): void {
    this.diffusivity = this.addWeight('diffusivity', [1], { initializer: tfk.initializers.ones() });
  }

  call([points]: tfk.Values, options: tfk.CallOptions): Value {
    return this.#layers.reduce((x, layer) => layer.invoke([x], options)[0] as Value, points);
  }
}

/**
 * An inverse problem in two dimensions: u_t = a (u_xx + u_yy) on the unit square. The diffusivity `a` and u itself are found
 * from 500 measurements of u = exp(-2 pi^2 a t) sin(pi x) sin(pi y), with noise of deviation 0.01.
 * @param a - the true one, which only makes the measurements
 */
export async function heatInverse(iterations: number, plotFile?: string, a = 0.1) {
  tfk.setRandomSeed(4);
  const gauss = normal(seeded(4));
  const exact = (xyt: tfk.Tensor) => {
    const [x, y, t] = ops.split(xyt, 3, 1) as [tfk.Tensor, tfk.Tensor, tfk.Tensor];
    const wave = ops.mul(ops.sin(ops.mul(x, Math.PI)), ops.sin(ops.mul(y, Math.PI)));
    return ops.mul(ops.exp(ops.mul(t, -2 * Math.PI ** 2 * a)), wave);
  };
  const points = (n: number) => tfk.collocationPoints({ lower: [0, 0, 0], upper: [1, 1, 1] }, n);
  const heat = new Heat({});
  const u = tfk.jit((xyt: Value) => tfk.call(heat, xyt));
  const second = (axis: number) => tfk.derivative(tfk.derivative(u, axis), axis);
  const [uxx, uyy, ut] = [second(0), second(1), tfk.derivative(u, 2)];
  const meanSquare = (v: Value) => ops.reduceMean(ops.square(v));
  const step = tfk.trainStep(
    heat,
    tfk.optimizers.lbfgs({ historySize: 30 }),
    (inside: Value, places: Value, measured: Value) => {
      const data = meanSquare(ops.sub(u(places), measured));
      const flow = ops.mul(ops.add(uxx(inside), uyy(inside)), heat.diffusivity.value);
      const equation = meanSquare(ops.sub(ut(inside), flow));
      return { loss: ops.add(ops.mul(data, 10), equation), data, equation };
    },
  );
  const [inside, places] = [points(600), points(500)];
  const noise = tfk.tensor(Float32Array.from({ length: 500 }, gauss), [500, 1]);
  const measured = ops.add(exact(places), ops.mul(noise, 0.01));
  const found: Point[] = [];
  const value = () => Number(heat.diffusivity.read().data[0]);
  for (let i = 0; i < iterations; i++) {
    await step(inside, places, measured);
    found.push([i, value()]);
  }
  const norm = (v: tfk.Tensor) => Math.sqrt(ops.reduceSum(ops.square(v)).item());
  const held = points(2000);
  const error = norm(ops.sub(u(held), exact(held))) / norm(exact(held));
  const diffusivity = value();
  step.dispose();
  const truth = curve(
    [0, iterations].map((i): Point => [i, a]),
    '#bbb',
    6,
  );
  if (plotFile) await draw(plotFile, [0, 0], [iterations, 2 * a], [truth, curve(found)]);
  return { diffusivity, error };
}

if (process.argv[1] === import.meta.filename) console.log(await heatInverse(50, process.argv[2]));
