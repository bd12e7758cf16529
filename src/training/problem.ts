import type { TensorType } from '../core/shape.ts';

/** What a model answers: yes or no, one of several classes by number, or by one-hot row. */
export type Problem = 'binary' | 'sparseCategorical' | 'categorical';

/**
 * What `accuracy` and `crossentropy` mean for these targets and predictions.
 * @source keras/src/trainers/compile_utils.py
 */
export function problemOf({ shape: yTrue }: TensorType, { shape: yPred }: TensorType): Problem {
  if (yPred.at(-1) === 1) return 'binary';
  return yTrue.length < yPred.length || yTrue.at(-1) === 1 ? 'sparseCategorical' : 'categorical';
}
