import { sizeOf } from '../../src/core/shape.ts';
import { Tensor } from '../../src/core/tensor.ts';
import { expectClose, type Tolerance } from './close.ts';
import { readGolden } from './golden.ts';
import type { GoldenLayer } from './layer-cases.ts';

/** What is left of a weight in `five-steps.json`: its first numbers, the sum and the sum of squares. */
interface Digest {
  readonly shape: readonly number[];
  readonly first: readonly number[];
  readonly sum: number;
  readonly squares: number;
}

/** Logs of each step and the weights after the last one. */
export interface FiveSteps {
  /** Name of the case, in the file that it was recorded from. */
  readonly name: string;
  readonly history: Readonly<Record<string, readonly number[]>>;
  readonly weights: readonly Digest[];
}

export interface LayerSteps extends FiveSteps {
  /** File of the case; `extra` is a list in `five-steps.json` itself. */
  readonly source: 'layers' | 'layers-more' | 'recurrent' | 'attention' | 'augmentation' | 'extra';
}

export interface LossSteps extends FiveSteps {
  readonly reduction: string;
  readonly weighted: boolean;
  readonly activation: string;
}

export interface MetricSteps extends FiveSteps {
  readonly loss: 'mse' | 'sparse';
  readonly logits: boolean;
  /** Whether predictions are class numbers, which nothing trains. */
  readonly labels: boolean;
  readonly activation: string;
}

export interface OptimizerSteps extends FiveSteps {
  /** Whether the case is a schedule, used by SGD. */
  readonly schedule: boolean;
}

/** `five-steps.json`: what Keras's `fit` does to the cases of the other files. */
export const fiveSteps = readGolden<{
  readonly extra: readonly Pick<
    GoldenLayer,
    'name' | 'className' | 'options' | 'inputs' | 'weights' | 'directions'
  >[];
  readonly layers: readonly LayerSteps[];
  readonly losses: readonly LossSteps[];
  readonly metrics: readonly MetricSteps[];
  readonly optimizers: readonly OptimizerSteps[];
}>('five-steps.json');

/** A class and its options. */
export interface Case {
  readonly name: string;
  readonly className: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** The case of a golden file that was trained. */
export function caseOf<T extends Case>(cases: readonly T[], { name }: FiveSteps): T {
  const found = cases.find((c) => c.name === name);
  if (found === undefined) throw new Error(`No golden file has the case "${name}".`);
  return found;
}

/** The first record of each class, for the fast tests, and all others. */
export function byClass<T extends FiveSteps>(
  records: readonly T[],
  classOf: (record: T) => string,
): { readonly first: readonly T[]; readonly others: readonly T[]; readonly classes: readonly string[] } {
  const found = new Map<string, T>();
  for (const record of records) if (!found.has(classOf(record))) found.set(classOf(record), record);
  const first = [...found.values()];
  return { first, others: records.filter((r) => !first.includes(r)), classes: [...found.keys()] };
}

/** Numbers from -1 to 1, those of the recorder. */
export const numbers = (shape: readonly number[], salt: number): Tensor =>
  fill(shape, (i) => ((i * 7919 + salt * 104729) % 2001) / 1000 - 1);

/** A tensor whose element `i` is `at(i)`. */
export const fill = (shape: readonly number[], at: (i: number) => number): Tensor =>
  new Tensor(
    'float32',
    shape,
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => at(i)),
  );

/** Both sides compute in float32; the record keeps seven digits. */
const logTolerance: Tolerance = { rtol: 1e-5, atol: 1e-6 };
const weightTolerance: Tolerance = { rtol: 2e-5, atol: 5e-6 };

/** The same logs, step by step; all that were recorded, if no keys are given. */
export function expectHistory(
  actual: Readonly<Record<string, readonly number[]>>,
  { name, history }: FiveSteps,
  keys: readonly string[] = Object.keys(history),
): void {
  for (const key of keys) {
    expectClose(actual[key] ?? [], history[key] ?? [], logTolerance, `${name}: ${key}`);
  }
}

/** The same weights, as far as digests tell. */
export function expectWeights(actual: readonly Tensor[], { name, weights }: FiveSteps): void {
  const shapes = (list: readonly { readonly shape: readonly number[] }[]): string =>
    list.map(({ shape }) => `[${shape}]`).join(' ');
  if (shapes(actual) !== shapes(weights)) {
    throw new Error(`${name}: expected weights ${shapes(weights)}. Received ${shapes(actual)}.`);
  }
  weights.forEach(({ first, sum, squares }, i) => {
    const data = Float64Array.from(actual[i]?.data ?? [], Number);
    const label = `${name}: weight ${i}`;
    const ofSums = { ...weightTolerance, atol: weightTolerance.atol * Math.max(1, Math.sqrt(data.length)) };
    const total = data.reduce((a, b) => a + b, 0);
    const squared = data.reduce((a, b) => a + b * b, 0);
    expectClose(data.slice(0, first.length), first, weightTolerance, label);
    expectClose([total, squared], [sum, squares], ofSums, `${label}, sum and sum of squares`);
  });
}
