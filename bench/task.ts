/** What a side is asked to do: the same for all of them, told as JSON. */
export interface Task {
  readonly name: string;
  readonly mode: Mode;
  readonly batchSize: number;
  /** Batches of data in memory: an epoch. */
  readonly batches: number;
  readonly sampleShape: readonly number[];
  /** Inputs are whole numbers below this, instead of numbers in [0, 1). */
  readonly vocabulary?: number;
  readonly classes: number;
  /** Shape of a sample's labels: none for one label, `[height, width]` for one per pixel. */
  readonly labelShape?: readonly number[];
  /** `momentum` is SGD with learning rate 0.01 and momentum 0.9. */
  readonly optimizer: 'adam' | 'momentum';
}

/** A step of training, or a call for predictions. */
export type Mode = 'train' | 'predict';

/** The same network, asked for predictions in batches of this size. */
export const predictionTask = (task: Task, batchSize: number): Task => ({
  ...task,
  mode: 'predict',
  batchSize,
  batches: 4,
});

const keys = [
  'name',
  'mode',
  'batchSize',
  'batches',
  'sampleShape',
  'vocabulary',
  'classes',
  'labelShape',
  'optimizer',
] satisfies (keyof Task)[];

/** The task alone, without a model, for another process. */
export const taskJson = (task: Task): string => JSON.stringify(task, keys);

/** Random samples and labels, in a row each. */
export interface Samples {
  readonly count: number;
  readonly x: Float32Array | Int32Array;
  readonly y: Int32Array;
}

/**
 * Random samples and labels. Every input occurs twice, with labels of its own: nothing can be learned by heart,
 * so that gradients keep an ordinary size however long a measurement goes on.
 */
export function randomSamples(task: Task): Samples {
  const { vocabulary, classes, sampleShape, labelShape = [] } = task;
  const count = task.batchSize * task.batches;
  const half = (count / 2) * elements(sampleShape);
  const x = vocabulary === undefined ? new Float32Array(2 * half) : new Int32Array(2 * half);
  for (let i = 0; i < half; i++) {
    x[i] = vocabulary === undefined ? Math.random() : Math.floor(Math.random() * vocabulary);
  }
  x.copyWithin(half, 0, half);
  const labels = { length: count * elements(labelShape) };
  return { count, x, y: Int32Array.from(labels, () => Math.floor(Math.random() * classes)) };
}

const elements = (shape: readonly number[]): number => shape.reduce((n, size) => n * size, 1);

/** How `fit` makes about `steps` steps, after a first epoch that does not count. */
export function portion({ batchSize, batches }: Task, steps: number): { samples: number; epochs: number } {
  return {
    samples: batchSize * Math.min(steps, batches),
    epochs: 1 + Math.max(1, Math.round(steps / batches)),
  };
}
