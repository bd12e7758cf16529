import { test } from '@jest/globals';
import { getBackend } from '../../src/backend/registry.ts';
import type { Tensor } from '../../src/core/tensor.ts';
import { gradient } from '../../src/ir/autodiff.ts';
import { input, type Value } from '../../src/ir/graph.ts';
import { interpret } from '../../src/ir/interpret.ts';
import { toNDArray } from '../../src/ir/ndarray.ts';
import { optimize } from '../../src/ir/passes.ts';
import { losses } from '../../src/training/losses/index.ts';
import { metrics } from '../../src/training/metrics/index.ts';
import { expectClose, type Tolerance } from '../helpers/close.ts';
import { type GoldenTensor, goldenTensor, readGolden } from '../helpers/golden.ts';

const native: Tolerance = { rtol: 1e-3, atol: 1e-4 };

/** Inputs and results of many small graphs, run as one. */
class Together {
  readonly feeds = new Map<Value, Tensor>();
  readonly results: { readonly label: string; readonly value: Value }[] = [];

  feed(golden: GoldenTensor): Value {
    const data = goldenTensor(golden);
    const value = input(`input${this.feeds.size}`, data);
    this.feeds.set(value, data);
    return value;
  }

  async check(): Promise<void> {
    const values = this.results.map(({ value }) => value);
    const expected = interpret(values, new Map([...this.feeds].map(([v, t]) => [v, toNDArray(t)])));
    const outputs = values.map((value, i) => ({ name: `out${i}`, value }));
    const graph = optimize({ name: 'together', inputs: [...this.feeds.keys()], outputs });
    const executable = await (await getBackend()).compile(graph, { threads: 1 });
    const actual = await executable.run([...this.feeds.values()]).finally(() => executable.dispose());
    expected.forEach(({ data }, i) => {
      expectClose(actual[i]?.data ?? [], data, native, this.results[i]?.label ?? '');
    });
  }
}

interface GoldenCase {
  readonly name: string;
  readonly className: string;
  readonly options: Record<string, unknown>;
}

test('losses and their gradients run natively', async () => {
  const all = new Together();
  for (const c of readGolden<(GoldenCase & Record<'yTrue' | 'yPred' | 'sampleWeight', GoldenTensor>)[]>(
    'losses.json',
  )) {
    const yPred = all.feed(c.yPred);
    const loss = losses.make({ type: c.className, ...c.options });
    const value = loss.compute(all.feed(c.yTrue), yPred, all.feed(c.sampleWeight));
    const [slope] = gradient(value, [yPred]);
    all.results.push({ label: c.name, value });
    all.results.push({ label: `gradient of ${c.name}`, value: slope as Value });
  }
  await all.check();
});

test('statistics of metrics run natively', async () => {
  const all = new Together();
  type Update = Record<'yTrue' | 'yPred', GoldenTensor> & { readonly sampleWeight?: GoldenTensor };
  for (const c of readGolden<(GoldenCase & { readonly updates: readonly Update[] })[]>('metrics.json')) {
    const [update] = c.updates;
    if (!metrics.has(c.className) || update === undefined) continue;
    // options that give arrays in Keras do not change what is counted
    const { average: _a, classAggregation: _c, thresholds, ...options } = c.options;
    const kept = c.className === 'AUC' && thresholds ? { thresholds } : {};
    const metric = metrics.make({ type: c.className, ...options, ...kept });
    const weights = update.sampleWeight && all.feed(update.sampleWeight);
    const statistics = metric.update(all.feed(update.yTrue), all.feed(update.yPred), weights);
    for (const [name, value] of Object.entries(statistics)) {
      all.results.push({ label: `${name} of ${c.name}`, value });
    }
  }
  await all.check();
});
