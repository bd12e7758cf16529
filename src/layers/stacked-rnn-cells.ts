import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { snakeCase } from '../core/registry.ts';
import type { Shape } from '../core/shape.ts';
import type { Value } from '../ir/graph.ts';
import type { Nested } from './call-arguments.ts';
import { type CallOptions, layerOptions, type PartialShapes } from './layer.ts';
import { type CellRun, cellOption, RecurrentCell } from './recurrent-cell.ts';
import { registerLayer } from './registry.ts';

const schema = deferred(() =>
  layerOptions.extend({
    /** The cells, from the input on. */
    cells: z.array(cellOption()).min(1),
  }),
);

/**
 * Cells on top of each other as one cell: each takes the output of the one before, and keeps its own states.
 * @source keras/src/layers/rnn/stacked_rnn_cells.py
 */
export class StackedRNNCells extends RecurrentCell<typeof schema> {
  static override readonly className = 'StackedRNNCells';
  static override readonly schema = schema;
  readonly cells: readonly RecurrentCell[];

  constructor(options: z.input<typeof schema>) {
    super(options);
    const counts = new Map<string, number>();
    this.cells = this.options.cells.map((cell) => {
      const name = snakeCase(cell.className);
      const count = counts.get(name) ?? 0;
      counts.set(name, count + 1);
      return this.track(cell, `cells/${count === 0 ? name : `${name}_${count}`}`);
    });
  }

  override get stateShapes(): readonly Shape[] {
    return this.cells.flatMap((cell) => cell.stateShapes);
  }

  override get outputShape(): Shape {
    return (this.cells.at(-1) as RecurrentCell).outputShape;
  }

  override groupStates<T>(states: readonly T[]): readonly Nested<T>[] {
    const rest = [...states];
    return this.cells.map((cell) => {
      const own = cell.groupStates(rest.splice(0, cell.stateShapes.length));
      return own.length === 1 ? (own[0] as Nested<T>) : own;
    });
  }

  override build([shape]: PartialShapes): void {
    let input = shape;
    for (const cell of this.cells) {
      this.buildPart(cell, [input]);
      input = [shape[0] as number | null, ...cell.outputShape];
    }
  }

  begin(shape: Shape, options: CallOptions): CellRun {
    let input = shape;
    const runs = this.cells.map((cell) => {
      const run = cell.begin(input, options);
      input = [shape[0] as number, ...cell.outputShape];
      return { ...run, states: cell.stateShapes.length };
    });
    return {
      project: (x) => (runs[0] as CellRun).project(x),
      step: (x, states) => {
        let [output, at] = [x, 0];
        const next = runs.flatMap(({ project, step, states: count }, i): readonly Value[] => {
          const [y, ...after] = step(i === 0 ? output : project(output), states.slice(at, at + count));
          [output, at] = [y, at + count];
          return after;
        });
        return [output, ...next];
      },
    };
  }
}
/** Cells on top of each other as one cell. @see {@link StackedRNNCells} */
export const stackedRnnCells = (options: z.input<typeof schema>): StackedRNNCells =>
  new StackedRNNCells(options);
registerLayer(StackedRNNCells, [
  {
    options: {
      cells: [
        { type: 'lstmCell', units: 3 },
        { type: 'simpleRnnCell', units: 2 },
      ],
    },
    inputs: [
      [null, 4],
      [null, 3],
      [null, 3],
      [null, 2],
    ],
  },
]);
