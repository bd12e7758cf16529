import type { CompileOptions, Model, Tensor } from '../src/index.ts';

/** One batch of made data; `y` has one entry per output. */
export interface Batch {
  readonly x: readonly Tensor[];
  readonly y: readonly Tensor[];
}

/** A model whose graphs are recorded: what each `model.ts` exports. */
export interface ReferenceModel {
  /** The model, with new weights. */
  build(): Model;
  readonly compile: CompileOptions;
  /** Made data of the kind the model is for. */
  batch(size: number): Batch;
}
