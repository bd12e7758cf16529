import * as z from 'zod';
import {
  type Functional,
  type Layer,
  type Model,
  model,
  type SymbolicTensor,
  sequential,
} from '../../src/index.ts';
import { InputLayer } from '../../src/layers/input.ts';
import { layerRegistry } from '../../src/layers/registry.ts';
import { ownSpelling } from './layer-cases.ts';

/** An object of Keras's `to_json`. */
export interface KerasConfig {
  readonly class_name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly inbound_nodes?: readonly { readonly args: readonly unknown[] }[];
}
/** Layer, call and output that a tensor comes from. */
type TensorAddress = readonly [string, number, number];

/** The layer or model that Keras's config describes; a layer's initializers are left out. */
export function fromKeras({ class_name, config }: KerasConfig): Layer {
  if (class_name === 'Sequential') return sequentialFromKeras(config);
  if (class_name === 'Functional') return functionalFromKeras(config);
  return layerRegistry.make({ type: class_name, ...layerOptions(class_name, config) });
}

/** A model of a golden file. */
export const modelFromKeras = (config: KerasConfig): Model => fromKeras(config) as Model;

function layerOptions(className: string, config: KerasConfig['config']): Record<string, unknown> {
  if (className === 'InputLayer') {
    const [, ...shape] = config.batch_shape as (number | null)[];
    return { name: config.name, shape, dtype: config.dtype };
  }
  const { schema } = layerRegistry.get(className);
  const known = schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
  const { name, ...options } = ownSpelling(ownObjects(config)) as Record<string, unknown>;
  const entries = Object.entries(options).filter(([key]) => known.includes(key) && !/Initializer$/.test(key));
  return { ...Object.fromEntries(entries), name: config.name ?? name };
}

/** Keras's `{ module, class_name, config }` without what only Keras needs. */
export function ownObjects(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ownObjects);
  if (value === null || typeof value !== 'object') return value;
  if ('class_name' in value && 'config' in value) {
    return { class_name: value.class_name, config: ownObjects(value.config) };
  }
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, ownObjects(v)]));
}

const sequentialFromKeras = (config: KerasConfig['config']): Model =>
  sequential((config.layers as readonly KerasConfig[]).map(fromKeras), { name: config.name as string });

function functionalFromKeras(config: KerasConfig['config']): Functional {
  const layers = config.layers as readonly KerasConfig[];
  const made = new Map(layers.map((l) => [l.config.name as string, fromKeras(l)]));
  const calls = new Map<string, (readonly SymbolicTensor[])[]>();
  const find = ([name, call, index]: TensorAddress): SymbolicTensor | undefined =>
    calls.get(name)?.[call]?.[index];
  const waiting = layers.flatMap((l) => {
    const name = l.config.name as string;
    const layer = made.get(name) as Layer;
    calls.set(name, layer instanceof InputLayer ? [[layer.tensor()]] : []);
    return (l.inbound_nodes ?? []).map((node) => ({ name, layer, sources: addresses(node.args) }));
  });
  while (waiting.length > 0) {
    const ready = waiting.findIndex(({ sources }) => sources.every((a) => find(a) !== undefined));
    const [{ name, layer, sources }] = waiting.splice(ready, 1) as [(typeof waiting)[number]];
    calls.get(name)?.push(layer.applyMulti(sources.map((a) => find(a) as SymbolicTensor)));
  }
  const ends = (list: unknown): SymbolicTensor[] => {
    const all = (Array.isArray((list as unknown[])[0]) ? list : [list]) as TensorAddress[];
    return all.map((a) => find(a) as SymbolicTensor);
  };
  return model({
    inputs: ends(config.input_layers),
    outputs: ends(config.output_layers),
    name: config.name as string,
  });
}

/** Where the tensors among the arguments of a call come from. */
function addresses(value: unknown): TensorAddress[] {
  if (Array.isArray(value)) return value.flatMap(addresses);
  const { keras_history: address } = (value as KerasConfig).config;
  return [address as TensorAddress];
}
