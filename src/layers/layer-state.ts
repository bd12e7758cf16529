import type { Tensor } from '../core/tensor.ts';

/** What a layer remembers beside its options and weights, as model files keep it. */
export interface LayerState {
  /** Texts by file name, e.g. `vocabulary.txt`. */
  readonly texts?: Readonly<Record<string, string>>;
  /** Numbers by name, e.g. `idf_weights`. */
  readonly tensors?: Readonly<Record<string, Tensor>>;
}

/** A layer with such state. */
export interface KeepsState {
  readonly fileState: LayerState;
  restoreFileState(state: LayerState): void;
}

export const keepsState = (layer: object): layer is KeepsState =>
  'fileState' in layer && 'restoreFileState' in layer;
