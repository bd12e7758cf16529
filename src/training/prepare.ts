import { yieldToEventLoop } from '../core/event-loop.ts';
import type { Compiled } from './compile.ts';
import { checkFiniteInSlices, type Dataset } from './data.ts';
import { outputNames } from './step-graph.ts';
import type { Trainable } from './trainable.ts';

/**
 * Checks the values of data once, before training: no NaN, and targets that the losses can take for what the model
 * puts out.
 * @throws {@link DataError} naming the sample
 */
export async function prepareDataset(model: Trainable, compiled: Compiled, data: Dataset): Promise<Dataset> {
  await yieldToEventLoop();
  for (const t of data.x) await checkFiniteInSlices('x', t);
  for (const t of data.y) await checkFiniteInSlices('y', t);
  const outputs = model.inferOutputs(
    data.x.map(({ dtype, shape }, i) => ({
      dtype,
      shape: [model.inputs[i]?.shape[0] ?? null, ...shape.slice(1)],
    })),
  );
  await yieldToEventLoop();
  const names = outputNames(model, outputs.length);
  for (const [i, loss] of compiled.losses(names).entries()) {
    const [target, output] = [data.y[i], outputs[i]];
    if (loss && target && output) loss.checkTargets(target, output.shape);
  }
  return data;
}
