import * as z from 'zod';
import { camelCase, snakeCase } from '../core/registry.ts';

/** What the schema of an option says about how its values are spelled. */
export interface OptionSpelling {
  /** Our ids, where the option is a choice among them. */
  readonly choices: readonly string[];
  /** Kind of the configured objects that the option holds, e.g. `initializer`. */
  readonly kind: string | undefined;
  /** Whether numbers are Python floats, as Keras insists in places: `0.0`, not `0`. */
  readonly float: boolean;
}

/** Our name of a key of Keras's: `kernel_initializer` is `kernelInitializer`, `beta_1` is `beta1`. */
export const ownKey = camelCase;

/** Keras's name of an option; numbered Greek letters are `beta_1`, but `l2` stays. */
export const kerasKey = (option: string): string =>
  snakeCase(option).replace(/(?<![a-z])(beta|epsilon)(?=\d)/, '$1_');

/** Keras's spelling of an id: `channelsLast` is `channels_last`, but `ROC` stays. */
export const kerasId = (id: string): string => (/^[a-z]/.test(id) ? snakeCase(id) : id);

/** How the values of an option are spelled; `undefined` for an option that the schema does not have. */
export function spellingOf(schema: z.ZodType, option: string): OptionSpelling | undefined {
  const shape: unknown = 'shape' in schema ? schema.shape : undefined;
  if (typeof shape !== 'object' || shape === null || !Object.hasOwn(shape, option)) return undefined;
  const found = (shape as Readonly<Record<string, unknown>>)[option];
  const parts = found instanceof z.ZodType ? [...partsOf(found)] : [];
  return {
    choices: parts.flatMap((part) => (part instanceof z.ZodEnum ? part.options.map(String) : [])),
    kind: parts.map((part) => part.meta()?.kind).find((kind) => typeof kind === 'string'),
    float: parts.some((part) => part instanceof z.ZodNumber && !part.isInt),
  };
}

/** A schema and all that it is wrapped around. */
function* partsOf(schema: z.core.$ZodType): Generator<z.ZodType> {
  if (!(schema instanceof z.ZodType)) return;
  yield schema;
  if (
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodReadonly
  ) {
    yield* partsOf(schema.unwrap());
  } else if (schema instanceof z.ZodArray) {
    yield* partsOf(schema.element);
  } else if (schema instanceof z.ZodPipe) {
    yield* partsOf(schema.in);
  } else if (schema instanceof z.ZodUnion) {
    for (const option of schema.options) yield* partsOf(option);
  }
}

/** Whether an option names an activation function: those are ids too, registered by name. */
export const namesActivation = (option: string): boolean => /activation$/i.test(option);
