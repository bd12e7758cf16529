import * as z from 'zod';
import { Configured, idOf } from '../core/configured.ts';
import { formsOf } from './choice.ts';
import { kinds } from './kinds.ts';
import { configSchema } from './schema.ts';

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** The JSON Schema of a config file: what editors complete and check. Written to `schema.json` by `npm run schema`. */
export function configJsonSchema(): JsonSchema {
  const { $schema, ...schema } = convert(configSchema);
  const definitions = [...kinds.keys()].map((kind) => [definitionName(kind), anyOfKind(kind)] as const);
  return {
    ...($schema && { $schema }),
    title: 'tfk training run',
    ...schema,
    $defs: {
      ...Object.fromEntries(definitions),
      node: { allOf: [{ $ref: '#/$defs/layer' }], required: ['inputs', 'name'] },
      function: { type: 'string', description: 'The name of a function, from tfk.registerFunction().' },
    },
  };
}

/** Every layer may have them here; where they belong the program knows. */
const inputs: JsonSchema = {
  type: 'array',
  items: { type: 'string' },
  minItems: 1,
  description: 'In a functional model: names of the inputs or layers that this layer follows.',
};

const definitionName = (kind: string): string => kind.replace(/ (\w)/g, (_, c: string) => c.toUpperCase());

/** A class of a kind: by name where it needs no options, or as an object with `type`. */
function anyOfKind(kind: string): JsonSchema {
  const names = (kinds.get(kind)?.names() ?? []).toSorted();
  const objects = names.map((name): JsonSchema => {
    const { $schema: _, ...schema } = convert(kinds.get(kind)?.get(name).schema ?? z.unknown());
    return {
      ...schema,
      properties: { type: { const: name }, ...(kind === 'layer' && { inputs }), ...schema.properties },
      required: ['type', ...(schema.required ?? [])],
    };
  });
  const plain = names.filter((_, i) => objects[i]?.required?.length === 1);
  const shortcuts = kind === 'metric' ? ['accuracy', 'crossentropy'] : [];
  const byName: JsonSchema = { enum: [...new Set([...shortcuts, ...plain])] };
  return { anyOf: plain.length === 0 ? objects : [byName, ...objects] };
}

function convert(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override({ zodSchema, jsonSchema }) {
      const kind = jsonSchema.kind;
      const forms = formsOf(zodSchema);
      if (typeof kind === 'string') replace(jsonSchema, { $ref: `#/$defs/${definitionName(kind)}` });
      else if (forms)
        replace(jsonSchema, { anyOf: forms.filter((f) => !(f instanceof z.ZodNever)).map(inner) });
      if (jsonSchema.default instanceof Object) jsonSchema.default = defaultOf(zodSchema);
      for (const key of ['minimum', 'maximum'] as const) {
        if (Math.abs(jsonSchema[key] ?? 0) === Number.MAX_SAFE_INTEGER) delete jsonSchema[key];
      }
    },
  });
}

const inner = (schema: z.ZodType): JsonSchema => {
  const { $schema: _, ...rest } = convert(schema);
  return rest;
};

/** Puts another schema in the place of one that cannot be converted; its description stays. */
function replace(target: JsonSchema, source: JsonSchema): void {
  const { description } = target;
  for (const key of Object.keys(target)) delete target[key];
  Object.assign(target, source, description === undefined ? {} : { description });
}

/** A default value as a config would give it: objects by name. */
function defaultOf(schema: z.core.$ZodType): unknown {
  const value = schema instanceof z.ZodDefault ? schema.def.defaultValue : undefined;
  return value instanceof Configured ? idOf(value.className) : value;
}
