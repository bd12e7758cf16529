import type { Value } from '../ir/graph.ts';

const masks = new WeakMap<Value, Value>();

/** Which steps of a sequence count: booleans of shape `[batch, time]`; `undefined` where all do. */
export const maskOf = (value: Value): Value | undefined => masks.get(value);

/** Gives a value its mask, which layers after it see. */
export function setMask(value: Value, mask: Value): void {
  masks.set(value, mask);
}
