import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { normalizeAxis } from '../core/shape.ts';
import { ShapeError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import { reshape } from '../ops/index.ts';
import { Affine, affineOptions, standardize } from './affine.ts';
import { knownSize, type PartialShapes, type Values } from './layer.ts';
import { positiveInteger } from './options.ts';
import { registerLayer } from './registry.ts';

const schema = deferred(() =>
  affineOptions.extend({
    /** Number of groups the channels are split into; -1 makes every channel a group of its own. */
    groups: z.union([z.literal(-1), positiveInteger]).default(32),
    /** Axis of the channels. */
    axis: z.int().default(-1),
  }),
);

/**
 * Group normalization: `y = gamma * (x - mean) / sqrt(variance + epsilon) + beta`, mean and variance taken
 * over each group of channels of each sample. Weights: `gamma`, `beta`, each `[channels]`.
 * @source Wu and He, ECCV 2018; keras/src/layers/normalization/group_normalization.py
 */
export class GroupNormalization extends Affine<typeof schema> {
  static override readonly className = 'GroupNormalization';
  static override readonly schema = schema;

  override build([shape]: PartialShapes): void {
    const axis = normalizeAxis(this.options.axis, shape.length, 'axis');
    const channels = knownSize(shape, axis, 'number of channels');
    const groups = this.#groups(channels);
    if (channels % groups !== 0) {
      throw new ShapeError(`${groups} groups do not divide ${channels} channels. Set groups to a divisor.`, {
        argument: 'groups',
        expected: `a divisor of ${channels}`,
        received: String(groups),
      });
    }
    this.addAffine([channels]);
  }

  call([x]: Values): Value {
    const axis = normalizeAxis(this.options.axis, x.rank, 'axis');
    const channels = x.shape[axis] as number;
    const groups = this.#groups(channels);
    const grouped = reshape(x, x.shape.toSpliced(axis, 1, groups, channels / groups));
    const others = Array.from(grouped.shape.keys()).filter((i) => i !== 0 && i !== axis);
    return this.affine(reshape(standardize(grouped, others, this.options.epsilon), x.shape), [axis]);
  }

  #groups(channels: number): number {
    return this.options.groups === -1 ? channels : this.options.groups;
  }
}

/** Group normalization over groups of channels of each sample. @see {@link GroupNormalization} */
export const groupNormalization = (options: z.input<typeof schema> = {}): GroupNormalization =>
  new GroupNormalization(options);
registerLayer(GroupNormalization, [
  { options: { groups: 2 }, inputs: [[null, 3, null, 4]], output: [null, 3, null, 4] },
  { options: { groups: -1, axis: 1 }, inputs: [[null, 4, 3]], output: [null, 4, 3] },
  { inputs: [[null, 32]], output: [null, 32] },
]);
