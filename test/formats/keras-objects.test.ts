import { describe, expect, test } from '@jest/globals';
import { Configured } from '../../src/core/configured.ts';
import { toJson } from '../../src/formats/keras-json.ts';
import { objectFromKeras, objectToKeras, type ReadContext } from '../../src/formats/keras-objects.ts';
import { kerasKey, ownKey } from '../../src/formats/keras-spelling.ts';
import '../../src/index.ts';
import { constraints } from '../../src/layers/constraints.ts';
import { initializers } from '../../src/layers/initializers.ts';
import { layerRegistry } from '../../src/layers/registry.ts';
import { regularizers } from '../../src/layers/regularizers.ts';
import { optimizers, schedules } from '../../src/optimizers/index.ts';
import { losses } from '../../src/training/losses/index.ts';
import { metrics } from '../../src/training/metrics/index.ts';
import { readGolden } from '../helpers/golden.ts';

interface Recorded {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
}
const defaults = readGolden<Readonly<Record<string, readonly Recorded[]>>>('defaults.json');
const layerCases = readGolden<(Recorded & { readonly className: string })[]>('layers.json');
const scheduleCases = readGolden<(Recorded & { readonly className: string })[]>('schedules.json');
const named = ({ className, config }: (typeof layerCases)[number]): Recorded => ({ name: className, config });

const context = (): ReadContext => ({ file: 'test.keras', customObjects: {}, shared: new Map() });
/** What we have no use for: off, or float32, as reading checks. */
const ignored = ['dtype', 'renorm_momentum', 'trainable'];

describe.each([
  {
    kind: 'layer',
    module: 'keras.layers',
    registry: layerRegistry,
    records: [...(defaults.layers ?? []), ...layerCases.map(named)],
  },
  {
    kind: 'initializer',
    module: 'keras.initializers',
    registry: initializers,
    records: defaults.initializers ?? [],
  },
  {
    kind: 'regularizer',
    module: 'keras.regularizers',
    registry: regularizers,
    records: defaults.regularizers ?? [],
  },
  {
    kind: 'constraint',
    module: 'keras.constraints',
    registry: constraints,
    records: defaults.constraints ?? [],
  },
  { kind: 'loss', module: 'keras.losses', registry: losses, records: defaults.losses ?? [] },
  { kind: 'metric', module: 'keras.metrics', registry: metrics, records: defaults.metrics ?? [] },
  { kind: 'optimizer', module: 'keras.optimizers', registry: optimizers, records: defaults.optimizers ?? [] },
  {
    kind: 'learning rate schedule',
    module: 'keras.optimizers.schedules',
    registry: schedules,
    records: scheduleCases.map(named),
  },
])('every $kind', ({ kind, module, registry, records }) => {
  // input layers belong to models; a score for each class is no single number, and refused
  const known = records.filter(
    ({ name, config }) =>
      registry.has(name) && name !== 'InputLayer' && !(/Score$/.test(name) && config.average === null),
  );

  test('of Keras is read, and written as it was', () => {
    expect(known.length).toBeGreaterThan(2);
    for (const { name, config } of known) {
      const raw = { module, class_name: name, config, registered_name: null };
      const read = objectFromKeras(raw, kind, context(), 'test.keras');
      const object = read instanceof Configured ? read : registry.make(read);
      const written = JSON.parse(toJson(objectToKeras(object)));
      expect(written).toMatchObject({ module, class_name: name, registered_name: null });
      const kept = Object.entries(config).filter(
        ([key, value]) => !ignored.includes(key) && (key in written.config || value) && value !== false,
      );
      expect({ name, ...written.config }).toMatchObject({
        name,
        ...Object.fromEntries(kept.map(([key, value]) => [key, plain(value)])),
      });
    }
  });
});

/** Without the keys of nested objects that we do not have. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !/^(input_axes|output_axes|shared_object_id)$/.test(key))
      .map(([key, v]) => [key, plain(v)]),
  );
}

test.each([
  ['kernelInitializer', 'kernel_initializer'],
  ['beta1', 'beta_1'],
  ['beta2Decay', 'beta_2_decay'],
  ['epsilon1', 'epsilon_1'],
  ['l2', 'l2'],
  ['l1RegularizationStrength', 'l1_regularization_strength'],
  ['tMul', 't_mul'],
])('%s is %s', (own, keras) => {
  expect([kerasKey(own), ownKey(keras)]).toEqual([keras, own]);
});

test('equations and names are not ids: they stay as they are', () => {
  const layer = layerRegistry.make({
    type: 'einsumDense',
    equation: 'aBc,cD->aBD',
    outputShape: [null, 2],
    name: 'myLayer',
  });
  const { config } = objectToKeras(layer);
  expect([config.equation, config.name]).toEqual(['aBc,cD->aBD', 'myLayer']);
});

test.each([
  [{ module: 'keras.layers', class_name: 'Lambda', config: {} }, 'never run'],
  [{ class_name: '__lambda__', config: { value: 'gASV' } }, 'never run'],
  [{ module: 'os', class_name: 'system', config: {} }, 'unknown layer "os.system"'],
  [{ module: 'keras.src.ops.numpy', class_name: 'Add', config: {} }, 'not supported'],
  [
    { module: 'keras.layers', class_name: 'Dense', config: { units: 2, quantization_config: { a: 1 } } },
    'quantization_config',
  ],
  [
    { module: 'keras.layers', class_name: 'Dense', config: { units: 2, dtype: 'mixed_float16' } },
    'mixed_float16',
  ],
  [
    {
      module: 'keras.layers',
      class_name: 'Embedding',
      config: { input_dim: 2, output_dim: 2, colour: 4 },
    },
    'colour',
  ],
  [
    {
      module: 'keras.layers',
      class_name: 'Dense',
      config: { units: 2, kernel_initializer: { class_name: '__lambda__', config: {} } },
    },
    'never run',
  ],
  [{ module: 'keras.layers', class_name: 7 }, 'expected { "class_name", "config" }'],
  ['Dense', 'expected { "class_name", "config" }'],
])('refuses %j', (value, message) => {
  expect(() => objectFromKeras(value, 'layer', context(), 'test.keras')).toThrow(message);
});
