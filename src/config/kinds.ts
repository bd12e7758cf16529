import * as z from 'zod';
import { callbacks } from '../callbacks/index.ts';
import { constraints } from '../layers/constraints.ts';
import { initializers } from '../layers/initializers.ts';
import '../layers/index.ts';
import { layerRegistry } from '../layers/registry.ts';
import { regularizers } from '../layers/regularizers.ts';
import { optimizers } from '../optimizers/index.ts';
import { schedules } from '../optimizers/schedules.ts';
import { losses } from '../training/losses/index.ts';
import { metrics } from '../training/metrics/index.ts';

/** Classes of one kind by name, each with the schema of its options. */
interface Kind {
  names(): readonly string[];
  /** @throws {@link ConfigError} that suggests the nearest name */
  get(name: string): { readonly schema: z.ZodType };
}

/** Everything that a config names by `type`, by what a schema's `meta({ kind })` calls it. */
export const kinds = new Map<string, Kind>([
  ['layer', layerRegistry],
  ['initializer', initializers],
  ['regularizer', regularizers],
  ['constraint', constraints],
  ['optimizer', optimizers],
  ['learning rate schedule', schedules],
  ['loss', losses],
  ['metric', metrics],
  ['callback', callbacks],
]);

/** What kind of object an option holds, if it holds one; looks through defaults, null and unions. */
export function kindOf(schema: z.core.$ZodType): string | undefined {
  const kind = z.globalRegistry.get(schema)?.kind;
  if (typeof kind === 'string') return kind;
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodNullable || schema instanceof z.ZodOptional) {
    return kindOf(schema.unwrap());
  }
  return schema instanceof z.ZodUnion ? schema.options.map(kindOf).find((k) => k !== undefined) : undefined;
}

/** The options of an object schema; none for others. */
export const shapeOf = (schema: z.core.$ZodType): Readonly<Record<string, z.core.$ZodType>> =>
  schema instanceof z.ZodObject ? schema.shape : {};
