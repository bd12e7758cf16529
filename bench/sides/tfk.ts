/** tfk's side: `node tfk.js <workload>`, then `{"steps": 100}` on standard input. */
import { type Model, Tensor, version } from '../../src/index.ts';
import { portion, randomSamples } from '../task.ts';
import { findWorkload } from '../workloads/index.ts';
import { serve } from './serve.ts';

const workload = findWorkload(process.argv[2] ?? '');
const { count, x, y } = randomSamples(workload);
const dtype = x instanceof Int32Array ? 'int32' : 'float32';
const inputs = new Tensor(dtype, [count, ...workload.sampleShape], x);
const labels = new Tensor('int32', [count], y);
let model: Model | undefined;

await serve(`tfk ${version}`, async (steps) => {
  model ??= workload.model();
  const { batchSize } = workload;
  const { samples, epochs } = portion(workload, steps);
  await model.fit(inputs.rows(0, samples), labels.rows(0, samples), { batchSize, epochs, verbose: 0 });
  return (epochs * samples) / batchSize;
});
