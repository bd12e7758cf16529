import type * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { Shape } from '../core/shape.ts';
import type { Value } from '../ir/graph.ts';
import { add, recurrent } from '../ops/index.ts';
import { activations } from './activations.ts';
import type { CallOptions } from './layer.ts';
import { optionsOf, Recurrent, rnnOptions } from './recurrent.ts';
import { biased, type CellRun, cellOptions, dropoutMasks, GatedCell, gateProduct } from './recurrent-cell.ts';
import { registerLayer } from './registry.ts';

/**
 * One step of a simple recurrent layer: `h' = activation(x kernel + bias + h recurrentKernel)`, which is output and state.
 *
 * Inputs `[batch, features]` and `h [batch, units]`. Weights: `kernel [features, units]`,
 * `recurrent_kernel [units, units]`, `bias [units]`.
 * @source keras/src/layers/rnn/simple_rnn.py
 */
export class SimpleRNNCell extends GatedCell<typeof cellOptions> {
  static override readonly className = 'SimpleRNNCell';
  static override readonly schema = cellOptions;

  protected get gates(): number {
    return 1;
  }

  begin(shape: Shape, options: CallOptions): CellRun {
    const [batch] = shape as readonly [number];
    const masks = dropoutMasks(
      this.options,
      options,
      { input: shape, state: [batch, this.options.units] },
      1,
    );
    const [kernel, recurrent, bias] = [this.kernel, this.recurrentKernel, this.bias];
    const activation = activations.get(this.options.activation);
    return {
      project: (x) => biased(gateProduct(x, kernel, masks.input), bias),
      step: (x, states) => {
        const [h] = states as readonly [typeof x];
        const next = activation(add(x, gateProduct(h, recurrent, masks.state)));
        return [next, next];
      },
    };
  }

  override whole(
    x: Value,
    states: readonly Value[],
    reverse: boolean,
  ): readonly [Value, ...Value[]] | undefined {
    if (this.options.activation !== 'tanh') return undefined;
    const operands = { x, ...this.kernelOperands([0]), states };
    return recurrent(operands, { kind: 'RNN', reverse }) as readonly [Value, ...Value[]];
  }
}
/** One step of a simple recurrent layer. @see {@link SimpleRNNCell} */
export const simpleRnnCell = (options: z.input<typeof cellOptions>): SimpleRNNCell =>
  new SimpleRNNCell(options);
registerLayer(SimpleRNNCell, [
  {
    options: { units: 3 },
    inputs: [
      [null, 4],
      [null, 3],
    ],
  },
]);

const schema = deferred(() => rnnOptions.extend(cellOptions.shape));
/**
 * Simple recurrent layer: every step's output, which is the state of the next, is
 * `h' = activation(x kernel + bias + h recurrentKernel)`.
 *
 * Input `[batch, time, features]`, output `[batch, units]`, or `[batch, time, units]` with `returnSequences`. Weights:
 * those of {@link SimpleRNNCell}.
 * @source keras/src/layers/rnn/simple_rnn.py
 */
export class SimpleRNN extends Recurrent<typeof schema> {
  static override readonly className = 'SimpleRNN';
  static override readonly schema = schema;

  protected makeCell(): SimpleRNNCell {
    return new SimpleRNNCell(optionsOf(cellOptions, this.options, 'simple_rnn_cell'));
  }
}
/** Simple recurrent layer. @see {@link SimpleRNN} */
export const simpleRnn = (options: z.input<typeof schema>): SimpleRNN => new SimpleRNN(options);
registerLayer(SimpleRNN, [
  { options: { units: 3 }, inputs: [[null, 4, 2]], output: [null, 3] },
  {
    options: { units: 3, returnSequences: true, useBias: false, dropout: 0.5, recurrentDropout: 0.5 },
    inputs: [[null, null, 2]],
    output: [null, null, 3],
  },
]);
