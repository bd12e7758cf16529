import type { Tensor } from '../core/tensor.ts';

/** Inputs and labels, one row each for an example. */
export interface Examples {
  readonly x: Tensor;
  readonly y: Tensor;
}

/** A data set in two parts. */
export interface Dataset {
  readonly train: Examples;
  readonly test: Examples;
  /** Names of the classes, by label. */
  readonly classNames?: readonly string[];
}
