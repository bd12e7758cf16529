import * as tfk from 'tfk';
import { saveTiles } from './support/plot.ts';
import { normal, seeded } from './support/random.ts';

const { ops } = tfk;
type Value = tfk.Value;
const [pixels, latent] = [784, 8];

/** A variational autoencoder: digits to distributions of codes, and back. @source Kingma and Welling 2013 */
class Vae extends tfk.Model {
  static override readonly className = 'Vae';
  readonly encoder = this.track(
    tfk.sequential([
      tfk.input({ shape: [pixels] }),
      tfk.layers.dense({ units: 256, activation: 'relu' }),
      tfk.layers.dense({ units: 2 * latent }),
    ]),
  );
  readonly decoder = this.track(
    tfk.sequential([
      tfk.input({ shape: [latent] }),
      tfk.layers.dense({ units: 256, activation: 'relu' }),
      tfk.layers.dense({ units: pixels }),
    ]),
  );

  /** What the mean of the codes stands for. */
  call([x]: tfk.Values): Value {
    return ops.sigmoid(tfk.call(this.decoder, this.#codes(x)[0]));
  }

  #codes(x: Value): readonly [mean: Value, logVariance: Value] {
    return ops.split(tfk.call(this.encoder, x), 2, -1) as unknown as readonly [Value, Value];
  }

  /** The negative lower bound of log p(x), in nats: what is lost in reconstruction, and how far codes are from N(0, 1). */
  override trainStep(batch: tfk.StepBatch): tfk.StepLosses {
    const x = batch.x[0] as Value;
    const [mean, logVariance] = this.#codes(x);
    // Box and Muller: two uniform numbers make a normal one
    const [u, v] = [tfk.randomUniform(mean.shape), tfk.randomUniform(mean.shape)];
    const length = ops.sqrt(ops.mul(ops.log(ops.sub(1, u)), -2));
    const noise = ops.mul(length, ops.cos(ops.mul(v, 2 * Math.PI)));
    const code = ops.add(mean, ops.mul(ops.exp(ops.mul(logVariance, 0.5)), noise));
    const scores = tfk.call(this.decoder, code);
    const perImage = (losses: Value) => ops.reduceMean(ops.reduceSum(losses, [-1]));
    const reconstruction = perImage(ops.sub(ops.softplus(scores), ops.mul(x, scores)));
    const spread = ops.sub(ops.add(ops.square(mean), ops.exp(logVariance)), ops.add(logVariance, 1));
    const divergence = ops.mul(perImage(spread), 0.5);
    return { loss: ops.add(reconstruction, divergence), reconstruction, divergence };
  }

  override testStep = this.trainStep;
}

/** Trains on 8,000 digits. @returns the bound on 2,000 others, in nats per image */
export async function vae(epochs: number, plotFile?: string): Promise<{ bound: number }> {
  tfk.setRandomSeed(9);
  const { train, test } = await tfk.datasets.mnist();
  const flat = ({ x }: tfk.data.Examples) => x.reshape([x.shape[0] as number, pixels]);
  const model = new Vae({});
  model.compile({ optimizer: { type: 'adam', learningRate: 2e-3 } });
  await model.fit(flat(train), undefined, { epochs, batchSize: 64, verbose: 0 });
  const logs = await model.evaluate(flat(test), undefined, { verbose: 0 });
  if (plotFile) {
    const shown = flat(test).rows(0, 10);
    const again = (await model.predict(shown)) as tfk.Tensor;
    const codes = tfk.tensor(Float32Array.from({ length: 30 * latent }, normal(seeded(9))), [30, latent]);
    const dreamed = ops.sigmoid(tfk.call(model.decoder, codes));
    const images = [shown, again, dreamed].flatMap((x) =>
      Array.from({ length: x.shape[0] as number }, (_, i) => x.rows(i, i + 1).data as Float32Array),
    );
    await saveTiles(plotFile, images, 28, 10);
  }
  return { bound: logs.loss as number };
}

if (process.argv[1] === import.meta.filename) console.log(await vae(30, process.argv[2]));
