import * as z from 'zod';
import type { Spec } from '../core/configured.ts';
import { deferred } from '../core/deferred.ts';
import { ConfigError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import { add, concat, flip, mul } from '../ops/index.ts';
import type { CallSignature } from './call-arguments.ts';
import { type CallOptions, Layer, layerOptions, type PartialShapes, type Values } from './layer.ts';
import { maskOf } from './masks.ts';
import { Recurrent } from './recurrent.ts';
import { layerRegistry, registerLayer } from './registry.ts';

const isRecurrent = (layer: Layer): layer is Recurrent => layer instanceof Recurrent;
const layerOption = layerRegistry
  .option()
  .refine(isRecurrent, 'expected a recurrent layer, such as lstm') as z.ZodType<Recurrent, Spec<Layer>>;

const schema = deferred(() =>
  layerOptions.extend({
    /** The layer that goes forwards; what is used is a copy of it. */
    layer: layerOption,
    /** How the outputs of the two are merged; `null` gives both. */
    mergeMode: z.enum(['concat', 'sum', 'mul', 'ave']).nullable().default('concat'),
    /** The layer that goes backwards; by default a copy of the first with weights of its own. */
    backwardLayer: layerOption.nullable().default(null),
  }),
);

/**
 * Goes through a sequence in both directions, with two recurrent layers, and merges their outputs step by step.
 *
 * Input `[batch, time, features]`; outputs: the merged ones (two with `mergeMode: null`), then with `returnState` the
 * states of the forward and of the backward layer. Weights: those of the forward, then of the backward layer.
 * @source Schuster & Paliwal 1997; keras/src/layers/rnn/bidirectional.py
 */
export class Bidirectional extends Layer<typeof schema> {
  static override readonly className = 'Bidirectional';
  static override readonly schema = schema;

  constructor(options: z.input<typeof schema>) {
    super(withDirections(options));
    const { forwardLayer, backwardLayer } = this;
    checkPair(forwardLayer, backwardLayer);
    this.track(forwardLayer, 'forward_layer');
    this.track(backwardLayer, 'backward_layer');
  }

  get forwardLayer(): Recurrent {
    return this.options.layer;
  }

  get backwardLayer(): Recurrent {
    return this.options.backwardLayer as Recurrent;
  }

  override get signature(): CallSignature {
    return {
      masks: ['mask'],
      lists: ['initialState'],
      rest: 'initialState',
      groups: (states) => {
        const half = states.length / 2;
        const [forward, backward] = [this.forwardLayer.cell, this.backwardLayer.cell];
        return [...forward.groupStates(states.slice(0, half)), ...backward.groupStates(states.slice(half))];
      },
    };
  }

  protected override get supportsMasking(): boolean {
    return true;
  }

  protected override computeMask(inputs: Values): readonly (Value | undefined)[] {
    const mask = this.forwardLayer.options.returnSequences ? maskOf(inputs[0]) : undefined;
    return this.options.mergeMode === null ? [mask, mask] : [mask];
  }

  override build([shape]: PartialShapes): void {
    this.buildPart(this.forwardLayer, [shape]);
    this.buildPart(this.backwardLayer, [shape]);
  }

  call([x]: Values, { training, tensors }: CallOptions): readonly Value[] {
    const given = tensors?.initialState;
    const half = (given?.length ?? 0) / 2;
    const run = (layer: Recurrent, initialState?: readonly Value[]): readonly Value[] =>
      layer.invoke([x], { training, tensors: initialState ? { initialState } : {} });
    const [forward, ...forwardStates] = run(this.forwardLayer, given?.slice(0, half)) as [Value];
    const [made, ...backwardStates] = run(this.backwardLayer, given?.slice(half)) as [Value];
    const backward = this.forwardLayer.options.returnSequences ? flip(made, [1]) : made;
    const { mergeMode } = this.options;
    const outputs = mergeMode === null ? [forward, backward] : [mergers[mergeMode](forward, backward)];
    return [...outputs, ...forwardStates, ...backwardStates];
  }
}

const mergers = {
  concat: (a: Value, b: Value) => concat([a, b], -1),
  sum: add,
  mul,
  ave: (a: Value, b: Value) => mul(add(a, b), 0.5),
};

/** Options that hold the two layers that are used: copies named after their direction, with zeros where masked. */
function withDirections(options: z.input<typeof schema>): z.input<typeof schema> {
  const { layer, backwardLayer } = options;
  const parsed = z.object({ layer: layerOption, backwardLayer: layerOption.nullish() }).safeParse({
    layer,
    backwardLayer,
  });
  if (!parsed.success) return options; // the schema says what is wrong
  const forward = parsed.data.layer;
  const backward = parsed.data.backwardLayer ?? forward;
  const given = parsed.data.backwardLayer !== undefined && parsed.data.backwardLayer !== null;
  const baseName = forward.name.replace(/^forward_/, '');
  return {
    ...options,
    layer: copy(forward, { name: `forward_${baseName}` }),
    backwardLayer: copy(
      backward,
      given ? { name: backward.name } : { name: `backward_${baseName}`, goBackwards: true },
    ),
  };
}

/** Another layer with the same options but for some. */
function copy(layer: Recurrent, changes: Readonly<Record<string, unknown>>): Recurrent {
  const { returnSequences } = layer.options;
  const config = { ...layer.getConfig(), zeroOutputForMask: returnSequences, ...changes };
  return layerRegistry.make({ className: layer.className, config }) as Recurrent;
}

/** @throws {@link ConfigError} for layers that go the same way, or give different things */
function checkPair(forward: Recurrent, backward: Recurrent): void {
  const [a, b] = [forward.options, backward.options];
  const same = (['stateful', 'returnSequences', 'returnState'] as const).find((key) => a[key] !== b[key]);
  if (same === undefined && a.goBackwards !== b.goBackwards) return;
  const key = same ?? 'goBackwards';
  throw new ConfigError(
    `bidirectional: layer and backwardLayer must have ${same ? 'the same' : 'different'} "${key}". ` +
      `Received ${String(a[key])} and ${String(b[key])}.`,
    { op: 'bidirectional', argument: key },
  );
}

/** Goes through a sequence in both directions. @see {@link Bidirectional} */
export const bidirectional = (options: z.input<typeof schema>): Bidirectional => new Bidirectional(options);
registerLayer(Bidirectional, [
  { options: { layer: { type: 'lstm', units: 2 } }, inputs: [[null, 3, 2]], output: [null, 4] },
  {
    options: { layer: { type: 'gru', units: 2, returnSequences: true }, mergeMode: 'sum' },
    inputs: [[null, null, 2]],
    output: [null, null, 2],
  },
  {
    options: { layer: { type: 'simpleRnn', units: 2, returnState: true }, mergeMode: null },
    inputs: [[null, 3, 2]],
  },
]);
