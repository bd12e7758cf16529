import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { Value } from '../ir/graph.ts';
import { add, div, matmul, mul, reduceL2, sub, transpose } from '../ops/index.ts';
import { adamUpdate } from './adam-rule.ts';
import {
  commonOptions,
  Optimizer,
  optimizers,
  type Slot,
  type Update,
  type UpdateInputs,
  type WeightInfo,
} from './optimizer.ts';

const decay = z.number().nullable().default(0.004);
const pattern = z.string().refine(isPattern, 'expected a regular expression');
const schema = deferred(() =>
  z.strictObject({
    ...commonOptions(0.001),
    weightDecay: decay,
    /** Patterns found in the paths of matrices that AdamW updates; the last layer's, as a rule. */
    excludeLayers: z.array(pattern).default([]),
    /** Whether AdamW updates matrices with "embedding" in their path. */
    excludeEmbeddings: z.boolean().default(true),
    momentum: z.number().default(0.95),
    nesterov: z.boolean().default(true),
    /** Rounds of Newton-Schulz. */
    nsSteps: z.int().min(1, 'expected a whole number of at least 1').default(5),
    muonA: z.number().default(3.4445),
    muonB: z.number().default(-4.775),
    muonC: z.number().default(2.0315),
    /** Root mean square of a step before the learning rate; `null` leaves steps as they come. */
    rmsRate: z.number().nullable().default(0.2),
    adamBeta1: z.number().default(0.9),
    adamBeta2: z.number().default(0.999),
    epsilon: z.number().default(1e-7),
    adamWeightDecay: decay,
    /** Learning rate of AdamW over that of Muon. */
    adamLrRatio: z.number().default(1),
  }),
);

function isPattern(text: string): boolean {
  try {
    return new RegExp(text) !== undefined;
  } catch {
    return false;
  }
}

/**
 * Momentum made orthogonal: a matrix moves by `U V^T` of the singular value decomposition of its momentum, roughly.
 * Everything that is no matrix, embeddings and `excludeLayers` are updated by AdamW.
 */
export class Muon extends Optimizer<typeof schema> {
  static override readonly className = 'Muon';
  static override readonly schema = schema;

  protected get ruleSlots(): readonly (readonly Slot[])[] {
    const velocity: Slot = {
      name: 'velocity',
      initial: 0,
      shape: (weight) => (this.#usesAdam(weight) ? weight.shape : undefined),
    };
    return [[{ name: 'momentum', initial: 0 }, velocity]];
  }

  override get elementwise(): boolean {
    return false;
  }

  protected override decayOf(weight: WeightInfo): number | null {
    return this.#usesAdam(weight) ? this.options.adamWeightDecay : this.options.weightDecay;
  }

  #usesAdam({ path, shape }: WeightInfo): boolean {
    const { excludeEmbeddings, excludeLayers } = this.options;
    return (
      shape.length !== 2 ||
      (excludeEmbeddings && /embedding/i.test(path)) ||
      excludeLayers.some((text) => new RegExp(text).test(path))
    );
  }

  protected update(inputs: UpdateInputs): Update {
    const { weight, gradient: g, path = '', learningRate, slot } = inputs;
    const { adamBeta1: beta1, adamBeta2: beta2, epsilon, adamLrRatio } = this.options;
    if (this.#usesAdam({ path, shape: weight.shape })) {
      return adamUpdate(
        { ...inputs, learningRate: mul(learningRate, adamLrRatio) },
        { beta1, beta2, epsilon },
      );
    }
    const { momentum: share, nesterov, rmsRate } = this.options;
    const momentum = add(mul(slot('momentum'), share), g);
    const direction = this.#orthogonal(nesterov ? add(g, mul(momentum, share)) : momentum);
    const [rows, columns] = weight.shape as readonly [number, number];
    const scale = rmsRate === null ? 1 : rmsRate * Math.sqrt(Math.max(rows, columns));
    return { weight: sub(weight, mul(direction, mul(learningRate, scale))), slots: { momentum } };
  }

  /** Newton-Schulz: `x' = a x + (b A + c A^2) x` with `A = x x^T` draws the singular values of `x` to about 1. */
  #orthogonal(matrix: Value): Value {
    const { muonA, muonB, muonC, nsSteps } = this.options;
    const [rows, columns] = matrix.shape as readonly [number, number];
    const wide = rows > columns ? transpose(matrix) : matrix;
    let x = div(wide, add(reduceL2(wide), 1e-7));
    for (let round = 0; round < nsSteps; round++) {
      const gram = matmul(x, transpose(x));
      const curve = add(mul(gram, muonB), mul(matmul(gram, gram), muonC));
      x = add(mul(x, muonA), matmul(curve, x));
    }
    return rows > columns ? transpose(x) : x;
  }
}

/** Muon. @source Jordan 2024, "Muon"; Liu et al. 2025, "Muon is Scalable for LLM Training"; Keras Muon */
export const muon = (options: z.input<typeof schema> = {}) => new Muon(options);
optimizers.register(Muon);
