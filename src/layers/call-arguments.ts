import type { DType } from '../core/dtype.ts';
import { nearest } from '../core/registry.ts';
import type { PartialShape } from '../core/shape.ts';
import { ConfigError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import type { Layer } from './layer.ts';
import { SymbolicTensor } from './symbolic.ts';

/** What a layer takes when it is called, beside its inputs: names by kind. */
export interface CallSignature {
  /** Names of the inputs, where Keras passes them one by one, `layer(query, value)`, and not in a list. */
  readonly inputs?: readonly string[];
  /** Masks that replace those the inputs carry, in the order of the inputs. */
  readonly masks?: readonly string[];
  /** Single tensors. */
  readonly tensors?: readonly string[];
  /** Lists of tensors. */
  readonly lists?: readonly string[];
  readonly flags?: readonly string[];
  /** Name of the list that all inputs but the first are in Keras: `cell(x, states)`; it may be one of `lists`. */
  readonly rest?: string;
  /** The states in Keras's groups, where it does not take them one after the other. */
  readonly groups?: <T>(states: readonly T[]) => readonly Nested<T>[];
}

/** Something, or a list of such. */
export type Nested<T> = T | readonly Nested<T>[];

/** A type whose unknown sizes are `null`. */
export interface PartialType {
  readonly shape: PartialShape;
  readonly dtype: DType;
}

/** Arguments of a call as they are written: `{ attentionMask: mask, useCausalMask: true }`. */
export type CallArguments = Readonly<
  Record<string, SymbolicTensor | readonly SymbolicTensor[] | boolean | undefined>
>;

/** Arguments of a call by kind; a single tensor is a list of one. */
export interface NamedArguments<T> {
  readonly tensors: Readonly<Record<string, readonly T[]>>;
  readonly flags: Readonly<Record<string, boolean>>;
}

/** How a layer is called; with the arguments that its signature names. */
export interface CallOptions extends Partial<NamedArguments<Value>> {
  /** Whether this is a training step: dropout drops, batch normalization uses the batch. */
  readonly training: boolean;
}

/** One use of a layer in a functional model. */
export interface LayerCall extends NamedArguments<SymbolicTensor> {
  readonly layer: Layer;
  readonly inputs: readonly SymbolicTensor[];
  readonly outputs: readonly SymbolicTensor[];
}

/** All tensors that a call reads: inputs, then further arguments. */
export const sourcesOf = ({ inputs, tensors }: LayerCall): readonly SymbolicTensor[] => [
  ...inputs,
  ...Object.values(tensors).flat(),
];

export const noArguments: NamedArguments<never> = { tensors: {}, flags: {} };

/**
 * Sorts arguments by kind.
 * @param label - the layer, for messages
 * @throws {@link ConfigError} for names that the signature does not have and values of another kind
 */
export function sortArguments(
  args: CallArguments,
  signature: CallSignature,
  label: string,
): NamedArguments<SymbolicTensor> {
  const { masks = [], tensors = [], lists = [], flags = [] } = signature;
  const named = {
    tensors: {} as Record<string, readonly SymbolicTensor[]>,
    flags: {} as Record<string, boolean>,
  };
  for (const [name, value] of Object.entries(args)) {
    const expected = flags.includes(name)
      ? 'true or false'
      : lists.includes(name)
        ? 'a list of symbolic tensors'
        : masks.includes(name) || tensors.includes(name)
          ? 'a symbolic tensor'
          : undefined;
    if (expected === undefined)
      throw unknownArgument(name, [...masks, ...tensors, ...lists, ...flags], label);
    if (value === undefined) continue;
    if (expected === 'true or false') {
      if (typeof value !== 'boolean') throw wrongArgument(name, expected, label);
      named.flags[name] = value;
      continue;
    }
    const list = Array.isArray(value) ? value : [value];
    const fits = lists.includes(name) || list.length === 1;
    if (!fits || !list.every((x) => x instanceof SymbolicTensor)) throw wrongArgument(name, expected, label);
    named.tensors[name] = list;
  }
  return named;
}

/** The same arguments with each tensor replaced. */
export const mapArguments = <T, U>(
  { tensors, flags }: NamedArguments<T>,
  replace: (tensor: T, name: string) => U,
): NamedArguments<U> => ({
  tensors: Object.fromEntries(
    Object.entries(tensors).map(([name, list]) => [name, list.map((x) => replace(x, name))]),
  ),
  flags,
});

function unknownArgument(name: string, known: readonly string[], label: string): ConfigError {
  const hint = nearest(name, known);
  const takes = known.length === 0 ? 'It takes none.' : `It takes ${known.join(', ')}.`;
  return new ConfigError(
    `${label}.apply(): unknown argument "${name}".${hint ? ` Did you mean "${hint}"?` : ''} ${takes}`,
    { argument: name, expected: known.join(', '), received: name },
  );
}

const wrongArgument = (name: string, expected: string, label: string): ConfigError =>
  new ConfigError(`${label}.apply(): argument "${name}": expected ${expected}.`, {
    argument: name,
    expected,
  });
