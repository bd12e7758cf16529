import * as tfk from 'tfk';
import { dots, draw, type Point } from './support/plot.ts';
import { normal, seeded } from './support/random.ts';

const { ops } = tfk;
type Value = tfk.Value;
const [modes, radius, deviation, batch, latent] = [8, 2, 0.1, 256, 4];
const { PI, cos, floor, hypot, sin } = Math;

/** How many of the modes have points, and the share of points within three deviations of one. */
export interface Quality {
  readonly modes: number;
  readonly share: number;
}

/** A generative adversarial network learns eight Gaussians on a circle: two models, two optimizers, two steps. */
export async function gan(iterations: number, plotFile?: string): Promise<Quality> {
  tfk.setRandomSeed(1);
  const uniform = seeded(1);
  const gauss = normal(uniform);
  const network = (inputs: number, outputs: number, activation: string) => {
    const hidden = () => tfk.layers.dense({ units: 64, activation });
    const layers = [hidden(), hidden(), tfk.layers.dense({ units: outputs })];
    return tfk.sequential([tfk.input({ shape: [inputs] }), ...layers]);
  };
  const generator = network(latent, 2, 'relu');
  const discriminator = network(2, 1, 'leakyRelu');
  const score = (x: Value) => tfk.call(discriminator, x);
  const generate = tfk.jit((z: Value) => tfk.call(generator, z));
  /** -log sigmoid(x) */
  const surprise = (x: Value) => ops.reduceMean(ops.softplus(ops.neg(x)));

  // Mescheder et al. 2018: the squared gradient at real points, a loss that needs a second derivative to train on
  const slope = tfk.grad((x: Value) => ops.reduceSum(score(x)));
  const penalty = (x: Value) => ops.mul(ops.reduceMean(ops.reduceSum(ops.square(slope(x)), [-1])), 0.05);
  const adam = (learningRate: number) => tfk.optimizers.adam({ learningRate, beta1: 0.5 });
  const judge = tfk.trainStep(discriminator, adam(2e-3), (real: Value, z: Value) => {
    const [right, wrong] = [surprise(score(real)), surprise(ops.neg(score(generate(z))))];
    return ops.add(ops.add(right, wrong), penalty(real));
  });
  const forge = tfk.trainStep(generator, adam(1e-3), (z: Value) => surprise(score(generate(z))));

  const noise = (n: number) => tfk.tensor(Float32Array.from({ length: n * latent }, gauss), [n, latent]);
  for (let i = 0; i < iterations; i++) {
    await judge(samples(batch, uniform, gauss), noise(batch));
    await forge(noise(batch));
  }
  const points = generate(noise(2000)).array() as unknown as Point[];
  for (const step of [judge, forge]) step.dispose();
  if (plotFile) {
    const real = samples(2000, uniform, gauss).array() as unknown as Point[];
    await draw(plotFile, [-3.75, -2.5], [3.75, 2.5], [dots(real, '#bbb', 3), dots(points, '#c00', 1.5)]);
  }
  return quality(points);
}

const centre = (mode: number): Point => {
  const angle = (2 * PI * mode) / modes;
  return [radius * cos(angle), radius * sin(angle)];
};

function samples(n: number, uniform: () => number, gauss: () => number): tfk.Tensor {
  const points = Array.from({ length: n }, () => centre(floor(uniform() * modes)));
  return tfk.tensor(points.map(([x, y]) => [x + deviation * gauss(), y + deviation * gauss()]));
}

function quality(points: readonly Point[]): Quality {
  const near =
    ([x, y]: Point) =>
    (_: unknown, mode: number) =>
      hypot(x - centre(mode)[0], y - centre(mode)[1]) < 3 * deviation;
  const hits = points.map((point) => Array.from({ length: modes }).findIndex((_, m) => near(point)(_, m)));
  const good = hits.filter((mode) => mode >= 0);
  const counts = Array.from({ length: modes }, (_, m) => good.filter((mode) => mode === m).length);
  return { modes: counts.filter((n) => n >= points.length / 50).length, share: good.length / points.length };
}

if (process.argv[1] === import.meta.filename) console.log(await gan(4000, process.argv[2]));
