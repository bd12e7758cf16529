import { describe, expect, test } from '@jest/globals';
import { input, layers, model, sequential, type Tensor } from '../../src/index.ts';
import { column, descend, normalData, oneWeight, quiet, weightOf } from '../helpers/small-models.ts';

const batches = [
  [column(1, 2), column(2, 3)],
  [column(-1, 0.5), column(-1, 1)],
  [column(3), column(5)],
] as const;
const pairs = batches.map(([x, y]) => [...x.data].map((v, i) => [Number(v), Number(y.data[i])] as const));

async function* generate(): AsyncGenerator<readonly [Tensor, Tensor]> {
  for (const batch of batches) {
    await new Promise((resolve) => setImmediate(resolve));
    yield batch;
  }
}
/** Starts anew each time it is asked. */
const again = { [Symbol.asyncIterator]: generate };
function* generateSync(): Generator<readonly [Tensor, Tensor]> {
  yield* batches;
}

describe('batches as they come', () => {
  test('an iterable is read anew for each epoch; batches may differ in size', async () => {
    for (const source of [again, new Set(batches), { [Symbol.iterator]: generateSync }]) {
      const one = oneWeight(0.2);
      const { loss } = await one.fit(source, undefined, { ...quiet, epochs: 2 });
      const { w, losses } = descend(0.2, [...pairs, ...pairs]);
      expect(weightOf(one)).toBeCloseTo(w, 5);
      const [a, b, c] = losses as [number, number, number];
      expect(loss?.[0]).toBeCloseTo((2 * a + 2 * b + c) / 5, 5);
    }
  });

  test('a generator lasts for one epoch, or for as many as stepsPerEpoch makes of it', async () => {
    const one = oneWeight(0.2);
    await one.fit(generate(), undefined, quiet);
    await one.fit(generate(), undefined, { ...quiet, epochs: 3, stepsPerEpoch: 1 });
    expect(weightOf(one)).toBeCloseTo(descend(0.2, [...pairs, ...pairs]).w, 4);
  });

  test.each([
    ['async', generate],
    ['sync', generateSync],
  ] as const)('an %s generator that has run out says so', async (_, source) => {
    const fit = oneWeight(0.2).fit(source(), undefined, { ...quiet, epochs: 2 });
    await expect(fit).rejects.toThrow(/ran out.*read only once.*stepsPerEpoch/);
    const steps = oneWeight(0.2).fit(source(), undefined, { ...quiet, stepsPerEpoch: 4 });
    await expect(steps).rejects.toThrow(/ran out/);
  });

  test('no batches at all are an error', async () => {
    await expect(oneWeight(0.2).fit(new Set<never>(), undefined, quiet)).rejects.toThrow(/gave none/);
  });

  test('validation from an iterable starts at the same batch each time', async () => {
    const one = oneWeight(0.2);
    const validationData = new Set(batches);
    const options = { ...quiet, epochs: 2, validationData, validationSteps: 1 };
    const { val_loss: values } = await one.fit(column(0), column(0), options);
    const expected = descend(0.2, pairs.slice(0, 1)).losses[0] as number;
    expect(values?.[0]).toBeCloseTo(expected, 5);
    expect(values?.[1]).toBeCloseTo(expected, 5);
  });

  test('weights come as the third of a batch; evaluate and predict take iterables', async () => {
    const one = oneWeight(0.2);
    const weighted = [[column(1, 2), column(2, 3), [0, 1]]] as const;
    const { loss } = await one.evaluate(new Set(weighted), undefined, { verbose: 0 });
    expect(loss).toBeCloseTo((0.4 - 3) ** 2 / 2, 5);
    const y = (await one.predict(new Set([[column(1, 2)], [column(3)]] as const))) as Tensor;
    expect(y.shape).toEqual([3, 1]);
    expect(y.data[2]).toBeCloseTo(0.6, 6);
  });

  test('several inputs by name; a model without an input is built by the first batch', async () => {
    const [a, b] = [input({ shape: [1], name: 'a' }), input({ shape: [1], name: 'b' })];
    const sum = model({ inputs: [a, b], outputs: layers.add().apply([a, b]) });
    sum.compile({ optimizer: 'sgd', loss: 'mse', threads: 1 });
    const source = new Set([[{ a: column(1), b: column(2) }, column(5)]] as const);
    expect((await sum.evaluate(source, undefined, { verbose: 0 })).loss).toBeCloseTo(4, 6);

    const unbuilt = sequential([layers.dense({ units: 1 })]);
    unbuilt.compile({ optimizer: 'sgd', loss: 'mse', threads: 1 });
    await unbuilt.fit(new Set([[normalData([4, 3]), normalData([4, 1])]] as const), undefined, quiet);
    expect(unbuilt.countParams()).toBe(4);
  });

  test('options that only arrays can have are refused', async () => {
    const one = oneWeight(0.2);
    await expect(one.fit(again, column(1), quiet)).rejects.toThrow(/"y" cannot be given with an iterable/);
    await expect(one.fit(again, undefined, { ...quiet, validationSplit: 0.5 })).rejects.toThrow(
      /"validationSplit"/,
    );
    await expect(one.fit(again, undefined, { ...quiet, classWeight: { 0: 1 } })).rejects.toThrow(
      /"classWeight"/,
    );
  });

  test('a batch that is no batch', async () => {
    const odd = new Set([column(1)]) as never;
    await expect(oneWeight(0.2).fit(odd, undefined, quiet)).rejects.toThrow(/must give \[x, y\]/);
  });

  test('an error of the source reaches the caller, and its iterator is closed when training ends early', async () => {
    async function* broken(): AsyncGenerator<readonly [Tensor, Tensor]> {
      yield batches[0];
      throw new Error('disk');
    }
    await expect(oneWeight(0.2).fit(broken(), undefined, quiet)).rejects.toThrow('disk');
    let closed = false;
    async function* endless(): AsyncGenerator<readonly [Tensor, Tensor]> {
      try {
        for (;;) yield batches[0];
      } finally {
        closed = true;
      }
    }
    await oneWeight(0.2).fit(endless(), undefined, { ...quiet, stepsPerEpoch: 2 });
    expect(closed).toBe(true);
  });
});
