import type { Layer } from '../layers/layer.ts';
import type { SymbolicTensor } from '../layers/symbolic.ts';
import type { StepBatch, StepLosses } from './step-graph.ts';

/** What the trainer needs of a model. */
export interface Trainable extends Layer {
  readonly inputs: readonly SymbolicTensor[];
  readonly outputs: readonly SymbolicTensor[];
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /** What a training step computes instead of the compiled losses and metrics. */
  trainStep?(batch: StepBatch): StepLosses;
  /** The same for evaluation. */
  testStep?(batch: StepBatch): StepLosses;
}
