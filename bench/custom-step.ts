/**
 * A training loop by hand beside `fit`: `node dist/bench/custom-step.js [workload ...]` trains the same network on the same
 * batches with `tfk.trainStep` and with `fit`, in turns, and prints milliseconds per step and their ratio round by round.
 */
import * as tfk from '../src/index.ts';
import { machine } from './report.ts';
import { compiledModel, optimizerOf, randomTensors } from './sides/model.ts';
import { median, ratio } from './statistics.ts';
import { findWorkload } from './workloads/index.ts';
import { threads, type Workload } from './workloads/workload.ts';

const [rounds, turnMs] = [11, 400];

/** Both ways to train for an epoch. */
function ways(workload: Workload): readonly [fit: () => Promise<unknown>, loop: () => Promise<unknown>] {
  const { batchSize, batches } = workload;
  const { x, y } = randomTensors(workload);
  const [fitted, own] = [compiledModel(workload), compiledModel(workload)];
  const loss = tfk.losses.sparseCategoricalCrossentropy();
  const step = tfk.trainStep(
    own,
    optimizerOf(workload),
    (images: tfk.Value, labels: tfk.Value) => loss.compute(labels, tfk.call(own, images, { training: true })),
    { threads },
  );
  const loop = async () => {
    for (let i = 0; i < batches; i++) {
      const [start, end] = [i * batchSize, (i + 1) * batchSize];
      await step(x.rows(start, end), y.rows(start, end));
    }
  };
  return [() => fitted.fit(x, y, { batchSize, verbose: 0 }), loop];
}

console.log(machine());
const names = process.argv.slice(2);
for (const name of names.length > 0 ? names : ['tiny-mlp', 'mlp', 'mnist-convnet']) {
  const workload = findWorkload(name);
  const both = ways(workload);
  for (const way of both) await way();
  const start = performance.now();
  await both[0]();
  const epochs = Math.max(1, Math.round(turnMs / (performance.now() - start)));
  const times: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    for (const [i, way] of both.entries()) {
      const start = performance.now();
      for (let epoch = 0; epoch < epochs; epoch++) await way();
      times[i]?.push((performance.now() - start) / (epochs * workload.batches));
    }
  }
  const [fit, loop] = times;
  const { median: middle, min, max } = ratio(loop, fit);
  const shown = [median(fit), median(loop), middle, min, max].map((v) => v.toFixed(3));
  console.log(
    `${name}: fit ${shown[0]} ms, trainStep ${shown[1]} ms, ratio ${shown[2]} (${shown[3]} to ${shown[4]})`,
  );
}
