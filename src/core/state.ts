import * as z from 'zod';
import { FormatError } from '../errors.ts';
import type { TensorData } from './dtype.ts';
import { Tensor } from './tensor.ts';

/** What a checkpoint can hold: plain data, tensors and typed arrays, all kept to the last bit. */
export type State =
  | null
  | boolean
  | number
  | bigint
  | string
  | Tensor
  | TensorData
  | readonly State[]
  | { readonly [key: string]: State | undefined };

/** A schema for a tensor in a state. */
export const tensorState = z.custom<Tensor>((value) => value instanceof Tensor, 'expected a tensor');

/** A schema for any state. */
export const anyState = z.custom<State>(() => true);

/**
 * A state in the form that `schema` asks for.
 * @param where - whose state it is, for the message
 * @throws {@link FormatError} when the checkpoint holds something else
 */
export function parseState<S extends z.ZodType>(schema: S, state: State, where: string): z.output<S> {
  const result = schema.safeParse(state);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new FormatError(
    `${where}: the checkpoint does not fit: "${issue?.path.join('.') ?? ''}": ${issue?.message}. ` +
      'It was made by another program or version; start anew, without it.',
    { op: 'restore', argument: issue?.path.join('.') ?? '' },
  );
}

/** A schema for any number, also NaN and infinity. */
export const anyNumber = z.custom<number>((value) => typeof value === 'number', 'expected a number');
