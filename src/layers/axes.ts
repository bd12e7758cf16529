import * as z from 'zod';

/** One axis, or several. */
export const axesOption = (byDefault: number) =>
  z.union([z.int(), z.array(z.int()).min(1, 'expected at least one axis')]).default(byDefault);

/** Axes as a list. */
export const axisList = (axes: number | readonly number[]): readonly number[] =>
  typeof axes === 'number' ? [axes] : axes;
