import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { formatShape, type PartialShape, type Shape } from '../core/shape.ts';
import { ShapeError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import { cast, flip, loop, reshape, transpose, where } from '../ops/index.ts';
import { zeros } from '../ops/indices.ts';
import type { CallSignature } from './call-arguments.ts';
import { zeros as zeroInitializer } from './initializers.ts';
import { type CallOptions, Layer, layerOptions, type PartialShapes, type Values } from './layer.ts';
import { maskOf } from './masks.ts';
import type { CellRun, RecurrentCell } from './recurrent-cell.ts';
import type { Weight } from './weight.ts';

/** Options of every recurrent layer. */
export const rnnOptions = deferred(() =>
  layerOptions.extend({
    /** Whether to give the outputs of all steps, not the last one's alone. */
    returnSequences: z.boolean().default(false),
    /** Whether to give the last states, too, as further outputs. */
    returnState: z.boolean().default(false),
    /** Whether to begin at the end; outputs are then in the order they were made. */
    goBackwards: z.boolean().default(false),
    /** Whether the states of a batch are where the next begins, sample by sample; needs a fixed batch size. */
    stateful: z.boolean().default(false),
    /** Whether all steps become nodes of their own, however many; by default a long sequence is a loop. */
    unroll: z.boolean().default(false),
    /** Whether the output of a masked step is 0, not that of the step before. */
    zeroOutputForMask: z.boolean().default(false),
  }),
);
type RnnOptions = z.output<typeof rnnOptions>;

/** The options that a cell shares with its layer, and the cell's name. */
export const optionsOf = <S extends z.ZodObject>(
  schema: S,
  options: Readonly<Record<string, unknown>>,
  name: string,
): z.input<S> => {
  const shared = Object.keys(schema.shape).filter((key) => key !== 'activityRegularizer');
  return { ...Object.fromEntries(shared.map((key) => [key, options[key]])), name } as z.input<S>;
};

/**
 * A layer that goes through a sequence step by step: what a {@link RecurrentCell} makes of a step's input and the states
 * is the output, and the states of the next step.
 *
 * Input `[batch, time, ...]`; a masked step leaves output and states as they are. Output that of the last step, or
 * `[batch, time, ...]` with `returnSequences`; the states after it with `returnState`.
 */
export abstract class Recurrent<S extends z.ZodType<RnnOptions> = z.ZodType<RnnOptions>> extends Layer<S> {
  readonly cell: RecurrentCell;
  #carried: readonly Weight[] | undefined;

  constructor(options: z.input<S>) {
    super(options);
    this.cell = this.track(this.makeCell(), 'cell');
  }

  /** The cell of the options. */
  protected abstract makeCell(): RecurrentCell;

  override get signature(): CallSignature {
    return {
      masks: ['mask'],
      lists: ['initialState'],
      rest: 'initialState',
      groups: (states) => this.cell.groupStates(states),
    };
  }

  protected override get supportsMasking(): boolean {
    return true;
  }

  protected override computeMask(inputs: Values): readonly (Value | undefined)[] {
    return this.options.returnSequences ? [maskOf(inputs[0])] : [];
  }

  override build([shape]: PartialShapes): void {
    const { stateful, unroll } = this.options;
    const [batch, time, ...sample] = expectSequence(shape);
    if (unroll && time === null) {
      throw new ShapeError(
        `unroll needs a known number of steps. Received input shape ${formatShape(shape)}. ` +
          'Give the number in the input, or leave unroll out.',
        { argument: 'unroll', expected: 'a known number of steps', received: formatShape(shape) },
      );
    }
    this.buildPart(this.cell, [[batch, ...sample]]);
    if (!stateful) return;
    if (batch === null) {
      throw new ShapeError(
        `stateful needs a fixed batch size. Received input shape ${formatShape(shape)}. Give one: ` +
          'tfk.input({ shape, batchSize }).',
        { argument: 'stateful', expected: 'a fixed batch size', received: formatShape(shape) },
      );
    }
    this.#carried = this.cell.stateShapes.map((state) =>
      this.addState('rnn_state', [batch, ...state], zeroInitializer()),
    );
  }

  call([x]: Values, options: CallOptions): readonly Value[] {
    const { returnSequences, returnState, goBackwards, unroll } = this.options;
    expectSequence(x.shape);
    const initial = this.#initialStates(x, options);
    const sequence = swapTime(x);
    const mask = maskOf(x);
    const whole =
      options.training || mask || unroll ? undefined : this.cell.whole(sequence, initial, goBackwards);
    const [outputs, last, ...after] = whole
      ? this.#fromWhole(whole)
      : this.#steps(sequence, mask, initial, options);
    this.#carried?.forEach((state, i) => {
      state.assign(after[i] as Value);
    });
    const all = (): Value => swapTime(goBackwards ? flip(outputs, [0]) : outputs);
    return [returnSequences ? all() : last, ...(returnState ? after : [])];
  }

  /** Adds the last output: of the cells that the runtime knows, it is the first state. */
  #fromWhole([outputs, ...states]: readonly [Value, ...Value[]]): readonly [Value, Value, ...Value[]] {
    return [outputs, states[0] as Value, ...states];
  }

  /** Step by step. @returns the outputs of all steps, where they are wanted, the last one, the last states */
  #steps(
    sequence: Value,
    mask: Value | undefined,
    initial: readonly Value[],
    options: CallOptions,
  ): readonly [Value, Value, ...Value[]] {
    const { returnSequences, goBackwards, unroll } = this.options;
    const run = this.cell.begin(sequence.shape.slice(1), options);
    const projected = run.project(sequence);
    const sequences: [Value, ...Value[]] = mask ? [projected, transpose(mask)] : [projected];
    const first = zeros([sequence.shape[1] as number, ...this.cell.outputShape], sequence.dtype);
    const { states, outputs } = loop(
      (before, [input, counts]) => {
        const [last, ...now] = before as readonly [Value, ...Value[]];
        const [output, ...next] = this.#step(run, input as Value, now, last, counts);
        // training needs the states of all steps: without them a loop would be run again
        const kept = options.training ? next : [];
        return { states: [output, ...next], outputs: returnSequences ? [output, ...kept] : kept };
      },
      [first, ...initial],
      sequences,
      { reverse: goBackwards, ...(unroll && { unroll }) },
    );
    const [last, ...after] = states as readonly [Value, ...Value[]];
    return [outputs[0] ?? last, last, ...after];
  }

  /** A step of the cell, where it counts. @param last - the output of the step before */
  #step(
    run: CellRun,
    x: Value,
    states: readonly Value[],
    last: Value,
    counts: Value | undefined,
  ): readonly [Value, ...Value[]] {
    const [output, ...next] = run.step(x, states);
    if (counts === undefined) return [output, ...next];
    const choose = (now: Value, before: Value | number): Value => {
      const aligned = reshape(counts, [...counts.shape, ...new Array<number>(now.rank - 1).fill(1)]);
      return where(aligned, now, before);
    };
    return [
      choose(output, this.options.zeroOutputForMask ? 0 : last),
      ...next.map((state, i) => choose(state, states[i] as Value)),
    ];
  }

  /** States to begin with: those given, those of the batch before, or zeros. */
  #initialStates(x: Value, { tensors }: CallOptions): readonly Value[] {
    const given = tensors?.initialState;
    const shapes = this.cell.stateShapes.map((shape): Shape => [x.shape[0] as number, ...shape]);
    if (given === undefined) {
      return this.#carried?.map((state) => state.value) ?? this.cell.initialStates(x.shape[0] as number);
    }
    const [expected, received] = [shapes, given.map((state) => state.shape)].map((list) =>
      list.map((shape) => formatShape(shape)).join(', '),
    );
    if (expected === received) return given.map((state) => cast(state, x.dtype));
    throw new ShapeError(`initialState: expected tensors of shapes ${expected}. Received ${received}.`, {
      argument: 'initialState',
      ...(expected !== undefined && { expected }),
      ...(received !== undefined && { received }),
    });
  }
}

/** The shape of a sequence. @throws {@link ShapeError} for anything with fewer than three axes */
export function expectSequence(shape: PartialShape): PartialShape & readonly [number | null, number | null] {
  const [batch, time] = shape;
  if (batch !== undefined && time !== undefined && shape.length >= 3) return shape as never;
  throw new ShapeError(
    `expected a sequence [batch, time, features] (or more axes). Received ${formatShape(shape)}.`,
    { expected: '[batch, time, features]', received: formatShape(shape) },
  );
}

/** `[batch, time, ...]` to `[time, batch, ...]` and back. */
const swapTime = (x: Value): Value =>
  transpose(x, [1, 0, ...Array.from({ length: x.rank - 2 }, (_, i) => i + 2)]);
