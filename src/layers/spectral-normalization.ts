import type * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { ConfigError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import {
  div,
  equal,
  matmul,
  mul,
  reduceL2,
  reduceSum,
  reshape,
  stopGradient,
  transpose,
  where,
} from '../ops/index.ts';
import { truncatedNormal } from './initializers.ts';
import type { CallOptions, PartialShapes, Values } from './layer.ts';
import { positiveInteger } from './options.ts';
import { registerLayer } from './registry.ts';
import { currentTrace } from './trace.ts';
import type { Weight } from './weight.ts';
import { Wrapper, wrapperOptions } from './wrapper.ts';

const schema = deferred(() =>
  wrapperOptions.extend({
    /** Rounds of the power method in a training step. */
    powerIterations: positiveInteger.default(1),
  }),
);

/**
 * Calls a layer with its kernel divided by its largest singular value: `kernel / sigma`, which bounds how steep the
 * layer is. `sigma` comes from the power method, which goes on from step to step; the kernel counts as a matrix
 * `[..., outputs]`.
 *
 * Weights: the kernel (or embeddings), `vector_u [1, outputs]`, then the layer's others. The kernel itself stays as it
 * is; Keras overwrites it with `kernel / sigma` in training, and uses what is there in inference.
 * @source Miyato et al. 2018, "Spectral Normalization"; keras/src/layers/normalization/spectral_normalization.py
 */
export class SpectralNormalization extends Wrapper<typeof schema> {
  static override readonly className = 'SpectralNormalization';
  static override readonly schema = schema;
  #kernel: Weight | undefined;
  #vector!: Weight;

  /** @throws {@link ConfigError} when the layer inside has no kernel */
  override build(shapes: PartialShapes): void {
    super.build(shapes);
    this.#kernel = this.layer.ownWeights.find(({ name }) => name === 'kernel' || name === 'embeddings');
    if (this.#kernel === undefined) {
      throw new ConfigError(
        `expected a layer with a weight "kernel" or "embeddings". Received ${this.layer.className}.`,
        { argument: 'layer', received: this.layer.className },
      );
    }
    const outputs = this.#kernel.shape.at(-1) as number;
    this.#vector = this.addWeight('vector_u', [1, outputs], {
      initializer: truncatedNormal({ stddev: 0.02 }),
      trainable: false,
    });
  }

  /** The kernel too, as in Keras's files. */
  override get ownWeights(): readonly Weight[] {
    return this.#kernel ? [this.#kernel, ...super.ownWeights] : [];
  }

  call(inputs: Values, options: CallOptions): readonly Value[] {
    const kernel = this.#kernel as Weight;
    const { u, sigma } = this.#powerMethod(kernel.value);
    if (options.training) this.#vector.assign(u);
    const trace = currentTrace('SpectralNormalization');
    return trace.withValue(kernel, div(kernel.value, sigma), () => this.layer.invoke(inputs, options));
  }

  /** `v = unit(u W^T)`, `u' = unit(v W)`, ...; then `sigma = v W u'^T`, and 1 for a kernel of zeros. */
  #powerMethod(kernel: Value): { readonly u: Value; readonly sigma: Value } {
    const matrix = reshape(kernel, [
      kernel.type.shape.slice(0, -1).reduce((a, b) => a * b, 1),
      kernel.shape.at(-1) as number,
    ]);
    let u = this.#vector.value;
    let v = u;
    for (let round = 0; round < this.options.powerIterations; round++) {
      v = unit(matmul(u, transpose(matrix)));
      u = unit(matmul(v, matrix));
    }
    [u, v] = [stopGradient(u), stopGradient(v)];
    const sigma = reduceSum(mul(matmul(v, matrix), u));
    const isZero = equal(sigma, 0);
    return { u: where(isZero, this.#vector.value, u), sigma: where(isZero, 1, sigma) };
  }
}

/** `x / |x|`, and 0 for a vector of zeros. */
function unit(x: Value): Value {
  const length = reduceL2(x);
  return div(x, where(equal(length, 0), 1, length));
}

/** Calls a layer with its kernel divided by its largest singular value. @see {@link SpectralNormalization} */
export const spectralNormalization = (options: z.input<typeof schema>): SpectralNormalization =>
  new SpectralNormalization(options);
registerLayer(SpectralNormalization, [
  { options: { layer: { type: 'dense', units: 2 } }, inputs: [[null, 3]], output: [null, 2] },
  {
    options: { layer: { type: 'conv1d', filters: 2, kernelSize: 2 }, powerIterations: 2 },
    inputs: [[null, 4, 3]],
    output: [null, 3, 2],
  },
]);
