/** tfk's side: `node tfk.js <workload>`, then `{"steps": 100}` on standard input. */
import { callbacks, type Model, Tensor, version } from '../../src/index.ts';
import { portion, randomSamples } from '../task.ts';
import { findWorkload } from '../workloads/index.ts';
import { serve } from './serve.ts';

const workload = findWorkload(process.argv[2] ?? '');
const { count, x, y } = randomSamples(workload);
const dtype = x instanceof Int32Array ? 'int32' : 'float32';
const inputs = new Tensor(dtype, [count, ...workload.sampleShape], x);
const labels = new Tensor('int32', [count], y);
let model: Model | undefined;

/** Tells when an epoch ends. */
class Clock extends callbacks.Callback {
  override readonly onEpochEnd: () => void;

  constructor(mark: () => void) {
    super();
    this.onEpochEnd = mark;
  }
}

await serve(`tfk ${version}`, async (steps, mark) => {
  model ??= workload.model();
  const { batchSize } = workload;
  const { samples, epochs } = portion(workload, steps);
  await model.fit(inputs.rows(0, samples), labels.rows(0, samples), {
    batchSize,
    epochs,
    verbose: 0,
    callbacks: [new Clock(mark)],
  });
  return samples / batchSize;
});
