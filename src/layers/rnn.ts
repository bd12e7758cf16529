import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { Recurrent, rnnOptions } from './recurrent.ts';
import { cellOption, type RecurrentCell } from './recurrent-cell.ts';
import { registerLayer } from './registry.ts';
import { StackedRNNCells } from './stacked-rnn-cells.ts';

const schema = deferred(() =>
  rnnOptions.extend({
    /** What a step does: a cell, or several that are stacked. */
    cell: z.union([z.array(cellOption()).min(1), cellOption()]),
  }),
);

/**
 * Goes through a sequence with a cell, of one's own or from this library.
 * @source keras/src/layers/rnn/rnn.py
 */
export class RNN extends Recurrent<typeof schema> {
  static override readonly className = 'RNN';
  static override readonly schema = schema;

  protected makeCell(): RecurrentCell {
    const { cell } = this.options;
    return Array.isArray(cell) ? new StackedRNNCells({ cells: cell }) : cell;
  }
}
/** Goes through a sequence with a cell. @see {@link RNN} */
export const rnn = (options: z.input<typeof schema>): RNN => new RNN(options);
registerLayer(RNN, [
  {
    options: { cell: { type: 'gruCell', units: 3 }, returnSequences: true },
    inputs: [[null, 4, 2]],
    output: [null, 4, 3],
  },
  {
    options: {
      cell: [
        { type: 'lstmCell', units: 3 },
        { type: 'simpleRnnCell', units: 2 },
      ],
    },
    inputs: [[null, 3, 2]],
    output: [null, 2],
  },
]);
