import * as tfk from '../../src/index.ts';
import { randomSamples, type Task } from '../task.ts';
import { threads, type Workload } from '../workloads/workload.ts';

/** A trained vector for every position of a sequence: `y[b, t] = x[b, t] + embeddings[t]`. */
class Positions extends tfk.Layer {
  static override readonly className = 'Positions';
  #embeddings!: tfk.Weight;

  override build([[, length, size]]: tfk.PartialShapes): void {
    const initializer = tfk.initializers.randomUniform();
    this.#embeddings = this.addWeight('embeddings', [length ?? 1, size ?? 1], { initializer });
  }

  call([x]: tfk.Values): tfk.Value {
    return tfk.ops.add(x, this.#embeddings.value);
  }
}

/** A new model of tfk's, compiled as a user would. */
export function compiledModel(workload: Workload): tfk.Model {
  const layers = { ...tfk.layers, positions: () => new Positions({}) };
  const model = workload.build({ input: tfk.input, model: tfk.model, layers });
  model.compile({ optimizer: optimizerOf(workload), loss: 'sparseCategoricalCrossentropy', threads });
  return model;
}

/** A new optimizer of the kind that a task asks for. */
export const optimizerOf = ({ optimizer }: Task): tfk.optimizers.Optimizer =>
  optimizer === 'adam' ? tfk.optimizers.adam() : tfk.optimizers.sgd({ learningRate: 0.01, momentum: 0.9 });

/** {@link randomSamples} as tensors. */
export function randomTensors(task: Task): { x: tfk.Tensor; y: tfk.Tensor } {
  const { count, x, y } = randomSamples(task);
  const dtype = task.vocabulary === undefined ? 'float32' : 'int32';
  return {
    x: new tfk.Tensor(dtype, [count, ...task.sampleShape], x),
    y: new tfk.Tensor('int32', [count, ...(task.labelShape ?? [])], y),
  };
}
