import * as z from 'zod';
import { parseOptions } from '../core/configured.ts';
import { deferred } from '../core/deferred.ts';
import { allDtypes } from '../core/dtype.ts';
import { formatShape, type PartialShape } from '../core/shape.ts';
import { ConfigError, DtypeError, ShapeError } from '../errors.ts';
import type { PartialType } from './call-arguments.ts';
import { standIns } from './layer-errors.ts';

const rank = z.int().min(0).nullable().default(null);
const sizes = z.array(z.int().min(0).nullable()).readonly();
const schema = deferred(() =>
  z.strictObject({
    dtype: z.enum(allDtypes).nullable().default(null),
    /** With the batch; `null` fits any size. */
    shape: sizes.nullable().default(null),
    /** Number of axes. */
    ndim: rank,
    maxNdim: rank,
    minNdim: rank,
    /** Sizes by axis, counted from the end where negative: `{ [-1]: 64 }`. */
    axes: z.record(z.string(), z.int().min(0).nullable()).default({}),
    /** Whether a last axis of size 1 may be missing, or be there besides. */
    allowLastAxisSqueeze: z.boolean().default(false),
    /** What messages call the input. */
    name: z.string().optional(),
  }),
);

/**
 * What a layer expects of an input: type, number of axes, sizes. A layer that states it (`inputSpec`) has its inputs
 * checked before it is built or called.
 * @source keras/src/layers/input_spec.py
 */
export class InputSpec {
  readonly options: z.output<typeof schema>;

  /** @throws {@link ConfigError} for options that contradict each other */
  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(schema, options, 'inputSpec');
    const { axes, maxNdim } = this.options;
    const most = this.#ndim ?? maxNdim;
    const beyond = Object.keys(axes).find(
      (axis) => !Number.isInteger(Number(axis)) || (most !== null && Number(axis) >= most),
    );
    if (beyond === undefined) return;
    throw new ConfigError(
      `inputSpec: option "axes": expected whole numbers${most === null ? '' : ` below ${most}, the number of axes`}. Received ${beyond}.`,
      { op: 'inputSpec', argument: 'axes', received: beyond },
    );
  }

  get #ndim(): number | null {
    return this.options.shape?.length ?? this.options.ndim;
  }

  /**
   * Refuses an input that is not what is expected; unknown sizes fit.
   * @param where - the layer and the input, for the message
   * @throws {@link ShapeError}, {@link DtypeError}
   */
  check({ shape, dtype }: PartialType, where: string): void {
    const { options } = this;
    if (options.dtype !== null && dtype !== options.dtype) {
      throw new DtypeError(`${where}: expected ${options.dtype}. Received ${dtype}. Use cast() on it.`, {
        expected: options.dtype,
        received: dtype,
      });
    }
    const expected = this.#mismatch(shape);
    if (expected === undefined) return;
    throw new ShapeError(`${where}: expected ${expected}. Received shape ${formatShape(shape)}.`, {
      expected,
      received: formatShape(shape),
    });
  }

  /** What a shape lacks, in words. */
  #mismatch(shape: PartialShape): string | undefined {
    const { maxNdim, minNdim, axes, allowLastAxisSqueeze } = this.options;
    const fits = (n: number | null | undefined, size: number | null): boolean =>
      n === null || size === null || n === size;
    if (this.#ndim !== null && !allowLastAxisSqueeze && shape.length !== this.#ndim)
      return `${this.#ndim} axes`;
    if (maxNdim !== null && shape.length > maxNdim) return `at most ${maxNdim} axes`;
    if (minNdim !== null && shape.length < minNdim) return `at least ${minNdim} axes`;
    for (const [axis, size] of Object.entries(axes)) {
      if (!fits(shape.at(Number(axis)), size)) return `size ${size} of axis ${axis}`;
    }
    if (this.options.shape === null) return undefined;
    const squeezed = (list: PartialShape): PartialShape =>
      allowLastAxisSqueeze && list.at(-1) === 1 ? list.slice(0, -1) : list;
    const [sizes, received] = [squeezed(this.options.shape), squeezed(shape)];
    if (sizes.length === received.length && sizes.every((size, axis) => fits(received[axis], size)))
      return undefined;
    return `shape ${formatShape(this.options.shape)}`;
  }
}

/** What a layer expects of an input. @see {@link InputSpec} */
export const inputSpec = (options: z.input<typeof schema> = {}): InputSpec => new InputSpec(options);

/**
 * Checks a layer's inputs; sizes that stand in for unknown ones count as unknown.
 * @param specs - what is expected of each; none where a layer says nothing
 * @throws {@link ShapeError}, {@link DtypeError}
 */
export function checkInputs(
  { label, name }: { readonly label: string; readonly name: string },
  specs: readonly (InputSpec | null)[],
  arity: { readonly min: number; readonly max: number },
  inputs: readonly PartialType[],
): void {
  const { min, max } = arity;
  if (inputs.length < min || inputs.length > max) {
    const expected = min === max ? `${min}` : `${min} to ${max}`;
    throw new ShapeError(`${label} takes ${expected} inputs. Received ${inputs.length}.`, { op: name });
  }
  if (specs.length > 0 && specs.length !== inputs.length) {
    throw new ShapeError(`${label} takes ${specs.length} inputs. Received ${inputs.length}.`, { op: name });
  }
  const known = (n: number | null): number | null => (standIns.some((size) => size === n) ? null : n);
  inputs.forEach(({ shape, dtype }, i) => {
    const spec = specs[i];
    const which = spec?.options.name ?? (inputs.length > 1 ? String(i) : undefined);
    spec?.check({ dtype, shape: shape.map(known) }, which === undefined ? label : `${label}, input ${which}`);
  });
}
