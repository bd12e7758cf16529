import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import type { Key } from '../core/random.ts';
import { formatType } from '../core/shape.ts';
import { anyNumber, parseState, type State, tensorState } from '../core/state.ts';
import { Tensor } from '../core/tensor.ts';
import { ConfigError } from '../errors.ts';
import { keptOf, type ParameterStore } from './parameters.ts';
import type { Trainable } from './trainable.ts';

const named = z.array(z.strictObject({ name: z.string(), value: tensorState }));
const storeSchema = deferred(() =>
  z.strictObject({
    optimizer: z.string(),
    key: z.tuple([z.number(), z.number()]),
    iteration: z.int(),
    learningRate: anyNumber.nullable(),
    shared: z.record(z.string(), anyNumber),
    weights: named,
    slots: named,
  }),
);

interface Named {
  readonly name: string;
  readonly value: Tensor;
}

/** The arrays that training changes: live memory, not copies. */
function arraysOf(model: Trainable, { state }: ParameterStore): { weights: Named[]; slots: Named[] } {
  const weights = [...model.trainableWeights, ...keptOf(model)];
  return {
    weights: weights.map((w) => ({ name: w.path, value: w.storage })),
    slots: state.optimizer.slots.flatMap(({ name }) =>
      state.parameters.map(({ path, shape }, i) => ({
        name: `${path} ${name}`,
        value: new Tensor('float32', shape, state.slot(name, i)),
      })),
    ),
  };
}

/** Weights, the state of the optimizer and the key of the random numbers, as they are now. */
export function storeState(model: Trainable, store: ParameterStore): State {
  const { weights, slots } = arraysOf(model, store);
  return {
    optimizer: store.state.optimizer.className,
    key: store.key,
    ...store.state.scalars,
    weights: weights.map((w) => ({ ...w })),
    slots: slots.map((s) => ({ ...s })),
  };
}

/**
 * Writes a {@link storeState} into the model and its optimizer.
 * @throws {@link ConfigError} when they are others than before; nothing is changed then
 */
export function restoreStore(model: Trainable, store: ParameterStore, state: State): void {
  const { optimizer, key, weights, slots, ...scalars } = parseState(storeSchema, state, 'model');
  const now = arraysOf(model, store);
  requireSame('optimizer', optimizer, store.state.optimizer.className);
  requireAlike('weights', weights, now.weights);
  requireAlike('optimizer variables', slots, now.slots);
  copyInto(now.weights, weights);
  copyInto(now.slots, slots);
  store.state.scalars = scalars;
  store.key = key satisfies Key;
}

function copyInto(targets: readonly Named[], sources: readonly Named[]): void {
  for (const [i, { value }] of targets.entries())
    (value.data as Float32Array).set((sources[i] as Named).value.data as Float32Array);
}

/** Names may differ, as those that layers are given by default; types and their order may not. */
function requireAlike(what: string, before: readonly Named[], now: readonly Named[]): void {
  requireSame(`number of ${what}`, String(before.length), String(now.length));
  const differs = before.findIndex(({ value }, i) => typeOf(value) !== typeOf((now[i] as Named).value));
  if (differs >= 0) requireSame(what, describe(before[differs]), describe(now[differs]));
}

const typeOf = ({ dtype, shape }: Tensor): string => formatType({ dtype, shape });

const describe = (array: Named | undefined): string =>
  array === undefined ? 'none' : `${array.name} ${typeOf(array.value)}`;

function requireSame(what: string, before: string, now: string): void {
  if (before === now) return;
  throw new ConfigError(
    `fit: the checkpoint was made with another model or optimizer: ${what}. Expected: ${before}. Received: ${now}. ` +
      'Build and compile the model as before, or begin anew without the checkpoint.',
    { argument: what, expected: before, received: now },
  );
}
