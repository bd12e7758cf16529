/** Functions that tests run in worker threads. */
import { Tensor } from '../../../src/core/tensor.ts'; // not of all the library, which each thread would load
import type { data } from '../../../src/index.ts';

/** Twice the elements, in memory that is used again. */
const twice = new Float32Array(2);
export function double([x, label]: [Tensor, string]): unknown {
  twice.set((x.data as Float32Array).map((v) => 2 * v));
  return { x: x.reshape([1, 2]), twice, label };
}

/** Waits the longer the earlier an element is. */
export async function slow(element: number): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 20 - 2 * element));
  return element;
}

export const random = (element: number, context: data.MapContext): number[] => [
  element,
  context.index,
  context.random.uniform(),
];

/** What can go wrong with an element. */
export function fragile(element: number): number {
  if (element === 3) throw new Error('three is too many');
  return element;
}
export function exits(element: number): number {
  if (element === 3) process.exit(7);
  return element;
}
export async function crashes(element: number): Promise<number> {
  if (element !== 3) return element;
  setTimeout(() => {
    throw new Error('out of the blue');
  });
  return new Promise(() => {});
}
export const unsendable = (): unknown => () => {};

/** A sample with noise of its own. */
export const noisy = ([x, y]: [Tensor, Tensor], { random }: data.MapContext): [Tensor, Tensor] => {
  const moved = (x.data as Float32Array).map((v) => v + 0.1 * random.normal());
  return [new Tensor('float32', x.shape, moved), y];
};
