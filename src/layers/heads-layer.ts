import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { formatShape, type PartialShape, sameShape } from '../core/shape.ts';
import { ShapeError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import { mul } from '../ops/index.ts';
import { attend, dropElements, dropoutOptions, sightMask } from './attention-heads.ts';
import type { CallSignature } from './call-arguments.ts';
import { type EinsumDense, einsumDense } from './einsum-dense.ts';
import { type CallOptions, Layer, layerOptions, type Values } from './layer.ts';
import { maskOf } from './masks.ts';
import { biasOptions, kernelOptions, positiveInteger } from './options.ts';

/** Options that the attention layers with heads have in common. */
export const headOptions = deferred(() =>
  layerOptions.extend({
    ...dropoutOptions,
    useBias: z.boolean().default(true),
    /** Each query sees only keys less than this many positions away. */
    slidingWindow: positiveInteger.nullable().default(null),
    /** Multiplies what each head found by `sigmoid(query kernel + bias)`. */
    useGate: z.boolean().default(false),
    ...kernelOptions,
    ...biasOptions,
  }),
);
type HeadOptions = z.output<typeof headOptions>;

/** How heads see each other. */
interface HeadsOf {
  readonly size: number;
  readonly axes: readonly number[];
  readonly spread?: (x: Value) => Value;
}

/** The layers inside. */
export interface Projections {
  readonly query: EinsumDense;
  readonly key: EinsumDense;
  readonly gate: EinsumDense | undefined;
  readonly value: EinsumDense;
  readonly output: EinsumDense;
}

/** Attention in several heads, each with projections of its own. */
export abstract class HeadsLayer<S extends z.ZodType<HeadOptions>> extends Layer<S> {
  protected override get arity(): { readonly min: number; readonly max: number } {
    return { min: 2, max: 3 };
  }

  protected override get supportsMasking(): boolean {
    return true;
  }

  /** As in Keras, the penalty is on what each projection puts out. */
  protected override get outputRegularizer(): null {
    return null;
  }

  override get signature(): CallSignature {
    return {
      inputs: ['query', 'value', 'key'],
      masks: ['queryMask', 'valueMask', 'keyMask'],
      tensors: ['attentionMask'],
      flags: ['useCausalMask', 'returnAttentionScores'],
    };
  }

  /** A projection inside this layer: a dense layer with the options that all of them share. */
  protected project(
    name: string,
    attribute: string,
    shape: PartialShape,
    equation: string,
    outputShape: readonly (number | null)[],
    options: { readonly bias: string; readonly activation?: string },
  ): EinsumDense {
    const { bias, activation = null } = options;
    const { useBias, activityRegularizer, kernelInitializer, kernelRegularizer, kernelConstraint } =
      this.options;
    const { biasInitializer, biasRegularizer, biasConstraint } = this.options;
    const layer = einsumDense({
      name,
      equation,
      outputShape: [...outputShape],
      activation,
      biasAxes: useBias ? bias : null,
      activityRegularizer,
      kernelInitializer,
      kernelRegularizer,
      kernelConstraint,
      biasInitializer,
      biasRegularizer,
      biasConstraint,
    });
    this.track(layer, attribute);
    this.buildPart(layer, [shape]);
    return layer;
  }

  /**
   * What the layer computes, along `axes`: projections, attention in heads of `size` channels, the output's projection.
   * @param spread - brings projected keys and values to the queries' heads
   */
  protected through(
    layers: Projections,
    inputs: Values,
    options: CallOptions,
    { size, axes, spread = (x) => x }: HeadsOf,
  ): Value | Value[] {
    const [query, value = query, key = value] = inputs;
    const of = (layer: EinsumDense, x: Value): Value => layer.invoke([x], options)[0] as Value;
    const scaled = mul(of(layers.query, query), 1 / Math.sqrt(size));
    const projected = [scaled, spread(of(layers.key, key)), spread(of(layers.value, value))] as const;
    const { context, weights } = this.#attendHeads(projected, axes, inputs, options);
    const y = of(layers.output, layers.gate ? mul(context, of(layers.gate, query)) : context);
    return options.flags?.returnAttentionScores ? [y, weights] : y;
  }

  /** Attention of projected and scaled queries, `[batch, ..., heads, channels]`, along `axes`. */
  #attendHeads(
    [query, key, value]: readonly [Value, Value, Value],
    axes: readonly number[],
    inputs: Values,
    { training, tensors, flags }: CallOptions,
  ): { readonly context: Value; readonly weights: Value } {
    const [queries, values = queries, keys] = inputs;
    const { slidingWindow, dropout } = this.options;
    const [first = 1] = axes;
    const mask = sightMask(
      {
        query: maskOf(queries),
        value: maskOf(values),
        key: keys && maskOf(keys),
        explicit: tensors?.attentionMask?.[0],
        causal: flags?.useCausalMask ?? false,
        window: slidingWindow,
      },
      queries.shape[first] as number,
      values.shape[first] as number,
    );
    // Keras's two ways of computing attention differ in what they give queries that see nothing
    const plain = dropout === 0 && !flags?.returnAttentionScores && query.rank === 4;
    const drop = (weights: Value): Value => (training ? dropElements(weights, this.options) : weights);
    return attend({ query, key, value, axes, mask, blind: plain ? 'mean' : 'zeros', drop });
  }
}

/** Checks that there is a key for each value. @throws {@link ShapeError} */
export function expectKeysOfValues(value: PartialShape, key: PartialShape): void {
  if (sameShape(value.slice(1, -1), key.slice(1, -1))) return;
  throw new ShapeError(
    `value and key must agree in all sizes but the last. Received ${formatShape(value)} and ${formatShape(key)}.`,
    { argument: 'key', expected: formatShape(value), received: formatShape(key) },
  );
}
