import type * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { Shape } from '../core/shape.ts';
import type { Value } from '../ir/graph.ts';
import { add, recurrent } from '../ops/index.ts';
import type { CallOptions } from './layer.ts';
import { forgetOptions, lstmUpdate, UnitForgetBias } from './lstm-gates.ts';
import { optionsOf, Recurrent, rnnOptions } from './recurrent.ts';
import { biased, type CellRun, cellOptions, dropoutMasks, GatedCell, gateProduct } from './recurrent-cell.ts';
import { registerLayer } from './registry.ts';
import type { WeightOptions } from './weight.ts';

const cellSchema = deferred(() => cellOptions.extend(forgetOptions));

/**
 * One step of a long short-term memory: `c' = f c + i g`, `h' = o activation(c')` with
 * `[i, f, g, o] = x kernel + bias + h recurrentKernel`, of which `i`, `f` and `o` go through `recurrentActivation`, `g`
 * through `activation`.
 *
 * Inputs `[batch, features]`, `h` and `c [batch, units]`; outputs `h'`, then the states `h'` and `c'`. Weights:
 * `kernel [features, 4 * units]`, `recurrent_kernel [units, 4 * units]`, `bias [4 * units]`.
 * @source Hochreiter & Schmidhuber 1997; keras/src/layers/rnn/lstm.py
 */
export class LSTMCell extends GatedCell<typeof cellSchema> {
  static override readonly className = 'LSTMCell';
  static override readonly schema = cellSchema;

  protected get gates(): number {
    return 4;
  }

  protected override biasWeight(): WeightOptions {
    const weight = super.biasWeight();
    return this.options.unitForgetBias
      ? { ...weight, initializer: new UnitForgetBias(weight.initializer) }
      : weight;
  }

  override get stateShapes(): readonly Shape[] {
    return [[this.options.units], [this.options.units]];
  }

  begin(shape: Shape, options: CallOptions): CellRun {
    const state = [shape[0] as number, this.options.units];
    const gates = this.options.recurrentDropout > 0 ? 4 : 1;
    const masks = dropoutMasks(this.options, options, { input: shape, state }, gates);
    const [kernel, recurrent, bias] = [this.kernel, this.recurrentKernel, this.bias];
    return {
      project: (x) => biased(gateProduct(x, kernel, masks.input), bias),
      step: (x, states) => {
        const [h, c] = states as readonly [Value, Value];
        const [output, carry] = lstmUpdate(
          add(x, gateProduct(h, recurrent, masks.state)),
          c,
          -1,
          this.options,
        );
        return [output, output, carry];
      },
    };
  }

  override whole(
    x: Value,
    states: readonly Value[],
    reverse: boolean,
  ): readonly [Value, ...Value[]] | undefined {
    const { activation, recurrentActivation } = this.options;
    if (activation !== 'tanh' || recurrentActivation !== 'sigmoid') return undefined;
    const operands = { x, ...this.kernelOperands([0, 3, 1, 2]), states };
    return recurrent(operands, { kind: 'LSTM', reverse }) as readonly [Value, ...Value[]];
  }
}
/** One step of a long short-term memory. @see {@link LSTMCell} */
export const lstmCell = (options: z.input<typeof cellSchema>): LSTMCell => new LSTMCell(options);
registerLayer(LSTMCell, [
  {
    options: { units: 3 },
    inputs: [
      [null, 4],
      [null, 3],
      [null, 3],
    ],
  },
]);

const schema = deferred(() => rnnOptions.extend(cellSchema.shape));
/**
 * Long short-term memory: goes through a sequence with an {@link LSTMCell}, whose weights it has.
 *
 * Input `[batch, time, features]`, output `[batch, units]`, or `[batch, time, units]` with `returnSequences`; with
 * `returnState` also the last `h` and `c`.
 * @source Hochreiter & Schmidhuber 1997; keras/src/layers/rnn/lstm.py
 */
export class LSTM extends Recurrent<typeof schema> {
  static override readonly className = 'LSTM';
  static override readonly schema = schema;

  protected makeCell(): LSTMCell {
    return new LSTMCell(optionsOf(cellSchema, this.options, 'lstm_cell'));
  }
}
/** Long short-term memory. @see {@link LSTM} */
export const lstm = (options: z.input<typeof schema>): LSTM => new LSTM(options);
registerLayer(LSTM, [
  { options: { units: 3 }, inputs: [[null, 4, 2]], output: [null, 3] },
  {
    options: { units: 2, returnSequences: true, goBackwards: true },
    inputs: [[null, null, 3]],
    output: [null, null, 2],
  },
  {
    options: {
      units: 2,
      dropout: 0.25,
      recurrentDropout: 0.25,
      returnState: true,
      recurrentActivation: 'hardSigmoid',
    },
    inputs: [[null, 3, 2]],
  },
]);
