import type { Layer } from '../layers/layer.ts';
import type { SymbolicTensor } from '../layers/symbolic.ts';

/** What the trainer needs of a model. */
export interface Trainable extends Layer {
  readonly inputs: readonly SymbolicTensor[];
  readonly outputs: readonly SymbolicTensor[];
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
}
