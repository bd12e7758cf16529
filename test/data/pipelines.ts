import { expect } from '@jest/globals';
import type { State } from '../../src/core/state.ts';
import { packState, unpackState } from '../../src/formats/state-file.ts';
import { type data, Tensor } from '../../src/index.ts';

/** An element as plain arrays. */
export type Element = unknown;

/** Tensors and typed arrays become nested arrays. */
export function plain(value: unknown): Element {
  if (value instanceof Tensor) return value.array();
  if (ArrayBuffer.isView(value)) return Array.from(value as Float32Array);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, plain(v)]));
  return value;
}

/** All elements of a pass, as plain arrays. */
export async function elementsOf(pipeline: AsyncIterable<unknown>): Promise<Element[]> {
  const elements: Element[] = [];
  for await (const element of pipeline) elements.push(plain(element));
  return elements;
}

/** The elements from here to the end; the places before each and at the end, as bytes. */
async function follow(cursor: ReturnType<data.Pipeline<unknown>['open']>) {
  const elements: Element[] = [];
  const places: State[] = [unpackState(packState(cursor.state()), 'place')];
  for (let item = await cursor.next(); !item.done; item = await cursor.next()) {
    elements.push(plain(item.value));
    places.push(unpackState(packState(cursor.state()), 'place'));
  }
  return { elements, places };
}

/** Checks that a pipeline made anew gives the rest of a pass, from any place in it; in the second pass too. */
export async function resumesEverywhere(make: () => data.Pipeline<unknown>): Promise<void> {
  const pipeline = make();
  for (let pass = 0; pass < 2; pass++) {
    const { elements, places } = await follow(pipeline.open());
    expect(elements.length).toBeGreaterThan(1);
    for (const [at, place] of places.entries()) {
      const again = make();
      again.passes = pass;
      const cursor = again.open();
      await cursor.restore(place);
      expect((await follow(cursor)).elements).toEqual(elements.slice(at));
    }
  }
}
