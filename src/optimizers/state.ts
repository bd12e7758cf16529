import type { Arena, ArenaLayout } from '../backend/wasm/arena.ts';
import { snakeCase } from '../core/registry.ts';
import { type Shape, sizeOf } from '../core/shape.ts';
import { scalar, Tensor } from '../core/tensor.ts';
import { ConfigError, ShapeError } from '../errors.ts';
import { type Optimizer, type Slot, slotShape, type WeightInfo } from './optimizer.ts';

/** A trainable weight in an arena. */
export interface Parameter extends WeightInfo {
  /** Its place in the arena's region `weights`; gradients and slots are in the order of the parameters. */
  readonly index: number;
}

/** Something that a checkpoint of an optimizer holds. */
export interface OptimizerVariable {
  /** Keras's path, e.g. `adam/dense_kernel_momentum`. */
  readonly path: string;
  readonly shape: Shape;
  /** A copy of the value. */
  read(): Tensor;
  /** @throws {@link ShapeError} */
  write(value: Tensor): void;
}

/** What an optimizer remembers besides its slots. */
export interface OptimizerScalars {
  readonly iteration: number;
  /** As it was set; `null` where the options or a schedule decide. */
  readonly learningRate: number | null;
  readonly shared: Readonly<Record<string, number>>;
}

/** Arena region of a slot. */
export const slotRegion = (slot: string): string => `slot:${slot}`;

/** The arena regions that an optimizer needs besides `weights`. @param parameters - trainable weights only */
export function optimizerRegions(optimizer: Optimizer, parameters: readonly WeightInfo[]): ArenaLayout {
  const sizesIn = (slot: Slot): number[] => parameters.map((p) => sizeOf(slotShape(slot, p) ?? [0]));
  const slots = optimizer.slots.map((slot) => [slotRegion(slot.name), sizesIn(slot)] as const);
  return { gradients: parameters.map(({ shape }) => sizeOf(shape)), ...Object.fromEntries(slots) };
}

/** A slot of one weight, in a checkpoint. */
interface SlotPlace {
  readonly name: string;
  readonly parameter: number;
  readonly shape: Shape;
}

/** All slots of some weights in checkpoint order; those of a group alternate per weight. */
export const slotPlaces = (optimizer: Optimizer, parameters: readonly WeightInfo[]): SlotPlace[] =>
  optimizer.slotGroups.flatMap((group) =>
    parameters.flatMap((weight, parameter) =>
      group.flatMap((slot) => {
        const shape = slotShape(slot, weight);
        return shape === undefined ? [] : [{ name: slot.name, parameter, shape }];
      }),
    ),
  );

/** Everything an optimizer remembers between steps: counter, learning rate, slots in the arena. */
export class OptimizerState {
  readonly optimizer: Optimizer;
  readonly arena: Arena;
  readonly parameters: readonly Parameter[];
  /** Values of the scalars that all weights share. */
  readonly shared: Record<string, number> = {};
  /** Batches seen. */
  iteration = 0;
  #learningRate: number | undefined;

  /** @param arena - has the regions `weights` and {@link optimizerRegions} */
  constructor(optimizer: Optimizer, arena: Arena, parameters: readonly Parameter[]) {
    this.optimizer = optimizer;
    this.arena = arena;
    this.parameters = parameters;
    this.reset();
  }

  /** Starts over: slots at their initial values, no batch seen, the learning rate of the options. */
  reset(): void {
    for (const slot of this.optimizer.slots) this.#resetSlot(slot);
    for (const { name, initial } of this.optimizer.shared?.slots ?? []) this.shared[name] = initial;
    this.iteration = 0;
    this.#learningRate = undefined;
  }

  #resetSlot({ name, initial }: Slot): void {
    if (initial !== 'weight') {
      this.arena.region(slotRegion(name)).fill(initial);
      return;
    }
    this.parameters.forEach(({ index }, i) => {
      this.slot(name, i).set(this.arena.view('weights', index));
    });
  }

  /** Learning rate of the next step. */
  get learningRate(): number {
    return this.learningRateAt(this.iteration);
  }

  /** Learning rate of the batch after `iteration` others. */
  learningRateAt(iteration: number): number {
    return this.#learningRate ?? this.optimizer.learningRateAt(iteration);
  }

  /** @throws {@link ConfigError} where a schedule decides */
  set learningRate(value: number) {
    if (this.#scheduled) {
      throw new ConfigError(
        `${this.optimizer.name}: the learning rate follows a schedule and cannot be set. Give the optimizer a number instead.`,
        { op: this.optimizer.name, argument: 'learningRate', received: String(value) },
      );
    }
    this.#learningRate = value;
  }

  /** Counter, learning rate (where one was set) and shared scalars, with all their digits. */
  get scalars(): OptimizerScalars {
    return {
      iteration: this.iteration,
      learningRate: this.#learningRate ?? null,
      shared: { ...this.shared },
    };
  }

  set scalars({ iteration, learningRate, shared }: OptimizerScalars) {
    this.iteration = iteration;
    this.#learningRate = learningRate ?? undefined;
    Object.assign(this.shared, shared);
  }

  /** A slot of one parameter: the live elements, not a copy. */
  slot(name: string, parameter: number): Float32Array {
    return this.arena.view(slotRegion(name), parameter);
  }

  /** Replaces the weights by their running means, as training ends. */
  useAverages(): void {
    if (!this.optimizer.options.useEma) return;
    this.parameters.forEach(({ index }, i) => {
      this.arena.view('weights', index).set(this.slot('average', i));
    });
  }

  /** Exchanges the weights and their running means. @throws {@link ConfigError} without `useEma` */
  swapAverages(): void {
    if (!this.optimizer.options.useEma) {
      throw new ConfigError(
        `${this.optimizer.name}: keeps no running means of the weights. Give it useEma: true.`,
        { op: this.optimizer.name, argument: 'useEma', expected: 'true', received: 'false' },
      );
    }
    this.parameters.forEach(({ index }, i) => {
      const [weights, averages] = [this.arena.view('weights', index), this.slot('average', i)];
      const before = weights.slice();
      weights.set(averages);
      averages.set(before);
    });
  }

  /** What a checkpoint holds, in Keras's order: iteration, learning rate unless scheduled, slots, shared scalars. */
  get variables(): readonly OptimizerVariable[] {
    const { optimizer, parameters } = this;
    const slots = slotPlaces(optimizer, parameters).map((place) => this.#slotVariable(place));
    const shared = (optimizer.shared?.slots ?? []).map(({ name }) =>
      this.#scalarVariable(
        name,
        'float32',
        () => this.shared[name] ?? 0,
        (v) => {
          this.shared[name] = v;
        },
      ),
    );
    return [...this.#counters(), ...slots, ...shared];
  }

  get #scheduled(): boolean {
    return typeof this.optimizer.options.learningRate !== 'number';
  }

  #counters(): OptimizerVariable[] {
    const iteration = this.#scalarVariable(
      'iteration',
      'int64',
      () => this.iteration,
      (v) => {
        this.iteration = v;
      },
    );
    const rate = this.#scalarVariable(
      'learningRate',
      'float32',
      () => this.learningRate,
      (v) => {
        this.learningRate = v;
      },
    );
    return this.#scheduled ? [iteration] : [iteration, rate];
  }

  #scalarVariable(
    name: string,
    dtype: 'float32' | 'int64',
    get: () => number,
    set: (value: number) => void,
  ): OptimizerVariable {
    const path = `${this.optimizer.name}/${snakeCase(name)}`;
    return {
      path,
      shape: [],
      read: () => scalar(get(), 'float64').cast(dtype),
      write: (value) => {
        checkSize(path, [], value);
        set(value.item());
      },
    };
  }

  #slotVariable({ name, parameter: i, shape }: SlotPlace): OptimizerVariable {
    const weight = (this.parameters[i] as Parameter).path.replaceAll('/', '_');
    const path = `${this.optimizer.name}/${weight}_${snakeCase(name)}`;
    return {
      path,
      shape,
      read: () => new Tensor('float32', shape, this.slot(name, i).slice()),
      write: (value) => {
        checkSize(path, shape, value);
        this.slot(name, i).set(value.cast('float32').data as Float32Array);
      },
    };
  }
}

function checkSize(path: string, shape: Shape, value: Tensor): void {
  if (value.size === sizeOf(shape)) return;
  throw new ShapeError(
    `optimizer variable "${path}": expected shape [${shape}]. Received [${value.shape}].`,
    {
      argument: path,
      expected: `[${shape}]`,
      received: `[${value.shape}]`,
    },
  );
}
