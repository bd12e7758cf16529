import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { Shape } from '../core/shape.ts';
import type { Value } from '../ir/graph.ts';
import { add, mul, recurrent, split, squeeze, sub } from '../ops/index.ts';
import { activationOption, activations } from './activations.ts';
import type { CallOptions } from './layer.ts';
import { optionsOf, Recurrent, rnnOptions } from './recurrent.ts';
import { biased, type CellRun, cellOptions, dropoutMasks, GatedCell, gateProduct } from './recurrent-cell.ts';
import { registerLayer } from './registry.ts';

const cellSchema = deferred(() =>
  cellOptions.extend({
    recurrentActivation: activationOption('sigmoid'),
    /** Whether the reset gate works on the product of the state with its kernel, not on the state. */
    resetAfter: z.boolean().default(true),
  }),
);

/** What the state adds to the gates z and r, side by side, and what it adds to the candidate, given r. */
interface StateTerms {
  readonly gates: Value;
  candidate(r: Value): Value;
}

/**
 * One step of a gated recurrent unit: `h' = z h + (1 - z) g`, with the update gate `z` and the reset gate `r` from
 * `recurrentActivation(x kernel + bias + h recurrentKernel)`, and the candidate
 * `g = activation(x kernel + bias + r (h recurrentKernel + bias'))`, or with `resetAfter: false`
 * `g = activation(x kernel + bias + (r h) recurrentKernel)`.
 *
 * Inputs `[batch, features]` and `h [batch, units]`. Weights, gates in the order z, r, g: `kernel [features, 3 * units]`,
 * `recurrent_kernel [units, 3 * units]`, `bias [2, 3 * units]` (the input's, then the state's), or `[3 * units]`.
 * @source Cho et al. 2014; keras/src/layers/rnn/gru.py
 */
export class GRUCell extends GatedCell<typeof cellSchema> {
  static override readonly className = 'GRUCell';
  static override readonly schema = cellSchema;

  protected get gates(): number {
    return 3;
  }

  protected override biasShape(width: number): Shape {
    return this.options.resetAfter ? [2, width] : [width];
  }

  begin(shape: Shape, options: CallOptions): CellRun {
    const { units, recurrentDropout, recurrentActivation } = this.options;
    const state = [shape[0] as number, units];
    const masks = dropoutMasks(this.options, options, { input: shape, state }, recurrentDropout > 0 ? 3 : 1);
    const [squash, gate] = [activations.get(this.options.activation), activations.get(recurrentActivation)];
    const [kernel, [inputBias, stateBias]] = [this.kernel, this.#biases()];
    const terms = this.#stateTerms(stateBias, masks.state);
    return {
      project: (x) => biased(gateProduct(x, kernel, masks.input), inputBias),
      step: (x, states) => {
        const [h] = states as readonly [Value];
        const { gates, candidate } = terms(h);
        const [xGates, xCandidate] = split(x, [2 * units, units], -1) as readonly [Value, Value];
        const [z, r] = split(gate(add(xGates, gates)), 2, -1) as readonly [Value, Value];
        const g = squash(add(xCandidate, candidate(r)));
        const next = add(g, mul(z, sub(h, g)));
        return [next, next];
      },
    };
  }

  #biases(): readonly [Value | undefined, Value | undefined] {
    const { bias } = this;
    if (bias === undefined || !this.options.resetAfter) return [bias, undefined];
    const [input, state] = split(bias, 2, 0) as readonly [Value, Value];
    return [squeeze(input, [0]), squeeze(state, [0])];
  }

  #stateTerms(bias: Value | undefined, masks: readonly Value[]): (h: Value) => StateTerms {
    const { units, resetAfter } = this.options;
    const kernel = this.recurrentKernel;
    const sizes = [2 * units, units];
    if (resetAfter) {
      return (h) => {
        const all = biased(gateProduct(h, kernel, masks), bias);
        const [gates, candidate] = split(all, sizes, -1) as readonly [Value, Value];
        return { gates, candidate: (r) => mul(r, candidate) };
      };
    }
    const [ofGates, ofCandidate] = split(kernel, sizes, -1) as readonly [Value, Value];
    return (h) => ({
      gates: gateProduct(h, ofGates, masks.slice(0, 2)),
      candidate: (r) => gateProduct(mul(r, h), ofCandidate, masks.slice(2)),
    });
  }

  override whole(
    x: Value,
    states: readonly Value[],
    reverse: boolean,
  ): readonly [Value, ...Value[]] | undefined {
    const { activation, recurrentActivation, resetAfter } = this.options;
    if (activation !== 'tanh' || recurrentActivation !== 'sigmoid') return undefined;
    const operands = { x, ...this.kernelOperands([0, 1, 2]), states };
    return recurrent(operands, { kind: 'GRU', reverse, linearBeforeReset: resetAfter }) as readonly [
      Value,
      ...Value[],
    ];
  }
}
/** One step of a gated recurrent unit. @see {@link GRUCell} */
export const gruCell = (options: z.input<typeof cellSchema>): GRUCell => new GRUCell(options);
registerLayer(GRUCell, [
  {
    options: { units: 3 },
    inputs: [
      [null, 4],
      [null, 3],
    ],
  },
  {
    options: { units: 3, resetAfter: false },
    inputs: [
      [null, 4],
      [null, 3],
    ],
  },
]);

const schema = deferred(() => rnnOptions.extend(cellSchema.shape));
/**
 * Gated recurrent unit: goes through a sequence with a {@link GRUCell}, whose weights it has.
 *
 * Input `[batch, time, features]`, output `[batch, units]`, or `[batch, time, units]` with `returnSequences`; with
 * `returnState` also the last state.
 * @source Cho et al. 2014; keras/src/layers/rnn/gru.py
 */
export class GRU extends Recurrent<typeof schema> {
  static override readonly className = 'GRU';
  static override readonly schema = schema;

  protected makeCell(): GRUCell {
    return new GRUCell(optionsOf(cellSchema, this.options, 'gru_cell'));
  }
}
/** Gated recurrent unit. @see {@link GRU} */
export const gru = (options: z.input<typeof schema>): GRU => new GRU(options);
registerLayer(GRU, [
  { options: { units: 3 }, inputs: [[null, 4, 2]], output: [null, 3] },
  {
    options: { units: 2, returnSequences: true, resetAfter: false },
    inputs: [[null, null, 3]],
    output: [null, null, 2],
  },
  {
    options: { units: 2, dropout: 0.25, recurrentDropout: 0.25, resetAfter: false, returnState: true },
    inputs: [[null, 3, 2]],
  },
]);
