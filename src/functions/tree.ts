import type { DType } from '../core/dtype.ts';
import { type Shape, sameType } from '../core/shape.ts';
import { Tensor } from '../core/tensor.ts';
import { Value } from '../ir/graph.ts';

/** Objects that are data of their own, not records to look into. */
type Opaque = Tensor | ((...args: never[]) => unknown) | { readonly className: string };

/** `T` with host tensors in place of graph values, in lists and records too. */
export type Concrete<T> = T extends Value
  ? Tensor
  : T extends Opaque
    ? T
    : T extends object
      ? { readonly [K in keyof T]: Concrete<T[K]> }
      : T;

/** `T` with host tensors allowed beside graph values. */
export type Mixed<T> = T extends Value
  ? Value | Tensor
  : T extends Opaque
    ? T
    : T extends object
      ? { readonly [K in keyof T]: Mixed<T[K]> }
      : T;

/** Arguments of a function, {@link Concrete}. */
export type ConcreteAll<A extends readonly unknown[]> = { [K in keyof A]: Concrete<A[K]> };
/** Arguments of a function, {@link Mixed}. */
export type MixedAll<A extends readonly unknown[]> = { [K in keyof A]: Mixed<A[K]> };

/** Records that are looked into: object literals, and what JSON makes. */
function isRecord(node: unknown): node is Readonly<Record<string, unknown>> {
  if (typeof node !== 'object' || node === null) return false;
  const prototype: unknown = Object.getPrototypeOf(node);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** A copy of `tree` with `f` of every tensor and value in its lists and records. */
export function mapTree(tree: unknown, f: (leaf: Tensor | Value) => unknown): unknown {
  if (tree instanceof Tensor || tree instanceof Value) return f(tree);
  if (Array.isArray(tree)) return tree.map((part) => mapTree(part, f));
  if (!isRecord(tree)) return tree;
  return Object.fromEntries(Object.entries(tree).map(([key, part]) => [key, mapTree(part, f)]));
}

/** A tensor or value of a tree and where it is: `.kernel[2]`. */
export interface Leaf {
  readonly path: string;
  readonly leaf: Tensor | Value;
}

/** All tensors and values of a tree, in the order of {@link mapTree}. */
export function leavesOf(tree: unknown, path = ''): Leaf[] {
  if (tree instanceof Tensor || tree instanceof Value) return [{ path, leaf: tree }];
  if (Array.isArray(tree)) return tree.flatMap((part, i) => leavesOf(part, `${path}[${i}]`));
  if (!isRecord(tree)) return [];
  return Object.entries(tree).flatMap(([key, part]) => leavesOf(part, `${path}.${key}`));
}

/** What decides which program runs: the types of the tensors, and all other data as it is. */
export class Signature {
  key = '';
  readonly tensors: Tensor[] = [];
  /** Whether there is a graph value: the call is part of a graph. */
  symbolic = false;

  constructor(args: readonly unknown[]) {
    for (const arg of args) this.#add(arg);
  }

  #add(node: unknown): void {
    if (node instanceof Tensor) {
      this.tensors.push(node);
      this.key += `${node.dtype}[${node.shape.join()}];`;
    } else if (node instanceof Value) {
      this.symbolic = true;
    } else if (typeof node === 'string') {
      this.key += `${JSON.stringify(node)};`;
    } else if (typeof node === 'number' || typeof node === 'boolean' || node == null) {
      this.key += Object.is(node, -0) ? '-0;' : `${node};`;
    } else if (Array.isArray(node)) {
      this.key += '(';
      for (const part of node) this.#add(part);
      this.key += ')';
    } else if (isRecord(node)) {
      this.key += '{';
      for (const [name, part] of Object.entries(node)) {
        this.key += `${JSON.stringify(name)}:`;
        this.#add(part);
      }
      this.key += '}';
    } else {
      this.key += `#${identity(node)};`;
    }
  }
}

/** The type of a tensor argument. */
class ArgumentType {
  readonly dtype: DType;
  readonly shape: Shape;

  constructor({ dtype, shape }: Tensor) {
    this.dtype = dtype;
    this.shape = shape;
  }
}

const isObject = (node: unknown): boolean =>
  (typeof node === 'object' && node !== null) || typeof node === 'function';

/** The arguments of a call, to be compared with those of the next: quicker than its {@link Signature} is made. */
export class Pattern {
  readonly #parts: readonly unknown[];

  private constructor(parts: readonly unknown[]) {
    this.#parts = parts;
  }

  /** `undefined` where arguments have to be looked into to tell them apart. */
  static of(args: readonly unknown[]): Pattern | undefined {
    const parts = args.map((arg) => (arg instanceof Tensor ? new ArgumentType(arg) : arg));
    return parts.some((part) => isObject(part) && !(part instanceof ArgumentType))
      ? undefined
      : new Pattern(parts);
  }

  /** The tensors of arguments that have the same signature; `undefined` where they have another one. */
  tensorsOf(args: readonly unknown[]): Tensor[] | undefined {
    if (args.length !== this.#parts.length) return undefined;
    const tensors: Tensor[] = [];
    for (let i = 0; i < args.length; i++) {
      const [arg, part] = [args[i], this.#parts[i]];
      if (arg instanceof Tensor) {
        if (!(part instanceof ArgumentType) || !sameType(part, arg)) return undefined;
        tensors.push(arg);
      } else if (!Object.is(arg, part)) return undefined;
    }
    return tensors;
  }
}

const identities = new WeakMap<object, number>();
let identified = 0;

/** A number that stands for an object (or function) itself; other data stands for itself. */
function identity(node: unknown): string {
  if (typeof node !== 'object' && typeof node !== 'function') return String(node);
  if (node === null) return 'null';
  const known = identities.get(node) ?? ++identified;
  identities.set(node, known);
  return String(known);
}
