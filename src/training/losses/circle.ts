import * as z from 'zod';
import { deferred } from '../../core/deferred.ts';
import { formatShape } from '../../core/shape.ts';
import { Tensor } from '../../core/tensor.ts';
import { ShapeError } from '../../errors.ts';
import { constant, type Value } from '../../ir/graph.ts';
import {
  add,
  cast,
  equal,
  greater,
  logicalAnd,
  logicalNot,
  logSumExp,
  matmul,
  mul,
  relu,
  reshape,
  softplus,
  sub,
  transpose,
  where,
} from '../../ops/index.ts';
import { Loss, losses, lossOptions } from '../loss.ts';

const schema = deferred(() =>
  lossOptions.extend({
    /** How strongly far pairs outweigh others. */
    gamma: z.number().default(80),
    /** How far apart classes are to be, in cosine distance. */
    margin: z.number().default(0.4),
    /** Whether a sample is no partner of itself. */
    removeDiagonal: z.boolean().default(true),
  }),
);

/** Exponent of what does not count in a sum of exponentials. */
const nothing = -1e9;

/**
 * Draws embeddings of one class together and pushes classes apart, over all pairs in a batch:
 * `softplus(logSumExp(-gamma * wp * (margin - d)) + logSumExp(gamma * wn * (1 - margin - d)))` with the cosine distances
 * `d` of pairs alike and unlike, `wp = margin + d` and `wn = 1 + margin - d`. Targets are class numbers, predictions
 * `[batch, size]` of length 1. Samples that cost nothing do not count in the mean.
 * @source Sun et al. 2020, "Circle Loss"; keras/src/losses/losses.py
 */
export class Circle extends Loss<typeof schema> {
  static override readonly className = 'Circle';
  static override readonly schema = schema;

  /** @throws {@link ShapeError} when there is not one class number for each embedding */
  call(yTrue: Value, yPred: Value): Value {
    const [batch] = yPred.shape;
    if (
      yPred.rank !== 2 ||
      (yTrue.rank === 2 ? yTrue.shape[1] !== 1 : yTrue.rank !== 1) ||
      yTrue.shape[0] !== batch
    ) {
      const received = `${formatShape(yTrue.shape)} and ${formatShape(yPred.shape)}`;
      const expected = 'targets [batch] and predictions [batch, size]';
      throw new ShapeError(`Circle: expected ${expected}. Received ${received}.`, {
        op: 'Circle',
        expected,
        received,
      });
    }
    const { gamma, margin, removeDiagonal } = this.options;
    const labels = reshape(cast(yTrue, 'int32'), [batch as number, 1]);
    const alike = equal(labels, transpose(labels));
    const positive = removeDiagonal ? logicalAnd(alike, offDiagonal(batch as number)) : alike;
    const distance = relu(sub(1, matmul(yPred, transpose(yPred))));
    const pulls = mul(mul(relu(add(distance, margin)), sub(margin, distance)), -gamma);
    const pushes = mul(mul(relu(sub(1 + margin, distance)), sub(1 - margin, distance)), gamma);
    const total = (pairs: Value, x: Value): Value => logSumExp(where(pairs, x, nothing), [1]);
    return softplus(add(total(positive, pulls), total(logicalNot(alike), pushes)));
  }

  override mask(yTrue: Value, yPred: Value): Value {
    return greater(this.call(yTrue, yPred), 0);
  }
}
/** Draws embeddings of one class together and pushes classes apart. @see {@link Circle} */
export const circle = (options: z.input<typeof schema> = {}): Circle => new Circle(options);
losses.register(Circle);

const offDiagonal = (n: number): Value =>
  constant(
    new Tensor(
      'bool',
      [n, n],
      Uint8Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 0 : 1)),
    ),
  );
