import * as z from 'zod';
import { deferred } from '../core/deferred.ts';
import { formatShape, type PartialShape } from '../core/shape.ts';
import { ShapeError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import { add, einsum } from '../ops/index.ts';
import { activate } from './activate.ts';
import { activationOption } from './activations.ts';
import { layerOptions, type PartialShapes, type Values } from './layer.ts';
import { Adaptable, loraFromStart } from './lora.ts';
import { biasOptions, biasWeight, kernelOptions, kernelWeight, positiveInteger } from './options.ts';
import { registerLayer } from './registry.ts';
import type { Weight } from './weight.ts';

/** An equation taken apart: `...` leads both input and output, ends both, or is absent. */
interface Equation {
  readonly ellipsis: 'leading' | 'trailing' | undefined;
  readonly input: string;
  readonly kernel: string;
  readonly output: string;
}

function parseEquation(text: string): Equation | undefined {
  const plain = /^([a-zA-Z]+),([a-zA-Z]+)->([a-zA-Z]+)$/;
  const forms = [
    [text, undefined],
    [text.replace(/^\.{3}(.*->)\.{3}/, '$1'), 'leading'],
    [text.replace(/^([^.]*)\.{3}(,.*)\.{3}$/, '$1$2'), 'trailing'],
  ] as const;
  for (const [form, ellipsis] of forms) {
    const [, input, kernel, output] = plain.exec(form) ?? [];
    if (input && kernel && output) return { ellipsis, input, kernel, output };
  }
  return undefined;
}

const schema = deferred(() =>
  layerOptions.extend({
    /** For instance `abc,cde->abde`: the letters of the input, of the kernel and of the output. */
    equation: z
      .string()
      .transform((text) => text.replaceAll(' ', ''))
      .refine(parseEquation, 'expected an equation such as "abc,cd->abd" or "...x,xy->...y"'),
    /** Sizes of the output's letters but the batch's; `null` where the input's size is taken. */
    outputShape: z.union([
      positiveInteger.transform((n): (number | null)[] => [n]),
      z.array(positiveInteger.nullable()),
    ]),
    activation: activationOption(),
    /** Letters of the output that the bias has, e.g. `d`; `null` for no bias. */
    biasAxes: z.string().nullable().default(null),
    ...kernelOptions,
    ...biasOptions,
    ...loraFromStart,
  }),
);

/**
 * A dense layer over any axes: `y = activation(einsum(equation, x, kernel) + bias)`.
 *
 * Weights: `kernel`, of the sizes of its letters; `bias`, of the output's sizes from the first of `biasAxes`
 * on, 1 where a letter is not among them.
 * @source keras/src/layers/core/einsum_dense.py
 */
export class EinsumDense extends Adaptable<typeof schema> {
  static override readonly className = 'EinsumDense';
  static override readonly schema = schema;
  #kernel!: Weight;
  #bias: Weight | undefined;

  override build([shape]: PartialShapes): void {
    const o = this.options;
    const equation = parseEquation(o.equation) as Equation;
    const sizes = this.#sizes(shape, equation);
    const known = (letter: string): number => sizes.get(letter) ?? this.#unknown(letter, shape);
    const shapeOfKernel = Array.from(equation.kernel, known);
    this.#kernel = this.addAdaptableWeight('kernel', shapeOfKernel, kernelWeight(o), o);
    const { biasAxes } = o;
    if (biasAxes === null) return;
    const stranger = Array.from(biasAxes).find((letter) => !equation.output.includes(letter));
    if (stranger !== undefined) this.#unknown(stranger, shape);
    const letters = equation.output.slice(equation.output.search(new RegExp(`[${biasAxes}]`)));
    const trailing = equation.ellipsis === 'trailing' ? shape.length - equation.input.length : 0;
    const biasShape = [
      ...Array.from(letters, (letter) => (biasAxes.includes(letter) ? known(letter) : 1)),
      ...new Array<number>(trailing).fill(1),
    ];
    this.#bias = this.addWeight('bias', biasShape, biasWeight(o));
  }

  /** Sizes of the letters, as far as the input and `outputShape` tell. */
  #sizes(shape: PartialShape, { ellipsis, input, output }: Equation): ReadonlyMap<string, number> {
    const { outputShape } = this.options;
    const skipped = ellipsis === 'leading' ? shape.length - input.length : 0;
    // where "..." does not lead, the first letter is the batch, which outputShape leaves out
    const stated = ellipsis === 'leading' ? output : output.slice(1);
    if (stated.length !== outputShape.length) {
      const expected = `${stated.length} sizes, of "${stated}"`;
      throw this.#error(`expected ${expected}`, shape, expected);
    }
    const found = [
      ...Array.from(input, (letter, i) => [letter, shape[skipped + i]] as const),
      ...Array.from(stated, (letter, i) => [letter, outputShape[i]] as const),
    ];
    const sizes = new Map<string, number>();
    for (const [letter, size] of found) {
      if (typeof size !== 'number') continue;
      const other = sizes.get(letter) ?? size;
      if (other !== size) throw this.#error(`"${letter}" has two sizes, ${other} and ${size}`, shape);
      sizes.set(letter, size);
    }
    return sizes;
  }

  #unknown(letter: string, shape: PartialShape): never {
    throw this.#error(`the size of "${letter}" is not known`, shape);
  }

  #error(fault: string, shape: PartialShape, expected = 'one known size for each letter'): ShapeError {
    const { equation, outputShape } = this.options;
    const received = `input shape ${formatShape(shape)} and outputShape ${formatShape(outputShape)}`;
    return new ShapeError(`"${equation}": ${fault}. Received ${received}.`, {
      argument: 'outputShape',
      expected,
      received,
    });
  }

  call([x]: Values): Value {
    const y = einsum(this.options.equation, [x, this.#kernel.value]);
    return activate(this.options.activation, this.#bias ? add(y, this.#bias.value) : y);
  }
}

/**
 * A dense layer over any axes: `y = activation(einsum(equation, x, kernel) + bias)`. @see {@link EinsumDense}
 */
export const einsumDense = (options: z.input<typeof schema>): EinsumDense => new EinsumDense(options);
registerLayer(EinsumDense, [
  {
    options: { equation: 'abc,cd->abd', outputShape: [null, 4], biasAxes: 'd' },
    inputs: [[null, 2, 3]],
    output: [null, 2, 4],
  },
  {
    options: { equation: '...x,xyz->...yz', outputShape: [2, 3], biasAxes: 'yz', activation: 'tanh' },
    inputs: [[null, null, 4]],
    output: [null, null, 2, 3],
  },
  {
    options: { equation: 'ab...,bc->ac...', outputShape: 5, biasAxes: 'c' },
    inputs: [[null, 3, 2, 2]],
    output: [null, 5, 2, 2],
  },
]);
