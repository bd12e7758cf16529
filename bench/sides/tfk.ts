/** tfk's side: `node tfk.js <task>`, then `{"steps": 100}` on standard input. */
import { callbacks, type Model, version } from '../../src/index.ts';
import { portion, type Task } from '../task.ts';
import { findWorkload } from '../workloads/index.ts';
import { compiledModel, randomTensors } from './model.ts';
import { calls, type Run, serve } from './serve.ts';

/** Tells when an epoch ends. */
class Clock extends callbacks.Callback {
  override readonly onEpochEnd: () => void;

  constructor(mark: () => void) {
    super();
    this.onEpochEnd = mark;
  }
}

/** Trains with `fit`. */
function training(task: Task): Run {
  const { x, y } = randomTensors(task);
  let model: Model | undefined;
  return async (steps, mark) => {
    model ??= compiledModel(findWorkload(task.name));
    const { batchSize } = task;
    const { samples, epochs } = portion(task, steps);
    const clock = new Clock(mark);
    await model.fit(x.rows(0, samples), y.rows(0, samples), {
      batchSize,
      epochs,
      verbose: 0,
      callbacks: [clock],
    });
    return samples / batchSize;
  };
}

/** Predicts a batch at a time. */
function prediction(task: Task): Run {
  const { x } = randomTensors(task);
  const { batchSize, batches } = task;
  const inputs = Array.from({ length: batches }, (_, i) => x.rows(i * batchSize, (i + 1) * batchSize));
  let model: Model | undefined;
  return calls(inputs, async (input) => {
    model ??= compiledModel(findWorkload(task.name));
    await model.predict(input, { batchSize, verbose: 0 });
  });
}

const task = JSON.parse(process.argv[2] ?? '') as Task;
await serve(`tfk ${version}`, task.mode === 'train' ? training(task) : prediction(task));
