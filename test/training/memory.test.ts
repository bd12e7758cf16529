import { describe, expect, test } from '@jest/globals';
import * as tfk from '../../src/index.ts';

/** Products of all pairs of elements, summed: a result of n x n elements on the way. */
class Pairs extends tfk.Layer {
  static override readonly className = 'Pairs';
  call([x]: tfk.Values): tfk.Value {
    const { mul, reduceSum, reshape } = tfk.ops;
    const [batch, n] = (x as tfk.Value).shape as [number, number];
    return reduceSum(
      mul(reshape(x as tfk.Value, [batch, n, 1]), reshape(x as tfk.Value, [batch, 1, n])),
      [1],
    );
  }
}

describe('more memory than there is', () => {
  test('asked for by the runtime: an error that names the layer, and the process goes on', async () => {
    const model = tfk.sequential([tfk.input({ shape: [null] }), new Pairs({ name: 'pairs' })]);
    const many = new tfk.Tensor('float32', [1, 3_000_000], new Float32Array(3_000_000));
    const failed = model.predict(many);
    await expect(failed).rejects.toThrow(tfk.BackendError);
    await expect(failed).rejects.toThrow(
      /^Layer ".*pairs": out of memory in run: ONNX Runtime could not get 33527\.6 GiB at once\. Use a smaller batchSize/,
    );
    expect(String(await model.predict(tfk.tensor([[1, 2]])))).toBe('Tensor float32[1,2] [3, 6]');
  });

  test('asked for by a batch or a weight', async () => {
    const model = tfk.sequential([tfk.input({ shape: [3] }), tfk.layers.repeatVector({ n: 2 ** 36 })]);
    await expect(model.predict([[1, 2, 3]])).rejects.toThrow(/out of memory: .* of float32 need 768\.0 GiB/);
    const large = () =>
      tfk.sequential([tfk.input({ shape: [3] }), tfk.layers.dense({ units: 2 ** 31, name: 'big' })]);
    expect(large).toThrow(tfk.ShapeError);
    expect(large).toThrow(/big\/kernel": expected at most 1073741824 elements, which is 4 GiB/);
  });
});

/** Products and differences of all pairs of elements, held at the same time. */
class TwoTables extends tfk.Layer {
  static override readonly className = 'TwoTables';
  call([x]: tfk.Values): tfk.Value {
    const { add, exp, mul, reduceMax, reshape, sub } = tfk.ops;
    const [batch, n] = x.shape as [number, number];
    const [rows, columns] = [reshape(x, [batch, n, 1]), reshape(x, [batch, 1, n])];
    const [products, differences] = [mul(rows, columns), sub(rows, columns)];
    return reduceMax(add(exp(products), exp(differences)), [1]);
  }
}

test('a second batch takes no more memory than the first', async () => {
  const model = tfk.sequential([tfk.input({ shape: [null] }), new TwoTables({})]);
  const n = 4000;
  const x = new tfk.Tensor('float32', [1, n], new Float32Array(n));
  await model.predict(x);
  const resident = process.memoryUsage.rss();
  await model.predict(x);
  await model.predict(x);
  expect(process.memoryUsage.rss() - resident).toBeLessThan(4 * n * n);
});
