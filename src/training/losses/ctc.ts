import { formatShape, type PartialShape } from '../../core/shape.ts';
import { type Tensor, tensor } from '../../core/tensor.ts';
import { DataError, ShapeError } from '../../errors.ts';
import { constant, type Value } from '../../ir/graph.ts';
import {
  add,
  cast,
  concat,
  einsum,
  equal,
  logaddexp,
  logicalNot,
  logSoftmax,
  loop,
  mul,
  neg,
  oneHot,
  reduceSum,
  roll,
  slice,
  sub,
  transpose,
} from '../../ops/index.ts';
import { filled } from '../../ops/support.ts';
import { Loss, losses, type lossOptions } from '../loss.ts';
import { place } from './pair-loss.ts';
import type { PlainOptions } from './regression.ts';

/** Logarithm of a probability that counts as 0. */
const never = -1e5;

/**
 * `-ln P(labels)` of a sequence of symbols that `[batch, time, classes]` scores may spell in any alignment, with blanks
 * between: connectionist temporal classification. Targets are `[batch, labels]` class numbers from 1, then zeros; class
 * 0 is the blank. Predictions are scores, not probabilities.
 * @source Graves et al. 2006, "Connectionist Temporal Classification"; keras/src/losses/losses.py
 */
export class CTC extends Loss<typeof lossOptions> {
  static override readonly className = 'CTC';

  /** @throws {@link ShapeError} when targets are not `[batch, labels]` or predictions not `[batch, time, classes]` */
  call(yTrue: Value, yPred: Value): Value {
    if (yTrue.rank !== 2 || yPred.rank !== 3 || yTrue.shape[0] !== yPred.shape[0]) {
      const received = `${formatShape(yTrue.shape)} and ${formatShape(yPred.shape)}`;
      const expected = 'targets [batch, labels] and predictions [batch, time, classes]';
      throw new ShapeError(`CTC: expected ${expected}. Received ${received}.`, {
        op: 'CTC',
        expected,
        received,
      });
    }
    return alignmentLoss(cast(yTrue, 'int32'), yPred);
  }

  /** @throws {@link DataError} when a label is not a class number */
  override checkTargets(yTrue: Tensor, predictions: PartialShape): void {
    const classes = predictions.at(-1) ?? Number.POSITIVE_INFINITY;
    const wrong = (v: number | bigint): boolean => !Number.isInteger(Number(v)) || v < 0 || v >= classes;
    const at = yTrue.data.findIndex(wrong);
    if (at < 0) return;
    const expected = `whole numbers from 1 to ${classes - 1}, and 0 behind the last label`;
    const received = String(yTrue.data[at]);
    throw new DataError(`CTC: expected ${expected}. Received ${place(yTrue.shape, at)} = ${received}.`, {
      op: 'CTC',
      argument: 'y',
      expected,
      received,
    });
  }
}
/** Connectionist temporal classification: labels without an alignment. @see {@link CTC} */
export const ctc = (options: PlainOptions = {}): CTC => new CTC(options);
losses.register(CTC);

/**
 * The forward algorithm, in logarithms. `blank[n]` has spelled `n` labels and stands on a blank, or may go on to the
 * next label; `label[n]` stands on label `n`.
 */
function alignmentLoss(labels: Value, scores: Value): Value {
  const [batch, count] = labels.shape as readonly [number, number];
  const chances = logSoftmax(scores);
  const ofBlank = transpose(slice(chances, [0], [1], [2]), [1, 0, 2]);
  const ofLabel = einsum('btk,bnk->tbn', [chances, oneHot(labels, scores.shape[2] as number)]);
  // a label equal to the next one needs a blank between
  const isRepeat = mul(cast(equal(labels, roll(labels, -1, 1)), scores.dtype), notLast(count));
  const [needsBlank, needsNone] = [mul(isRepeat, never), mul(sub(1, isRepeat), never)];
  const start = concat([filled([batch, 1], 0, scores.dtype), filled([batch, count], never, scores.dtype)], 1);
  const { states } = loop(
    ([blank, label], [emit, rest]) => {
      const [b, l, e, r] = [blank, label, emit, rest] as [Value, Value, Value, Value];
      const ready = arrive(b, add(l, needsBlank));
      const nextLabel = add(logaddexp(head(ready), l), e);
      const nextBlank = arrive(add(ready, r), add(add(l, r), needsNone));
      return { states: [nextBlank, nextLabel], outputs: [] };
    },
    [start, filled([batch, count], never, scores.dtype)],
    [ofLabel, ofBlank],
  );
  const [blank, label] = states as readonly [Value, Value];
  const length = reduceSum(cast(logicalNot(equal(labels, 0)), 'int32'), [1]);
  return neg(reduceSum(mul(arrive(blank, label), oneHot(length, count + 1)), [1]));
}

/** 1 for every label but the last, which has no next one. */
const notLast = (count: number): Value =>
  constant(tensor(Array.from({ length: count }, (_, n) => (n + 1 < count ? 1 : 0))));

/** All but the last column. */
const head = (blank: Value): Value => slice(blank, [0], [-1], [1]);

/** Adds chances of having come from each label to those of the state behind it. */
const arrive = (blank: Value, from: Value): Value =>
  concat(
    [slice(blank, [0], [1], [1]), logaddexp(slice(blank, [1], [blank.shape[1] as number], [1]), from)],
    1,
  );
