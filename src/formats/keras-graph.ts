import * as z from 'zod';
import { FormatError } from '../errors.ts';
import {
  type CallSignature,
  mapArguments,
  type NamedArguments,
  noArguments,
} from '../layers/call-arguments.ts';
import { InputLayer } from '../layers/input.ts';
import type { Layer, LayerCall } from '../layers/layer.ts';
import type { SymbolicTensor } from '../layers/symbolic.ts';
import { Functional } from '../models/functional.ts';
import { type Place, placeOf } from './keras-arguments.ts';
import type { Json } from './keras-json.ts';
import { excerpt, isRecord } from './keras-objects.ts';
import { KerasOperation } from './keras-operation.ts';
import { kerasKey, ownKey } from './keras-spelling.ts';

/** How Keras writes the wiring of a functional model. */
export interface KerasGraph {
  /** One node for each call of a layer inside the model. */
  readonly inboundNodes: ReadonlyMap<Layer, readonly Json[]>;
  readonly inputLayers: Json;
  readonly outputLayers: Json;
}

/** The wiring of a model; calls outside of it are not counted. */
export function graphToKeras(model: Functional): KerasGraph {
  const inside = new Set(model.callOrder);
  const callsOf = new Map(model.layers.map((layer) => [layer, layer.calls.filter((c) => inside.has(c))]));
  const nodeOf = ({ call }: SymbolicTensor['origin']): number =>
    (callsOf.get(call.layer) ?? []).indexOf(call);
  const tensorToKeras = ({ shape, dtype, origin }: SymbolicTensor): Json => ({
    class_name: '__keras_tensor__',
    config: { shape, dtype, keras_history: [origin.call.layer.name, nodeOf(origin), origin.index] },
  });
  const callToKeras = (call: LayerCall): Json => {
    if (call.layer instanceof KerasOperation) return call.layer.nodeToKeras(call.inputs, tensorToKeras);
    return { args: inputsToKeras(call, tensorToKeras), kwargs: argumentsToKeras(call, tensorToKeras) };
  };
  const endToKeras = ({ origin }: SymbolicTensor): Json => [
    origin.call.layer.name,
    nodeOf(origin) + nodesBefore(origin.call.layer),
    origin.index,
  ];
  const endsToKeras = ([first, ...others]: readonly SymbolicTensor[]): Json =>
    first !== undefined && others.length === 0
      ? endToKeras(first)
      : [first, ...others].map((x) => endToKeras(x as SymbolicTensor));
  return {
    inboundNodes: new Map(
      [...callsOf].map(([layer, calls]) => [
        layer,
        layer instanceof InputLayer ? [] : calls.map(callToKeras),
      ]),
    ),
    inputLayers: endsToKeras(model.inputs),
    outputLayers: endsToKeras(model.outputs),
  };
}

/** Inputs of a call as Keras's layer takes them: one by one, the first and a list of the others, or a list of all. */
function inputsToKeras({ layer, inputs }: LayerCall, toKeras: (tensor: SymbolicTensor) => Json): Json[] {
  const { signature } = layer;
  const [first, ...others] = inputs.map(toKeras) as [Json, ...Json[]];
  if (others.length === 0 || signature.inputs !== undefined) return [first, ...others];
  return signature.rest === undefined ? [[first, ...others]] : [first, grouped(signature, others)];
}

const grouped = ({ groups }: CallSignature, states: readonly Json[]): readonly Json[] =>
  groups?.(states) ?? states;

/** Arguments of a call beside its inputs; masks of inputs that come in a list are in a list, too. */
function argumentsToKeras(
  { layer, tensors, flags }: LayerCall,
  toKeras: (tensor: SymbolicTensor) => Json,
): Record<string, Json> {
  const { lists = [] } = layer.signature;
  const listed = listedMasks(layer.signature);
  const kwargs: Record<string, Json> = {};
  for (const [name, list] of Object.entries(tensors)) {
    if (listed.includes(name)) continue;
    kwargs[kerasKey(name)] = lists.includes(name)
      ? grouped(layer.signature, list.map(toKeras))
      : toKeras(list[0] as SymbolicTensor);
  }
  if (listed.some((name) => tensors[name])) {
    kwargs.mask = listed.map((name) => {
      const [mask] = tensors[name] ?? [];
      return mask ? toKeras(mask) : null;
    });
  }
  for (const [name, flag] of Object.entries(flags)) kwargs[kerasKey(name)] = flag;
  return kwargs;
}

/** Masks that Keras takes together, as a list `mask`. */
const listedMasks = ({ inputs, masks = [] }: CallSignature): readonly string[] =>
  inputs === undefined && masks.length > 1 ? masks : [];

/** The ends of a model count nodes of a nested functional model from 1, as it has had one of its own; nodes do not. */
const nodesBefore = (layer: Layer): number => (layer instanceof Functional ? 1 : 0);

/** A layer of a file with its nodes, still as they stand there. */
export interface GraphMember {
  readonly name: string;
  readonly layer: Layer;
  readonly inboundNodes: unknown;
}

/** A call that is to be made, and once it is, what came out. */
interface Use {
  readonly layer: Layer;
  readonly places: readonly Place[];
  /** Arguments beside the inputs. */
  readonly args: NamedArguments<Place>;
  /** The call of the same layer that has to come first. */
  readonly previous: Use | undefined;
  outputs: readonly SymbolicTensor[] | undefined;
}

/**
 * Wires layers as a file says.
 * @throws {@link FormatError} for nodes that are malformed, refer to nothing or to each other in a circle
 */
export function wireGraph(
  members: readonly GraphMember[],
  ends: { readonly inputs: unknown; readonly outputs: unknown },
  where: string,
): { inputs: SymbolicTensor[]; outputs: SymbolicTensor[] } {
  const uses = new Map<string, Use[]>();
  for (const member of members) {
    const { name } = member;
    if (uses.has(name)) throw new FormatError(`${where}: two layers are named "${name}".`, { op: 'keras' });
    uses.set(name, usesOf(member, `${where}: layer "${name}"`));
  }
  const find = ([name, node, tensor]: Place): { use: Use; tensor: number } => {
    const use = uses.get(name)?.[node];
    if (use === undefined) {
      throw new FormatError(`${where}: there is no node ${node} of a layer "${name}".`, { op: 'keras' });
    }
    return { use, tensor };
  };
  const take = (place: Place): SymbolicTensor => {
    const { use, tensor } = find(place);
    const found = use.outputs?.[tensor];
    if (found !== undefined) return found;
    throw new FormatError(`${where}: layer "${place[0]}" has no output ${tensor}.`, { op: 'keras' });
  };
  for (const use of [...uses.values()].flat()) makeCalls(use, (place) => find(place).use, take, where);
  const layers = new Map(members.map(({ name, layer }) => [name, layer]));
  const endsFrom = (value: unknown, what: string): SymbolicTensor[] =>
    placesOfEnds(value, `${where}: ${what}`).map(([name, node, tensor]) => {
      const layer = layers.get(name);
      return take([name, node - (layer ? nodesBefore(layer) : 0), tensor]);
    });
  return { inputs: endsFrom(ends.inputs, 'input_layers'), outputs: endsFrom(ends.outputs, 'output_layers') };
}

/** Makes a call and before it those it depends on. */
function makeCalls(
  last: Use,
  find: (place: Place) => Use,
  take: (place: Place) => SymbolicTensor,
  where: string,
): void {
  const open = new Set<Use>();
  const stack = [last];
  for (let use = stack.at(-1); use !== undefined; use = stack.at(-1)) {
    const { layer, places, args } = use;
    const needed = [...places, ...Object.values(args.tensors).flat()].map(find);
    const missing = (use.previous ? [use.previous, ...needed] : needed).filter(
      (u) => u.outputs === undefined,
    );
    if (missing.length === 0) {
      const { tensors, flags } = mapArguments(args, take);
      use.outputs ??= layer.applyMulti(places.map(take), { ...tensors, ...flags });
      stack.pop();
    } else if (open.has(use)) {
      throw new FormatError(`${where}: layer "${use.layer.name}" depends on itself.`, { op: 'keras' });
    } else {
      open.add(use);
      stack.push(...missing);
    }
  }
}

const nodeSchema = z.strictObject({ args: z.array(z.unknown()), kwargs: z.record(z.string(), z.unknown()) });

function usesOf({ layer, inboundNodes }: GraphMember, where: string): Use[] {
  if (layer instanceof InputLayer) {
    return [{ layer, places: [], args: noArguments, previous: undefined, outputs: [layer.tensor()] }];
  }
  if (layer instanceof KerasOperation) {
    return [{ layer, places: layer.places, args: noArguments, previous: undefined, outputs: undefined }];
  }
  const nodes = z.array(nodeSchema).safeParse(inboundNodes);
  if (!nodes.success) {
    throw new FormatError(
      `${where}: expected inbound_nodes of { "args", "kwargs" }. Received ${excerpt(inboundNodes)}.`,
      { op: 'keras', argument: 'inbound_nodes' },
    );
  }
  const uses: Use[] = [];
  for (const { args, kwargs } of nodes.data) {
    // Keras writes the mode of a call, but a model's own mode overrides it
    const { training: _, ...others } = kwargs;
    const named = argumentsFromKeras(others, layer.signature, where);
    const inputs = [...placesOfTensors(args, where), ...placesOfTensors(named.inputs, where)];
    uses.push({
      layer,
      ...restByName(inputs, named, layer.signature),
      previous: uses.at(-1),
      outputs: undefined,
    });
  }
  return uses;
}

/** Takes the states from among the inputs where the layer has them by name: `lstm(x, states)`, once `lstm([x, ...states])`. */
function restByName(
  places: readonly Place[],
  args: NamedArguments<Place>,
  { rest, lists = [] }: CallSignature,
): Pick<Use, 'places' | 'args'> {
  if (rest === undefined || !lists.includes(rest) || places.length < 2) return { places, args };
  return {
    places: places.slice(0, 1),
    args: { ...args, tensors: { ...args.tensors, [rest]: places.slice(1) } },
  };
}

/** Keras's keyword arguments: those that the signature names, and inputs that were passed by name. */
function argumentsFromKeras(
  kwargs: Readonly<Record<string, unknown>>,
  signature: CallSignature,
  where: string,
): NamedArguments<Place> & { readonly inputs: readonly unknown[] } {
  const { masks = [], tensors = [], lists = [], flags = [] } = signature;
  const listed = listedMasks(signature);
  const named = { tensors: {} as Record<string, readonly Place[]>, flags: {} as Record<string, boolean> };
  const inputs: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(kwargs)) {
    const name = ownKey(key);
    if (value === null) continue;
    if (typeof value === 'boolean' && flags.includes(name)) {
      named.flags[name] = value;
    } else if (name === 'mask' && listed.length > 0 && Array.isArray(value)) {
      listed.forEach((mask, i) => {
        const places = placesOfTensors(value[i] ?? null, where);
        if (places.length > 0) named.tensors[mask] = places;
      });
    } else if ([...masks, ...tensors, ...lists].includes(name)) {
      named.tensors[name] = placesOfTensors(value, where);
    } else {
      inputs[name] = value;
    }
  }
  const order = signature.inputs ?? Object.keys(inputs).sort();
  const stranger = Object.keys(inputs).find((name) => !order.includes(name) && inputs[name] !== false);
  if (stranger !== undefined) {
    throw new FormatError(`${where}: the argument "${stranger}" of a call is not supported.`, {
      op: 'keras',
    });
  }
  return { ...named, inputs: order.map((name) => inputs[name] ?? null) };
}

const place = z.tuple([z.string(), z.int().min(0), z.int().min(0)]);

/** The tensors among a call's arguments; records in the order of their keys. Absent arguments are `null`. */
function placesOfTensors(value: unknown, where: string): Place[] {
  if (value === null || value === false) return [];
  if (Array.isArray(value)) return value.flatMap((element) => placesOfTensors(element, where));
  const tensor = placeOf(value);
  if (tensor !== undefined) return [tensor];
  if (isRecord(value) && !('class_name' in value)) return placesOfTensors(sortedValues(value), where);
  throw new FormatError(`${where}: an argument that is no tensor, ${excerpt(value)}, is not supported.`, {
    op: 'keras',
    received: excerpt(value),
  });
}

/** Inputs or outputs of a model: one `[layer, node, tensor]`, a list of them, or a record by name. */
function placesOfEnds(value: unknown, where: string): Place[] {
  const single = place.safeParse(value);
  if (single.success) return [single.data];
  if (Array.isArray(value)) return value.flatMap((element) => placesOfEnds(element, where));
  if (isRecord(value)) return placesOfEnds(sortedValues(value), where);
  throw new FormatError(`${where}: expected [layer, node, tensor]. Received ${excerpt(value)}.`, {
    op: 'keras',
  });
}

const sortedValues = (record: Readonly<Record<string, unknown>>): unknown[] =>
  Object.keys(record)
    .sort()
    .map((key) => record[key]);
