import * as z from 'zod';
import { allDtypes, type DType } from '../core/dtype.ts';
import { type NestedArray, tensor } from '../core/tensor.ts';
import { FormatError } from '../errors.ts';
import { constant, type Value } from '../ir/graph.ts';
import type { Json } from './keras-json.ts';

/** A part of an axis, as Python has it. */
export interface Slice {
  readonly start: number | null;
  readonly stop: number | null;
  readonly step: number | null;
}

/** An argument of an op: tensors are values; `'...'` is Python's ellipsis. */
export type Argument = Value | Slice | number | boolean | string | null | undefined | readonly Argument[];
export type Arguments = Readonly<Record<string, Argument>>;

export const isSlice = (arg: Argument): arg is Slice =>
  typeof arg === 'object' && arg !== null && 'start' in arg && 'stop' in arg;

const tensorSchema = z.object({
  class_name: z.literal('__keras_tensor__'),
  config: z.object({ keras_history: z.tuple([z.string(), z.int().min(0), z.int().min(0)]) }),
});

/** Layer, node, and which of its outputs. */
export type Place = z.output<typeof tensorSchema>['config']['keras_history'];

/** Where the tensor comes from that stands in a file; `undefined` for anything else. */
export const placeOf = (arg: unknown): Place | undefined => {
  const parsed = tensorSchema.safeParse(arg);
  return parsed.success ? parsed.data.config.keras_history : undefined;
};

const bound = z.int().nullable();
const sliceSchema = z.object({
  class_name: z.literal('__slice__'),
  config: z.object({ start: bound, stop: bound, step: bound }),
});
const ellipsisSchema = z.object({ class_name: z.literal('__ellipsis__') });
const nested: z.ZodType<NestedArray> = z.lazy(() =>
  z.union([z.number(), z.boolean(), z.array(nested)]),
) as z.ZodType<NestedArray>;
const arraySchema = z.object({
  class_name: z.enum(['__numpy__', '__tensor__']),
  config: z.object({ value: nested, dtype: z.enum(allDtypes as readonly [DType, ...DType[]]) }),
});

/** The places of all tensors among arguments of a file, in order. */
export function placesIn(arg: unknown): Place[] {
  const place = placeOf(arg);
  if (place !== undefined) return [place];
  if (typeof arg !== 'object' || arg === null) return [];
  return Object.values(arg).flatMap(placesIn);
}

/** Arguments of a file with other tensors in place of theirs, in the order of {@link placesIn}. */
export function withTensors(arg: unknown, next: () => Json): Json {
  if (placeOf(arg) !== undefined) return next();
  if (Array.isArray(arg)) return arg.map((element) => withTensors(element, next));
  if (typeof arg !== 'object' || arg === null) return arg as Json;
  return Object.fromEntries(Object.entries(arg).map(([key, part]) => [key, withTensors(part, next)]));
}

/**
 * Arguments of a file as an op takes them, with values for the tensors, in the order of {@link placesIn}.
 * @throws {@link FormatError} for what is no argument of an op
 */
export function argumentFrom(arg: unknown, next: () => Value): Argument {
  if (arg === null || ['number', 'boolean', 'string'].includes(typeof arg)) return arg as Argument;
  if (Array.isArray(arg)) return arg.map((element) => argumentFrom(element, next));
  if (placeOf(arg) !== undefined) return next();
  const slice = sliceSchema.safeParse(arg);
  if (slice.success) return slice.data.config;
  if (ellipsisSchema.safeParse(arg).success) return '...';
  const array = arraySchema.safeParse(arg);
  if (array.success) return constant(tensor(array.data.config.value).cast(array.data.config.dtype));
  throw new FormatError(`the argument ${JSON.stringify(arg)} of an op is not supported.`, { op: 'keras' });
}
