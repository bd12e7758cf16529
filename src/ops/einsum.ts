import { type Shape, sizeOf } from '../core/shape.ts';
import { ConfigError, ShapeError } from '../errors.ts';
import type { Value } from '../ir/graph.ts';
import { mul } from './binary.ts';
import { matmul } from './matmul.ts';
import { reduceSum } from './reduce.ts';
import { reshape, squeeze, transpose } from './shape.ts';
import { slice } from './slice.ts';

/** One operand: a value and the label of each of its axes. */
interface Term {
  readonly x: Value;
  readonly labels: readonly string[];
}

/**
 * Sum of products over labelled axes, e.g. `einsum('bij,bjk->bik', [a, b])`, a batch of matrix products.
 *
 * Axes that share a letter are multiplied along each other, and summed where the letter is missing on the right. A
 * letter twice in one operand takes the diagonal. `...` stands for leading axes that broadcast. Without `->` the result
 * has the axes of `...`, then the letters that occur once, in alphabetical order. Operands are contracted from left to
 * right, each pair by one matrix product.
 * @throws {@link ConfigError} when the equation is malformed, {@link ShapeError} when sizes of one letter differ
 * @source ONNX Einsum-12
 */
export function einsum(equation: string, operands: readonly Value[]): Value {
  const { inputs, output } = parseEquation(equation, operands);
  checkSizes(equation, inputs, operands);
  const terms = inputs.map((labels, i) => diagonal({ x: operands[i] as Value, labels }));
  const [first, ...rest] = terms as [Term, ...Term[]];
  let result = dropUnread(first, readLater(rest, output));
  rest.forEach((term, i) => {
    const later = readLater(rest.slice(i + 1), output);
    result = contract(result, dropUnread(term, [...later, ...result.labels]), later);
  });
  return arrange(result, output);
}

interface Equation {
  readonly inputs: readonly (readonly string[])[];
  readonly output: readonly string[];
}

/** Label of the axis of `...` that is the `i`-th from the right; all operands count from there. */
const ellipsisLabel = (i: number): string => `...${i}`;

function parseEquation(equation: string, operands: readonly Value[]): Equation {
  const [left, right, ...more] = equation.replace(/\s/g, '').split('->') as [string, ...string[]];
  const subscripts = left.split(',');
  if (more.length > 0 || subscripts.length !== operands.length) {
    throw equationError(
      equation,
      `${subscripts.length} operands and one result, received ${operands.length} operands`,
    );
  }
  const inputs = subscripts.map((text, i) => labelsOf(equation, text, (operands[i] as Value).rank));
  const leading = Math.max(0, ...inputs.map((labels) => labels.filter((l) => l.length > 1).length));
  const ellipsis = Array.from({ length: leading }, (_, i) => ellipsisLabel(leading - 1 - i));
  if (right === undefined) {
    const letters = inputs.flat().filter((l) => l.length === 1);
    const once = letters.filter((l) => letters.indexOf(l) === letters.lastIndexOf(l)).sort();
    return { inputs, output: [...ellipsis, ...once] };
  }
  const letters = right.replace('...', '').length;
  const output = labelsOf(equation, right, right.includes('...') ? leading + letters : letters);
  const unknown = output.find((l) => !inputs.flat().includes(l));
  if (unknown !== undefined || new Set(output).size !== output.length) {
    throw equationError(equation, 'every label of the result once, and in an operand');
  }
  return { inputs, output };
}

/** Labels of the axes that a subscript such as `b...ij` names. */
function labelsOf(equation: string, text: string, rank: number): string[] {
  const match = /^([a-zA-Z]*)(\.\.\.)?([a-zA-Z]*)$/.exec(text);
  if (match === null) throw equationError(equation, `letters and at most one "..." instead of "${text}"`);
  const [, before = '', dots, after = ''] = match;
  const extra = rank - before.length - after.length;
  if (extra < 0 || (dots === undefined && extra > 0)) {
    throw equationError(equation, `a label for each axis: "${text}" does not fit ${rank} axes`);
  }
  return [...before, ...Array.from({ length: extra }, (_, i) => ellipsisLabel(extra - 1 - i)), ...after];
}

const equationError = (equation: string, expected: string): ConfigError =>
  new ConfigError(`einsum: equation "${equation}": expected ${expected}.`, {
    op: 'einsum',
    argument: 'equation',
    expected,
    received: equation,
  });

/** Sizes of one label must be equal, or 1. */
function checkSizes(equation: string, inputs: Equation['inputs'], operands: readonly Value[]): void {
  const sizes = new Map<string, number>();
  inputs.forEach((labels, i) => {
    labels.forEach((label, axis) => {
      const n = (operands[i] as Value).shape[axis] as number;
      const known = sizes.get(label) ?? 1;
      if (n !== known && n !== 1 && known !== 1) {
        throw new ShapeError(`einsum: equation "${equation}": label ${label} has sizes ${known} and ${n}.`, {
          op: 'einsum',
          expected: `size ${known}`,
          received: String(n),
        });
      }
      sizes.set(label, Math.max(known, n));
    });
  });
}

/** Labels that later operands or the result still read. */
const readLater = (terms: readonly Term[], output: readonly string[]): string[] => [
  ...terms.flatMap((term) => term.labels),
  ...output,
];

/** Takes diagonals until no label is there twice: every `n + 1`-th element of the two axes as one. */
function diagonal(term: Term): Term {
  const { x, labels } = term;
  const second = labels.findIndex((label, axis) => labels.indexOf(label) < axis);
  if (second < 0) return term;
  const first = labels.indexOf(labels[second] as string);
  const n = x.shape[first] as number;
  const others = labels.flatMap((_, axis) => (axis === first || axis === second ? [] : [axis]));
  const ahead = transpose(x, [...others, first, second]);
  const flat = reshape(ahead, [...ahead.shape.slice(0, -2), n * n]);
  const picked = slice(flat, [0], [n * n], [-1], [n + 1]);
  return diagonal({ x: picked, labels: [...others, first].map((axis) => labels[axis] as string) });
}

/** Sums the axes whose label nothing else reads. */
function dropUnread({ x, labels }: Term, read: readonly string[]): Term {
  const axes = labels.flatMap((label, axis) => (read.includes(label) ? [] : [axis]));
  if (axes.length === 0) return { x, labels };
  return { x: reduceSum(x, axes), labels: labels.filter((label) => read.includes(label)) };
}

/** The product of two operands, summed over the labels they share that nothing reads later. */
function contract(left: Term, right: Term, later: readonly string[]): Term {
  const [a, b] = [withoutOnes(left, right), withoutOnes(right, left)];
  const shared = a.labels.filter((label) => b.labels.includes(label));
  const summed = shared.filter((label) => !later.includes(label));
  const batch = shared.filter((label) => later.includes(label));
  const rows = a.labels.filter((label) => !shared.includes(label));
  const columns = b.labels.filter((label) => !shared.includes(label));
  const labels = [...batch, ...rows, ...columns];
  const sizes = (term: Term, names: readonly string[]): Shape =>
    names.map((label) => term.x.shape[term.labels.indexOf(label)] as number);
  const [m, n, k] = [sizes(a, rows), sizes(b, columns), sizeOf(sizes(a, summed))];
  const outer = sizes(a, batch);
  const x = arrange(a, [...batch, ...rows, ...summed]);
  if (summed.length === 0) {
    const y = arrange(b, [...batch, ...columns]);
    const ones = (shape: Shape): Shape => shape.map(() => 1);
    return dropUnread(
      { x: mul(reshape(x, [...outer, ...m, ...ones(n)]), reshape(y, [...outer, ...ones(m), ...n])), labels },
      later,
    );
  }
  const y = arrange(b, [...batch, ...summed, ...columns]);
  const product = matmul(reshape(x, [...outer, sizeOf(m), k]), reshape(y, [...outer, k, sizeOf(n)]));
  return dropUnread({ x: reshape(product, [...outer, ...m, ...n]), labels }, later);
}

/** Without axes of size 1 that the other operand has too, and larger: they broadcast. */
function withoutOnes({ x, labels }: Term, other: Term): Term {
  const broadcast = labels.flatMap((label, axis) => {
    const n = other.x.shape[other.labels.indexOf(label)] ?? 1;
    return x.shape[axis] === 1 && n !== 1 ? [axis] : [];
  });
  if (broadcast.length === 0) return { x, labels };
  return { x: squeeze(x, broadcast), labels: labels.filter((_, axis) => !broadcast.includes(axis)) };
}

/** The axes in the order of `labels`. */
const arrange = (term: Term, labels: readonly string[]): Value =>
  transpose(
    term.x,
    labels.map((label) => term.labels.indexOf(label)),
  );
