import { describe, expect, test } from '@jest/globals';
import type { Configured, SerializedObject } from '../../src/core/configured.ts';
import { camelCase } from '../../src/core/registry.ts';
import { constraints } from '../../src/layers/constraints.ts';
import { initializers } from '../../src/layers/initializers.ts';
import '../../src/layers/index.ts';
import { layerRegistry } from '../../src/layers/registry.ts';
import { regularizers } from '../../src/layers/regularizers.ts';
import { readGolden } from '../helpers/golden.ts';
import { ownSpelling } from '../helpers/layer-cases.ts';

interface Defaults {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly config: Readonly<Record<string, unknown>>;
}

/** Keras's options that have no counterpart here, or that not all of its configs have. */
const notOurs: Readonly<Record<string, readonly string[]>> = {
  '*': ['dtype', 'quantizationConfig', 'trainable', 'activityRegularizer'],
  BatchNormalization: ['synchronized', 'renorm', 'renormClipping', 'renormMomentum'],
  LayerNormalization: ['rmsScaling'],
};
/** Options that Keras leaves out of its configs, of some layers or of all. */
const notTheirs: Readonly<Record<string, readonly string[]>> = {
  '*': ['activityRegularizer', 'trainable', 'loraRank', 'loraAlpha'],
  Identity: ['gain'],
  SimpleRNN: ['seed'],
};

/** Layers whose config has a form of its own. */
const ownForm = ['InputLayer'];

/** Keras's config in our form: camelCase keys and ids, objects as `{ className, config }`. */
function translated(value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return ownSpelling(value);
  if ('class_name' in value && 'config' in value) {
    const { class_name: className, config } = value as { class_name: string; config: object };
    return { className, config: translated(config) };
  }
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [camelCase(key), translated(v)]));
}

const without = (
  config: object,
  name: string,
  table: Readonly<Record<string, readonly string[]>>,
): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(config).filter(([key]) => ![...(table['*'] ?? []), ...(table[name] ?? [])].includes(key)),
  );

const defaults = readGolden<Readonly<Record<string, readonly Defaults[]>>>('defaults.json');
const kinds = {
  layers: layerRegistry,
  initializers,
  regularizers,
  constraints,
} as const satisfies Record<string, { make(spec: SerializedObject): Configured; has(name: string): boolean }>;

describe.each(Object.entries(kinds))('%s', (kind, registry) => {
  const all = defaults[kind] ?? [];
  const known = all.filter(({ name }) => registry.has(name) && !ownForm.includes(name));
  if (known.length < all.length) {
    process.stdout.write(`skipped the defaults of ${all.length - known.length} of ${all.length} ${kind}\n`);
  }

  test.each(known.map((record) => [record.name, record] as const))('%s', (className, record) => {
    const options = ownSpelling(record.options) as Record<string, unknown>;
    const made: Configured = registry.make({ className, config: options });
    const { name, ...ours } = without(made.getConfig(), className, notTheirs);
    const { name: theirName, ...theirs } = without(translated(record.config) as object, className, notOurs);
    expect(ours).toEqual(theirs);
    // automatic names are counted on from layer to layer
    if (kind === 'layers') expect(camelCase(String(name).replace(/_\d+$/, ''))).toBe(theirName);
  });
});
