/** What a side is asked to train on: the same for all of them, told as JSON. */
export interface Task {
  readonly name: string;
  readonly batchSize: number;
  /** Batches of data in memory: an epoch. */
  readonly batches: number;
  readonly sampleShape: readonly number[];
  /** Inputs are whole numbers below this, instead of numbers in [0, 1). */
  readonly vocabulary?: number;
  readonly classes: number;
}

/** The task alone, without a model, for another process. */
export const taskJson = ({ name, batchSize, batches, sampleShape, vocabulary, classes }: Task): string =>
  JSON.stringify({ name, batchSize, batches, sampleShape, vocabulary, classes });

/**
 * Random samples and labels. Every input occurs twice, with labels of its own: nothing can be learned by heart,
 * so that gradients keep an ordinary size however long a measurement goes on.
 */
export function randomSamples(task: Task): { count: number; x: Float32Array | Int32Array; y: Int32Array } {
  const count = task.batchSize * task.batches;
  const half = (count / 2) * task.sampleShape.reduce((n, size) => n * size, 1);
  const { vocabulary, classes } = task;
  const x = vocabulary === undefined ? new Float32Array(2 * half) : new Int32Array(2 * half);
  for (let i = 0; i < half; i++) {
    x[i] = vocabulary === undefined ? Math.random() : Math.floor(Math.random() * vocabulary);
  }
  x.copyWithin(half, 0, half);
  const y = Int32Array.from({ length: count }, () => Math.floor(Math.random() * classes));
  return { count, x, y };
}

/** How `fit` makes about `steps` steps, after a first epoch that does not count. */
export function portion({ batchSize, batches }: Task, steps: number): { samples: number; epochs: number } {
  return {
    samples: batchSize * Math.min(steps, batches),
    epochs: 1 + Math.max(1, Math.round(steps / batches)),
  };
}
